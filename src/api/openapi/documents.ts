/** OpenAPI documents of lists of kinds: one of v2 for everything, one of v3 for each group and version. */
import { type AnyKind, apiVersionOf } from '../kind.ts';
import { type StructSchema, structSchema } from '../schema/schema.ts';
import { kubernetesVersion } from '../version.ts';
import { addKindPaths, type PathSchemas } from './paths.ts';
import { type Describe, type JsonSchema, type OpenApiVersion, SchemaCollector } from './schemas.ts';

/** What a kind's own schema is, where it has one that is not made from a struct: custom resources bring theirs. */
export type CustomSchema = (kind: AnyKind) => JsonSchema | undefined;

export interface DocumentOptions {
  readonly describe: Describe;
  readonly customSchema?: CustomSchema;
}

/** The v3 document of the kinds of one group and version. */
export function openApiV3(kinds: readonly AnyKind[], options: DocumentOptions): object {
  const { schemas, paths } = collect('v3', kinds, options);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: kubernetesVersion },
    paths,
    components: {
      schemas,
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          name: 'authorization',
          in: 'header',
          description: 'Bearer Token authentication',
        },
      },
    },
  };
}

/** The v2 document (Swagger) of all kinds. */
export function openApiV2(kinds: readonly AnyKind[], options: DocumentOptions): object {
  const { schemas, paths } = collect('v2', kinds, options);
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: kubernetesVersion },
    paths,
    definitions: schemas,
    securityDefinitions: {
      BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer Token authentication' },
    },
    security: [{ BearerToken: [] }],
  };
}

const meta = (name: string): StructSchema => structSchema(`meta/v1.${name}`);

function collect(
  version: OpenApiVersion,
  kinds: readonly AnyKind[],
  { describe, customSchema }: DocumentOptions,
): { schemas: Record<string, JsonSchema>; paths: Record<string, unknown> } {
  const collector = new SchemaCollector(version, describe);
  const everyGvk = kinds.map((kind) => ({ group: kind.group, kind: 'DeleteOptions', version: kind.version }));
  const gvks = [
    ...new Map(
      [{ group: '', kind: 'DeleteOptions', version: 'v1' }, ...everyGvk].map((gvk) => [
        `${gvk.group}/${gvk.version}`,
        gvk,
      ]),
    ).values(),
  ];
  const deleteOptions = collector.add(meta('DeleteOptions'), { 'x-kubernetes-group-version-kind': gvks });
  const status = collector.add(meta('Status'), {
    'x-kubernetes-group-version-kind': [{ group: '', kind: 'Status', version: 'v1' }],
  });
  const patch = collector.addSchema('io.k8s.apimachinery.pkg.apis.meta.v1.Patch', {
    description: 'Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.',
    type: 'object',
  });
  const own = (kind: AnyKind): string => {
    const gvk = [{ group: kind.group, kind: kind.kind, version: kind.version }];
    const custom = customSchema?.(kind);
    if (!custom) return collector.add(kind.struct, { 'x-kubernetes-group-version-kind': gvk });
    const name = kind.struct.openapiName;
    collector.addSchema(name, { ...withMetadata(custom, collector), 'x-kubernetes-group-version-kind': gvk });
    return name;
  };
  const list = (kind: AnyKind): string => {
    const name = `${own(kind)}List`;
    if (collector.schemas.has(name)) return name;
    const listMeta = collector.add(meta('ListMeta'));
    const item = { $ref: collector.ref(own(kind)) };
    return collector.addSchema(name, {
      description: `${kind.listKind} is a list of ${kind.kind}`,
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: { type: 'string', description: apiVersionDescription },
        items: {
          type: 'array',
          description: `List of ${kind.plural}.`,
          items: version === 'v3' ? { allOf: [item], default: {} } : item,
        },
        kind: { type: 'string', description: kindDescription },
        metadata:
          version === 'v3'
            ? { allOf: [{ $ref: collector.ref(listMeta) }], default: {} }
            : { $ref: collector.ref(listMeta) },
      },
      'x-kubernetes-group-version-kind': [{ group: kind.group, kind: kind.listKind, version: kind.version }],
    });
  };
  const pathSchemas: PathSchemas = {
    version,
    kind: (kind) => collector.ref(own(kind)),
    list: (kind) => collector.ref(list(kind)),
    deleteOptions: collector.ref(deleteOptions),
    patch: collector.ref(patch),
    status: collector.ref(status),
  };
  const paths: Record<string, unknown> = {};
  for (const kind of kinds) {
    if (!customSchema?.(kind)) own(kind);
    addKindPaths(paths, kind, pathSchemas);
  }
  for (const root of new Set(
    kinds.map((kind) => (kind.group ? `/apis/${apiVersionOf(kind)}/` : `/api/${kind.version}/`)),
  )) {
    const get = {
      description: 'get available resources',
      operationId: `getResources${root.replaceAll(/[^a-zA-Z0-9]+/g, '_')}`,
      responses: { '200': { description: 'OK' } },
    };
    paths[root] = { get };
  }
  const byName = [...collector.schemas].sort(([a], [b]) => (a < b ? -1 : 1));
  return { schemas: Object.fromEntries(byName), paths };
}

const apiVersionDescription = 'APIVersion defines the versioned schema of this representation of an object.';
const kindDescription = 'Kind is a string value representing the REST resource this object represents.';

/** A custom resource's schema with what every object has. */
function withMetadata(schema: JsonSchema, collector: SchemaCollector): JsonSchema {
  const metadata = { $ref: collector.ref(collector.add(meta('ObjectMeta'))) };
  const properties = (schema['properties'] ?? {}) as Record<string, JsonSchema>;
  return {
    ...schema,
    properties: {
      apiVersion: { type: 'string', description: apiVersionDescription },
      kind: { type: 'string', description: kindDescription },
      ...properties,
      metadata: {
        ...(properties['metadata']?.['description'] ? { description: properties['metadata']['description'] } : {}),
        allOf: [metadata],
      },
    },
  };
}
