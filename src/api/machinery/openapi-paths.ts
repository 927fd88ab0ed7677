/** The operations of kinds, before they are written as OpenAPI 2 or 3. */
import { type AnyKind, allVerbs, apiVersionOf, type SubresourceInfo, type Verb } from '../kind.ts';
import { structSchema } from '../schema/schema.ts';
import { addKind, type Json, type KindDefinitions, type SchemaCollector } from './openapi-schemas.ts';

export type Method = 'get' | 'put' | 'post' | 'delete' | 'patch';

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string;
}

/** One method of one path. */
export interface Operation {
  readonly method: Method;
  readonly action: string;
  readonly id: string;
  readonly description: string;
  readonly tag: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly parameters: readonly Parameter[];
  /** The name of the body's definition. */
  readonly body: string | undefined;
  readonly consumes: readonly string[];
  readonly produces: readonly string[];
  readonly responses: readonly { readonly code: string; readonly description: string; readonly schema: string }[];
}

export interface PathOperations {
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly operations: readonly Operation[];
}

const query = (name: string, type: Parameter['type'], description: string): Parameter => ({
  name,
  in: 'query',
  type,
  description,
});

const pretty = query('pretty', 'string', "If 'true', the output is printed with line breaks and indentation.");
const dryRun = query('dryRun', 'string', "'All': the request is processed in full, and nothing is stored.");
const fieldManager = query('fieldManager', 'string', 'The name of the actor that makes the change, for managedFields.');
const fieldValidation = query(
  'fieldValidation',
  'string',
  'What to do about unknown and duplicate fields: Strict refuses them, Warn (the default) warns of them, Ignore drops them.',
);
const force = query('force', 'boolean', 'Takes over fields that others manage; for apply patches only.');
const listParameters: readonly Parameter[] = [
  query('allowWatchBookmarks', 'boolean', 'Asks for events of type BOOKMARK in a watch.'),
  query('continue', 'string', 'The token of an earlier list, to get its next part.'),
  query('fieldSelector', 'string', 'Restricts the list by fields.'),
  query('labelSelector', 'string', 'Restricts the list by labels.'),
  query('limit', 'integer', 'The greatest number of objects to return; the rest is got with continue.'),
  query('resourceVersion', 'string', 'Which versions of the objects the request may be served from.'),
  query('resourceVersionMatch', 'string', 'How resourceVersion is applied to a list: NotOlderThan or Exact.'),
  query(
    'sendInitialEvents',
    'boolean',
    'Begins a watch with events for the objects that exist, and a bookmark after them.',
  ),
  query('timeoutSeconds', 'integer', 'The longest time that the request may take.'),
];
const watch = query('watch', 'boolean', 'Watches for changes instead of listing.');
const deleteParameters: readonly Parameter[] = [
  dryRun,
  query('gracePeriodSeconds', 'integer', 'How long an object may take to end before it is deleted.'),
  query('ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean', 'Deletes objects that cannot be read.'),
  query('orphanDependents', 'boolean', 'Deprecated: use propagationPolicy.'),
  query('propagationPolicy', 'string', 'What happens to dependents: Orphan, Background or Foreground.'),
];

const jsonTypes = ['application/json', 'application/yaml'];
const protobuf = 'application/vnd.kubernetes.protobuf';
const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'];

