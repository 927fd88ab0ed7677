/** Discovery documents from what is served: the old ones, one a group and version, and the aggregated ones. */
import { createHash } from 'node:crypto';
import { type AnyKind, allVerbs, apiVersionOf, type ScalePaths, type SubresourceInfo } from '../../api/kind.ts';
import { compareGroups, compareVersions } from './group-order.ts';

const statusVerbs = ['get', 'patch', 'update'] as const;

interface Subresource {
  readonly name: string;
  readonly verbs: readonly string[];
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

function subresourcesOf(kind: AnyKind): Subresource[] {
  const found: Subresource[] = [];
  for (const [name, declared] of Object.entries(kind.subresources ?? {})) {
    if (!declared) continue;
    const own = { group: kind.group, version: kind.version, kind: kind.kind };
    if (name === 'scale' && isScale(declared))
      found.push({ name, verbs: statusVerbs, group: 'autoscaling', version: 'v1', kind: 'Scale' });
    else if (typeof declared === 'object' && 'verbs' in declared) {
      const { verbs, group, version, kind: bodyKind } = declared as SubresourceInfo;
      found.push({
        name,
        verbs: [...verbs].sort(),
        group: group ?? own.group,
        version: version ?? own.version,
        kind: bodyKind ?? own.kind,
      });
    } else found.push({ name, verbs: statusVerbs, ...own });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const isScale = (declared: unknown): declared is ScalePaths => typeof declared === 'object';

const verbsOf = (kind: AnyKind) => [...(kind.verbs ?? allVerbs)].sort();

function storageHash(kind: AnyKind): string {
  const stored = kind.storedAs?.kind() ?? kind;
  return createHash('sha512').update(`${stored.group}/${stored.version}/${stored.kind}`).digest().subarray(0, 8).toString('base64');
}

/** meta/v1 APIResourceList of a group and version. */
export function resourceList(groupVersion: string, kinds: readonly AnyKind[]): object {
  const resources: object[] = [];
  for (const kind of [...kinds].sort(byPlural)) {
    resources.push({
      name: kind.plural,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: verbsOf(kind),
      ...(kind.shortNames?.length ? { shortNames: kind.shortNames } : {}),
      ...(kind.categories?.length ? { categories: kind.categories } : {}),
      ...(kind.persisted === false ? {} : { storageVersionHash: storageHash(kind) }),
    });
    for (const sub of subresourcesOf(kind)) {
      const other = sub.group !== kind.group || sub.version !== kind.version;
      resources.push({
        name: `${kind.plural}/${sub.name}`,
        singularName: '',
        namespaced: kind.namespaced,
        ...(other ? { group: sub.group, version: sub.version } : {}),
        kind: sub.kind,
        verbs: sub.verbs,
      });
    }
  }
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

const byPlural = (a: AnyKind, b: AnyKind) => (a.plural < b.plural ? -1 : a.plural > b.plural ? 1 : 0);

/** A group with its versions, the preferred first. */
export interface ServedGroup {
  readonly name: string;
  readonly versions: readonly { readonly version: string; readonly kinds: readonly AnyKind[] }[];
}

/** Served kinds by group and version, in the order that clients prefer. */
export function groupsOf(kinds: Iterable<AnyKind>): ServedGroup[] {
  const groups = new Map<string, Map<string, AnyKind[]>>();
  for (const kind of kinds) {
    const versions = groups.get(kind.group) ?? new Map<string, AnyKind[]>();
    groups.set(kind.group, versions);
    const list = versions.get(kind.version) ?? [];
    versions.set(kind.version, list);
    list.push(kind);
  }
  return [...groups.keys()].sort(compareGroups).map((name) => ({
    name,
    versions: [...groups.get(name)!]
      .sort(([a], [b]) => compareVersions(a, b))
      .map(([version, list]) => ({ version, kinds: list })),
  }));
}

/** meta/v1 APIGroup. */
export function apiGroup(group: { name: string; versions: readonly { version: string }[] }): object {
  const versions = group.versions.map(({ version }) => ({
    groupVersion: apiVersionOf({ group: group.name, version }),
    version,
  }));
  return { name: group.name, versions, preferredVersion: versions[0] };
}

/** apidiscovery.k8s.io/v2 APIGroupDiscovery. */
export function groupDiscovery(group: ServedGroup): object {
  return {
    metadata: group.name ? { name: group.name, creationTimestamp: null } : { creationTimestamp: null },
    versions: group.versions.map(({ version, kinds }) => ({
      version,
      resources: [...kinds].sort(byPlural).map(resourceDiscovery),
      freshness: 'Current',
    })),
  };
}

function resourceDiscovery(kind: AnyKind): object {
  const subresources = subresourcesOf(kind).map((sub) => ({
    subresource: sub.name,
    responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
    verbs: sub.verbs,
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
