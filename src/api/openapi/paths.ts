/** OpenAPI paths: for each resource the operations that clients look for, with their parameters. */
import { type AnyKind, allVerbs, apiVersionOf, type SubresourceInfo, type Verb } from '../kind.ts';
import type { JsonSchema, OpenApiVersion } from './schemas.ts';

type Json = { [key: string]: unknown };

interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly action: string;
  readonly parameters: readonly string[];
  readonly verb: string;
}

const parameterTypes: Readonly<
  Record<string, { readonly type: 'string' | 'integer' | 'boolean'; readonly description: string }>
> = {
  pretty: { type: 'string', description: "If 'true', then the output is pretty printed." },
  allowWatchBookmarks: { type: 'boolean', description: 'Asks a watch for events of type BOOKMARK.' },
  continue: { type: 'string', description: 'The token of an earlier page of the list.' },
  dryRun: { type: 'string', description: 'All: the request is processed and nothing is kept.' },
  fieldManager: { type: 'string', description: 'Who makes the change, for the managed fields.' },
  fieldSelector: { type: 'string', description: 'Restricts the objects by their fields.' },
  fieldValidation: {
    type: 'string',
    description: 'What to do about unknown and duplicate fields: Ignore, Warn or Strict.',
  },
  force: { type: 'boolean', description: 'Takes over fields that others manage; for apply only.' },
  gracePeriodSeconds: { type: 'integer', description: 'How long the object has to end.' },
  labelSelector: { type: 'string', description: 'Restricts the objects by their labels.' },
  limit: { type: 'integer', description: 'The most objects of one page.' },
  orphanDependents: { type: 'boolean', description: 'Deprecated: use propagationPolicy.' },
  propagationPolicy: { type: 'string', description: 'What becomes of dependents: Orphan, Background or Foreground.' },
  resourceVersion: { type: 'string', description: 'The version that the answer may be of.' },
  resourceVersionMatch: { type: 'string', description: 'How resourceVersion is meant.' },
  sendInitialEvents: { type: 'boolean', description: 'Begins a watch with the objects that there are.' },
  timeoutSeconds: { type: 'integer', description: 'How long a list or watch may take.' },
  watch: { type: 'boolean', description: 'Watches instead of listing.' },
};

const listParameters = [
  'allowWatchBookmarks',
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
  'watch',
];
const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'];
const deleteParameters = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'];

const collectionOperations: Partial<Record<Verb, Operation>> = {
  list: { method: 'get', action: 'list', parameters: listParameters, verb: 'list' },
  create: { method: 'post', action: 'post', parameters: writeParameters, verb: 'create' },
  deletecollection: {
    method: 'delete',
    action: 'deletecollection',
    parameters: [...deleteParameters, ...listParameters.filter((p) => p !== 'watch' && p !== 'allowWatchBookmarks')],
    verb: 'deleteCollection',
  },
};

const itemOperations: Partial<Record<Verb, Operation>> = {
  get: { method: 'get', action: 'get', parameters: [], verb: 'read' },
  update: { method: 'put', action: 'put', parameters: writeParameters, verb: 'replace' },
  patch: { method: 'patch', action: 'patch', parameters: [...writeParameters, 'force'], verb: 'patch' },
  delete: { method: 'delete', action: 'delete', parameters: deleteParameters, verb: 'delete' },
};

const subresourceOperations: Partial<Record<Verb, Operation>> = {
  ...itemOperations,
  create: { method: 'post', action: 'post', parameters: writeParameters, verb: 'create' },
};

const bodies = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const patchBodies = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/apply-patch+cbor',
];

const identifier = (text: string) =>
  text.replace(/(?:^|[^a-zA-Z0-9]+)([a-zA-Z0-9])/g, (_, c: string) => c.toUpperCase());
const apiId = (kind: AnyKind) =>
  `${identifier(kind.group ? kind.group.split('.')[0]! : 'core')}${identifier(kind.version)}`;

/** What the paths need to know of the schemas: their references. */
export interface PathSchemas {
  readonly version: OpenApiVersion;
  kind(kind: AnyKind): string;
  list(kind: AnyKind): string;
  readonly deleteOptions: string;
  readonly patch: string;
  readonly status: string;
}