/** `RbacAuthorization` of `rbac.authorization.k8s.io`; the group is `Core` where it is empty. */
function groupName(group: string): string {
  return (group || 'core')
    .replace(/\.k8s\.io$/, '')
    .split(/[^A-Za-z0-9]+/)
    .map(capital)
    .join('');
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
const camel = (word: string) =>
  word
    .split(/[^A-Za-z0-9]+/)
    .map(capital)
    .join('');

const operationVerbs: Record<string, string> = {
  list: 'list',
  post: 'create',
  get: 'read',
  put: 'replace',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
};

interface Target {
  readonly kind: AnyKind;
  readonly custom: boolean;
  readonly definitions: KindDefinitions;
  readonly names: { readonly status: string; readonly deleteOptions: string; readonly patch: string };
}

/** Adds the definitions of the kinds of one group and version, and returns their paths. */
export function pathsOf(
  collector: SchemaCollector,
  kinds: readonly AnyKind[],
  customSchema: (kind: AnyKind) => Json | undefined,
): PathOperations[] {
  const names = {
    status: collector.addStruct(structSchema('meta/v1.Status')),
    deleteOptions: collector.addStruct(structSchema('meta/v1.DeleteOptions')),
    patch: collector.add('io.k8s.apimachinery.pkg.apis.meta.v1.Patch', {
      description: 'Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.',
      type: 'object',
    }),
  };
  collector.markKind(names.status, { group: '', version: 'v1', kind: 'Status' });
  collector.markKind(names.deleteOptions, { group: '', version: 'v1', kind: 'DeleteOptions' });
  return kinds.flatMap((kind) => {
    const schema = customSchema(kind);
    collector.markKind(names.deleteOptions, { ...kind, kind: 'DeleteOptions' });
    const target: Target = { kind, custom: schema !== undefined, definitions: addKind(collector, kind, schema), names };
    return [...collectionPaths(target), itemPath(target), ...subresourcePaths(collector, target)].filter(
      ({ operations }) => operations.length > 0,
    );
  });
}

function basePath(kind: AnyKind): string {
  return kind.group ? `/apis/${apiVersionOf(kind)}` : `/api/${kind.version}`;
}

const namespaceParameter: Parameter = {
  name: 'namespace',
  in: 'path',
  type: 'string',
  description: 'object name and auth scope, such as for teams and projects',
};
const nameParameter = (kind: AnyKind): Parameter => ({
  name: 'name',
  in: 'path',
  type: 'string',
  description: `name of the ${kind.kind}`,
});

function collectionPaths(target: Target): PathOperations[] {
  const { kind } = target;
  const base = basePath(kind);
  const verbs = kind.verbs ?? allVerbs;
  const operations = [
    ...(verbs.includes('deletecollection') ? [operation(target, 'deletecollection', 'delete')] : []),
    ...(verbs.includes('list') ? [operation(target, 'list', 'get')] : []),
    ...(verbs.includes('create') ? [operation(target, 'post', 'post')] : []),
  ];
  if (!kind.namespaced) return [{ path: `${base}/${kind.plural}`, parameters: [pretty], operations }];
  const everywhere = verbs.includes('list') ? [operation(target, 'list', 'get', { everywhere: true })] : [];
  return [
    { path: `${base}/namespaces/{namespace}/${kind.plural}`, parameters: [namespaceParameter, pretty], operations },
    { path: `${base}/${kind.plural}`, parameters: [pretty], operations: everywhere },
  ];
}

function objectPath(kind: AnyKind): { path: string; parameters: Parameter[] } {
  const base = basePath(kind);
  return kind.namespaced
    ? {
        path: `${base}/namespaces/{namespace}/${kind.plural}/{name}`,
        parameters: [nameParameter(kind), namespaceParameter, pretty],
      }
    : { path: `${base}/${kind.plural}/{name}`, parameters: [nameParameter(kind), pretty] };
}

function itemPath(target: Target): PathOperations {
  const verbs = target.kind.verbs ?? allVerbs;
  return {
    ...objectPath(target.kind),
    operations: [
      ...(verbs.includes('delete') ? [operation(target, 'delete', 'delete')] : []),
      ...(verbs.includes('get') ? [operation(target, 'get', 'get')] : []),
      ...(verbs.includes('patch') ? [operation(target, 'patch', 'patch')] : []),
      ...(verbs.includes('update') ? [operation(target, 'put', 'put')] : []),
    ],
  };
}

const subresourceMethods: Partial<Record<Verb, { action: string; method: Method }>> = {
  get: { action: 'get', method: 'get' },
  patch: { action: 'patch', method: 'patch' },
  update: { action: 'put', method: 'put' },
  create: { action: 'post', method: 'post' },
  delete: { action: 'delete', method: 'delete' },
};

/** Bodies of subresources whose kind is another one. */
const foreignBodies: Readonly<Record<string, string>> = {
  'autoscaling/v1/Scale': 'autoscaling/v1.Scale',
  'policy/v1/Eviction': 'policy/v1.Eviction',
  'authentication.k8s.io/v1/TokenRequest': 'authentication/v1.TokenRequest',
  'v1/Binding': 'core/v1.Binding',
};

function subresourcePaths(collector: SchemaCollector, target: Target): PathOperations[] {
  const { kind } = target;
  return Object.entries(kind.subresources ?? {}).flatMap(([name, info]) => {
    if (!info) return [];
    const isScale = name === 'scale' && typeof info === 'object' && !('verbs' in info);
    const described: SubresourceInfo = isScale
      ? { verbs: ['get', 'patch', 'update'], group: 'autoscaling', version: 'v1', kind: 'Scale' }
      : info === true
        ? { verbs: ['get', 'patch', 'update'] }
        : (info as SubresourceInfo);
    const gvk = {
      group: described.group ?? kind.group,
      version: described.version ?? kind.version,
      kind: described.kind ?? kind.kind,
    };
    const foreign = foreignBodies[`${apiVersionOf(gvk)}/${gvk.kind}`];
    const body = foreign ? collector.addStruct(structSchema(foreign)) : target.definitions.object;
    if (foreign) collector.markKind(body, gvk);
    const { path, parameters } = objectPath(kind);
    const operations = described.verbs.flatMap((verb) => {
      const mapped = subresourceMethods[verb];
      return mapped ? [operation(target, mapped.action, mapped.method, { subresource: name, gvk, body })] : [];
    });
    return [{ path: `${path}/${name}`, parameters, operations }];
  });
}

interface OperationDetails {
  readonly everywhere?: boolean;
  readonly subresource?: string;
  readonly gvk?: Operation['kind'];
  readonly body?: string;
}

function operation(target: Target, action: string, method: Method, details: OperationDetails = {}): Operation {
  const { kind, definitions, names, custom } = target;
  const body = details.body ?? definitions.object;
  const prefix = `${groupName(kind.group)}${capital(kind.version)}`;
  const scope = kind.namespaced && !details.everywhere ? 'Namespaced' : '';
  const collection = action === 'deletecollection' ? 'Collection' : '';
  const subject = `${kind.kind}${details.subresource ? camel(details.subresource) : ''}`;
  const suffix = details.everywhere ? 'ForAllNamespaces' : '';
  const group = groupName(kind.group);
  const produces = custom ? jsonTypes : [...jsonTypes, protobuf];
  const { group: g, version, kind: k } = details.gvk ?? kind;
  return {
    method,
    action,
    id: `${operationVerbs[action]}${prefix}${collection}${scope}${subject}${suffix}`,
    description: describeAction(action, kind.kind, details.subresource),
    tag: `${group.charAt(0).toLowerCase()}${group.slice(1)}_${kind.version}`,
    kind: { group: g, version, kind: k },
    parameters: parametersOf(action),
    body: bodyOf(action, { body, names }),
    consumes:
      action === 'patch' ? (custom ? patchTypes : [...patchTypes, 'application/strategic-merge-patch+json']) : ['*/*'],
    produces:
      action === 'list'
        ? [...produces, 'application/json;stream=watch', ...(custom ? [] : [`${protobuf};stream=watch`])]
        : produces,
    responses: responsesOf(action, { body, list: definitions.list ?? body, status: names.status }),
  };
}

function describeAction(action: string, kind: string, subresource: string | undefined): string {
  const of = subresource ? `${subresource} of the specified ${kind}` : `the specified ${kind}`;
  switch (action) {
    case 'list':
      return `list or watch objects of kind ${kind}`;
    case 'post':
      return subresource ? `create ${subresource} of a ${kind}` : `create a ${kind}`;
    case 'get':
      return `read ${of}`;
    case 'put':
      return `replace ${of}`;
    case 'patch':
      return `partially update ${of}`;
    case 'deletecollection':
      return `delete collection of ${kind}`;
    default:
      return `delete ${subresource ? of : `a ${kind}`}`;
  }
}

function parametersOf(action: string): readonly Parameter[] {
  switch (action) {
    case 'list':
      return [...listParameters, watch];
    case 'post':
    case 'put':
      return [dryRun, fieldManager, fieldValidation];
    case 'patch':
      return [dryRun, fieldManager, fieldValidation, force];
    case 'delete':
      return deleteParameters;
    case 'deletecollection':
      return [...listParameters.filter(({ name }) => name !== 'allowWatchBookmarks'), ...deleteParameters];
    default:
      return [];
  }
}

function bodyOf(action: string, given: { body: string; names: Target['names'] }): string | undefined {
  if (action === 'post' || action === 'put') return given.body;
  if (action === 'patch') return given.names.patch;
  return action.startsWith('delete') ? given.names.deleteOptions : undefined;
}

function responsesOf(action: string, names: { body: string; list: string; status: string }): Operation['responses'] {
  const ok = (schema: string) => ({ code: '200', description: 'OK', schema });
  const created = { code: '201', description: 'Created', schema: names.body };
  switch (action) {
    case 'list':
      return [ok(names.list)];
    case 'post':
      return [ok(names.body), created, { code: '202', description: 'Accepted', schema: names.body }];
    case 'put':
    case 'patch':
      return [ok(names.body), created];
    case 'delete':
      return [ok(names.status), { code: '202', description: 'Accepted', schema: names.status }];
    case 'deletecollection':
      return [ok(names.status)];
    default:
      return [ok(names.body)];
  }
}
