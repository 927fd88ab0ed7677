/** OpenAPI 3 documents, one for each group and version, as `/openapi/v3` serves them. */
import { type AnyKind, apiVersionOf } from '../kind.ts';
import { type Operation, type Parameter, type PathOperations, pathsOf } from './openapi-paths.ts';
import { type Json, SchemaCollector } from './openapi-schemas.ts';

export interface OpenApiOptions {
  /** The version that the document says: upstream has `v1.36.0`. */
  readonly version: string;
  /** The schema of a custom resource's version, as its CRD has it; undefined for built-in kinds. */
  readonly customSchema?: (kind: AnyKind) => Json | undefined;
}

/** `api/v1` or `apis/apps/v1`: the key of a group and version in the index. */
export function openApiV3Path(gv: { group: string; version: string }): string {
  return gv.group ? `apis/${apiVersionOf(gv)}` : `api/${gv.version}`;
}

/** `/openapi/v3`: where each document is, under a URL that changes with its content. */
export function openApiV3Index(documents: Iterable<readonly [path: string, hash: string]>): Json {
  const paths: Json = {};
  for (const [path, hash] of documents) paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  return { paths };
}

/** The document of the kinds of one group and version. */
export function openApiV3(kinds: readonly AnyKind[], options: OpenApiOptions): Json {
  const collector = new SchemaCollector(3);
  const paths = pathsOf(collector, kinds, options.customSchema ?? (() => undefined));
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: options.version },
    paths: Object.fromEntries(paths.map((path) => [path.path, pathItem(collector, path)]).sort(byName)),
    components: {
      schemas: collector.schemas(),
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          description: 'Bearer Token authentication',
          name: 'authorization',
          in: 'header',
        },
      },
    },
  };
}

const byName = (a: readonly unknown[], b: readonly unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1);

function pathItem(collector: SchemaCollector, { operations, parameters }: PathOperations): Json {
  return {
    ...Object.fromEntries(operations.map((operation) => [operation.method, writeOperation(collector, operation)])),
    parameters: parameters.map(writeParameter),
  };
}

function writeParameter({ name, in: place, type, description }: Parameter): Json {
  return {
    name,
    in: place,
    description,
    ...(place === 'path' ? { required: true } : {}),
    schema: { type, uniqueItems: true },
  };
}

function writeOperation(collector: SchemaCollector, operation: Operation): Json {
  const content = (types: readonly string[], name: string) =>
    Object.fromEntries(types.map((type) => [type, { schema: collector.ref(name) }]));
  const { group, version, kind } = operation.kind;
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.id,
    ...(operation.parameters.length ? { parameters: operation.parameters.map(writeParameter) } : {}),
    ...(operation.body
      ? {
          requestBody: {
            content: content(operation.consumes, operation.body),
            ...(operation.action.startsWith('delete') ? {} : { required: true }),
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(
        operation.responses.map(({ code, description, schema }) => [
          code,
          { description, content: content(operation.produces, schema) },
        ]),
      ),
      '401': { description: 'Unauthorized' },
    },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': { group, kind, version },
  };
}
