/**
 * Discovery documents from a list of kinds: the legacy ones (APIVersions, APIGroupList, APIGroup, APIResourceList) and the
 * aggregated one (apidiscovery.k8s.io/v2 and v2beta1). Built-in and custom kinds are described alike.
 */
import { createHash } from 'node:crypto';
import { type AnyKind, allVerbs, apiVersionOf, type SubresourceInfo, type Verb } from '../kind.ts';

/** Groups in upstream's order of priority; those that are not named follow by name. */
const groupOrder = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'resource.k8s.io',
  'flowcontrol.apiserver.k8s.io',
];

/** The kinds of one group and version. */
export interface VersionKinds {
  readonly version: string;
  readonly kinds: readonly AnyKind[];
}

/** A group with its versions, the preferred one first. */
export interface GroupKinds {
  readonly group: string;
  readonly versions: readonly VersionKinds[];
}

/** Kinds by group and version, in the order in which discovery lists them. */
export function groupKinds(kinds: Iterable<AnyKind>): GroupKinds[] {
  const groups = new Map<string, Map<string, AnyKind[]>>();
  for (const kind of kinds) {
    const versions = groups.get(kind.group) ?? new Map<string, AnyKind[]>();
    groups.set(kind.group, versions);
    const list = versions.get(kind.version) ?? [];
    versions.set(kind.version, list);
    list.push(kind);
  }
  const rank = (group: string) => {
    const known = groupOrder.indexOf(group);
    return known < 0 ? groupOrder.length : known;
  };
  return [...groups]
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([group, versions]) => ({
      group,
      versions: [...versions]
        .sort(([a], [b]) => compareVersions(a, b))
        .map(([version, list]) => ({ version, kinds: list.sort((a, b) => (a.plural < b.plural ? -1 : 1)) })),
    }));
}

/** Orders versions as Kubernetes prefers them: v2, v1, v2beta1, v1beta2, v1alpha1, then others by name. */
export function compareVersions(a: string, b: string): number {
  const parse = (version: string) => {
    const match = /^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$/.exec(version);
    if (!match) return undefined;
    const stability = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
    return [stability, Number(match[1]), Number(match[3] ?? 0)];
  };
  const [left, right] = [parse(a), parse(b)];
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : a > b ? 1 : 0;
  for (let i = 0; i < 3; i++) if (left[i] !== right[i]) return right[i]! - left[i]!;
  return 0;
}

/** `/api`. */
export function apiVersions(serverAddress: string): Record<string, unknown> {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** `/apis/GROUP`, and the elements of `/apis`. */
export function apiGroup({ group, versions }: GroupKinds): Record<string, unknown> {
  const listed = versions.map(({ version }) => ({ groupVersion: apiVersionOf({ group, version }), version }));
  return { kind: 'APIGroup', apiVersion: 'v1', name: group, versions: listed, preferredVersion: listed[0] };
}

/** `/apis`: the groups but the core one. */
export function apiGroupList(groups: readonly GroupKinds[]): Record<string, unknown> {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups
      .filter(({ group }) => group !== '')
      .map((group) => {
        const { kind: _kind, apiVersion: _apiVersion, ...rest } = apiGroup(group);
        return rest;
      }),
  };
}

interface Described {
  readonly name: string;
  readonly verbs: readonly Verb[];
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const objectVerbs: readonly Verb[] = ['get', 'patch', 'update'];

/** The subresources of a kind, by name. */
function subresourcesOf(kind: AnyKind): Described[] {
  const own = { group: kind.group, version: kind.version, kind: kind.kind };
  const out: Described[] = [];
  for (const [name, info] of Object.entries(kind.subresources ?? {})) {
    if (!info) continue;
    if (name === 'scale' && typeof info === 'object') {
      out.push({ name, verbs: objectVerbs, group: 'autoscaling', version: 'v1', kind: 'Scale' });
    } else if (info === true) out.push({ name, verbs: objectVerbs, ...own });
    else if (typeof info === 'object' && 'verbs' in info) {
      const { verbs, group, version, kind: bodyKind } = info as SubresourceInfo;
      out.push({
        name,
        verbs,
        group: group ?? own.group,
        version: version ?? own.version,
        kind: bodyKind ?? own.kind,
      });
    }
  }
  return out.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const verbsOf = (kind: AnyKind): readonly Verb[] => kind.verbs ?? allVerbs;

/** A hash of what a resource is stored as, for the storage version API. */
function storageVersionHash(kind: AnyKind): string {
  const { group, version, kind: name } = kind.storedAs?.kind() ?? kind;
  return createHash('sha256').update(`${group}/${version}/${name}`).digest().subarray(0, 8).toString('base64');
}

/** `/api/v1` and `/apis/GROUP/VERSION`. */
export function apiResourceList(
  gv: { group: string; version: string },
  kinds: readonly AnyKind[],
): Record<string, unknown> {
  const resources = kinds.flatMap((kind) => [
    ...(isListed(kind)
      ? [
          {
            name: kind.plural,
            singularName: kind.singular,
            namespaced: kind.namespaced,
            kind: kind.kind,
            verbs: verbsOf(kind),
            ...(kind.shortNames?.length ? { shortNames: kind.shortNames } : {}),
            ...(kind.categories?.length ? { categories: kind.categories } : {}),
            ...(kind.persisted === false ? {} : { storageVersionHash: storageVersionHash(kind) }),
          },
        ]
      : []),
    ...subresourcesOf(kind).map((sub) => ({
      name: `${kind.plural}/${sub.name}`,
      singularName: '',
      namespaced: kind.namespaced,
      ...(sub.group === kind.group && sub.version === kind.version ? {} : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ]);
  resources.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf(gv), resources };
}

/** Kinds without verbs are only bodies of others' subresources. */
const isListed = (kind: AnyKind) => verbsOf(kind).length > 0;

/** An element of the aggregated document: one group. */
export function groupDiscovery({ group, versions }: GroupKinds): Record<string, unknown> {
  return {
    metadata: group ? { name: group } : {},
    versions: versions.map(({ version, kinds }) => ({
      version,
      resources: kinds.filter(isListed).map(resourceDiscovery),
      freshness: 'Current',
    })),
  };
}

function resourceDiscovery(kind: AnyKind): Record<string, unknown> {
  const subresources = subresourcesOf(kind).map(({ name, verbs, ...responseKind }) => ({
    subresource: name,
    responseKind,
    verbs,
  }));
  return {
    resource: kind.plural,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: verbsOf(kind),
    ...(kind.shortNames?.length ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories?.length ? { categories: kind.categories } : {}),
    ...(subresources.length ? { subresources } : {}),
  };
}

/** The aggregated document of `/api` (the core group only) or `/apis` (the others), in the version that is asked for. */
export function aggregatedDiscovery(
  groups: readonly GroupKinds[],
  options: { path: '/api' | '/apis'; version?: 'v2' | 'v2beta1' },
): Record<string, unknown> {
  const core = options.path === '/api';
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${options.version ?? 'v2'}`,
    metadata: {},
    items: groups.filter(({ group }) => (group === '') === core).map(groupDiscovery),
  };
}