/** Adds the paths of a kind to a document's. */
export function addKindPaths(paths: Json, kind: AnyKind, schemas: PathSchemas): void {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`;
  const collection = kind.namespaced ? `${root}/namespaces/{namespace}/${kind.plural}` : `${root}/${kind.plural}`;
  const verbs = new Set(kind.verbs ?? allVerbs);
  const gvk = { group: kind.group, kind: kind.kind, version: kind.version };
  const make = (
    operation: Operation,
    more: { scope?: string; gvk?: typeof gvk; answer: string; body?: string },
  ): Json => describeOperation(kind, operation, { schemas, gvk, ...more });

  const collectionItem: Json = {};
  const item: Json = {};
  const own = schemas.kind(kind);
  for (const verb of verbs) {
    const onCollection = collectionOperations[verb];
    if (onCollection) {
      collectionItem[onCollection.method] = make(onCollection, {
        answer: verb === 'list' ? schemas.list(kind) : verb === 'create' ? own : schemas.status,
        ...(verb === 'create' ? { body: own } : verb === 'deletecollection' ? { body: schemas.deleteOptions } : {}),
      });
    }
    const onItem = itemOperations[verb];
    if (onItem)
      item[onItem.method] = make(onItem, {
        answer: verb === 'delete' ? schemas.status : own,
        ...bodyOf(onItem, schemas, own),
      });
  }
  const names = kind.namespaced ? ['namespace'] : [];
  if (Object.keys(collectionItem).length)
    paths[collection] = { ...collectionItem, parameters: pathParameters(names, schemas.version) };
  if (Object.keys(item).length)
    paths[`${collection}/{name}`] = { ...item, parameters: pathParameters(['name', ...names], schemas.version) };
  if (kind.namespaced && verbs.has('list')) {
    const everywhere = collectionOperations.list!;
    paths[`${root}/${kind.plural}`] = {
      get: make(everywhere, { scope: 'ForAllNamespaces', answer: schemas.list(kind) }),
      parameters: everywhere.parameters.map((name) => queryParameter(name, schemas.version)),
    };
  }
  for (const [name, info] of Object.entries(kind.subresources ?? {})) {
    if (!info) continue;
    paths[`${collection}/{name}/${name}`] = {
      ...subresourcePaths(name, info, (operation, subGvk) =>
        make(operation, {
          scope: identifier(name),
          ...(subGvk ? { gvk: subGvk } : {}),
          answer: own,
          ...bodyOf(operation, schemas, own),
        }),
      ),
      parameters: pathParameters(['name', ...names], schemas.version),
    };
  }
}

type Gvk = { group: string; kind: string; version: string };

function subresourcePaths(
  name: string,
  info: true | object,
  make: (operation: Operation, gvk: Gvk | undefined) => Json,
): Json {
  const described = typeof info === 'object' && 'verbs' in info ? (info as SubresourceInfo) : undefined;
  const verbs: readonly Verb[] = described?.verbs ?? ['get', 'update', 'patch'];
  const gvk = described?.kind
    ? { group: described.group ?? '', kind: described.kind, version: described.version ?? 'v1' }
    : name === 'scale'
      ? { group: 'autoscaling', kind: 'Scale', version: 'v1' }
      : undefined;
  const out: Json = {};
  for (const verb of verbs) {
    const operation = subresourceOperations[verb];
    if (operation) out[operation.method] = make(operation, gvk);
  }
  return out;
}

function bodyOf(operation: Operation, schemas: PathSchemas, own: string): { body?: string } {
  switch (operation.method) {
    case 'put':
    case 'post':
      return { body: own };
    case 'patch':
      return { body: schemas.patch };
    case 'delete':
      return { body: schemas.deleteOptions };
    default:
      return {};
  }
}

function describeOperation(
  kind: AnyKind,
  operation: Operation,
  more: { schemas: PathSchemas; scope?: string; gvk: Gvk; answer: string; body?: string },
): Json {
  const { schemas, scope = '', gvk, answer, body } = more;
  const subject = `${operation.verb}${apiId(kind)}${kind.namespaced && scope !== 'ForAllNamespaces' ? 'Namespaced' : ''}${kind.kind}${scope}`;
  const parameters: Json[] = operation.parameters.map((name) => queryParameter(name, schemas.version));
  const consumes = operation.method === 'patch' ? patchBodies : bodies;
  const out: Json = {
    description: `${operation.verb} ${apiVersionOf(kind)} ${kind.kind}${scope ? ` (${scope})` : ''}`,
    operationId: subject,
    tags: [`${kind.group ? identifier(kind.group.split('.')[0]!) : 'core'}_${kind.version}`],
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': gvk,
  };
  if (schemas.version === 'v3') {
    const content = (types: readonly string[], ref: string) =>
      Object.fromEntries(types.map((type) => [type, { schema: { $ref: ref } }]));
    if (body)
      out['requestBody'] = {
        content: content(operation.method === 'patch' ? consumes : ['*/*'], body),
        required: operation.method !== 'delete',
      };
    out['responses'] = {
      '200': { description: 'OK', content: content(bodies, answer) },
      '401': { description: 'Unauthorized' },
    };
    out['parameters'] = parameters;
  } else {
    out['consumes'] = operation.method === 'patch' ? consumes : ['*/*'];
    out['produces'] = bodies;
    out['schemes'] = ['https'];
    out['responses'] = {
      '200': { description: 'OK', schema: { $ref: answer } },
      '401': { description: 'Unauthorized' },
    };
    out['parameters'] = body
      ? [{ in: 'body', name: 'body', required: operation.method !== 'delete', schema: { $ref: body } }, ...parameters]
      : parameters;
  }
  return out;
}

function queryParameter(name: string, version: OpenApiVersion): Json {
  const { type, description } = parameterTypes[name]!;
  const schema: JsonSchema = { type, uniqueItems: true };
  return version === 'v3' ? { name, in: 'query', description, schema } : { name, in: 'query', description, ...schema };
}

function pathParameters(names: readonly string[], version: OpenApiVersion): Json[] {
  const parameters = names.map((name): Json => {
    const base = {
      name,
      in: 'path',
      required: true,
      description:
        name === 'name' ? 'name of the object' : 'object name and auth scope, such as for teams and projects',
    };
    return version === 'v3'
      ? { ...base, schema: { type: 'string', uniqueItems: true } }
      : { ...base, type: 'string', uniqueItems: true };
  });
  return [...parameters, queryParameter('pretty', version)];
}
