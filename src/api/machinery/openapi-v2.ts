/** The OpenAPI 2 document of all kinds, as `/openapi/v2` serves it in JSON; the protobuf form is in openapi-v2-protobuf.ts. */
import type { AnyKind } from '../kind.ts';
import { groupKinds } from './discovery.ts';
import { type Operation, type Parameter, type PathOperations, pathsOf } from './openapi-paths.ts';
import { type Json, SchemaCollector } from './openapi-schemas.ts';
import type { OpenApiOptions } from './openapi-v3.ts';

export { encodeOpenApiV2 } from './openapi-v2-protobuf.ts';

/** The document of all kinds. */
export function openApiV2(kinds: Iterable<AnyKind>, options: OpenApiOptions): Json {
  const collector = new SchemaCollector(2);
  const customSchema = options.customSchema ?? (() => undefined);
  const paths = groupKinds(kinds).flatMap(({ versions }) =>
    versions.flatMap(({ kinds: own }) => pathsOf(collector, own, customSchema)),
  );
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: options.version },
    paths: Object.fromEntries(paths.map((path) => [path.path, pathItem(collector, path)])),
    definitions: collector.schemas(),
    securityDefinitions: {
      BearerToken: { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' },
    },
    security: [{ BearerToken: [] }],
  };
}

function pathItem(collector: SchemaCollector, { operations, parameters }: PathOperations): Json {
  return {
    ...Object.fromEntries(operations.map((operation) => [operation.method, writeOperation(collector, operation)])),
    parameters: parameters.map(writeParameter),
  };
}

function writeParameter({ name, in: place, type, description }: Parameter): Json {
  return { uniqueItems: true, type, description, name, in: place, ...(place === 'path' ? { required: true } : {}) };
}

function writeOperation(collector: SchemaCollector, operation: Operation): Json {
  const { group, version, kind } = operation.kind;
  const body = operation.body
    ? [
        {
          name: 'body',
          in: 'body',
          ...(operation.action.startsWith('delete') ? {} : { required: true }),
          schema: collector.ref(operation.body),
        },
      ]
    : [];
  const parameters = [...body, ...operation.parameters.map(writeParameter)];
  return {
    description: operation.description,
    consumes: operation.consumes,
    produces: operation.produces,
    schemes: ['https'],
    tags: [operation.tag],
    operationId: operation.id,
    ...(parameters.length ? { parameters } : {}),
    responses: {
      ...Object.fromEntries(
        operation.responses.map(({ code, description, schema }) => [
          code,
          { description, schema: collector.ref(schema) },
        ]),
      ),
      '401': { description: 'Unauthorized' },
    },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': { group, kind, version },
  };
}
