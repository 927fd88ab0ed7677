/** Which resources the server has, custom and aggregated ones too: for controllers that work on all of them. */
import { CustomResourceDefinition } from '../api/apiextensions/custom-resource-definition.ts';
import { APIService } from '../api/apiregistration/api-service.ts';
import type { KindRef } from '../api/kind.ts';
import type { APIGroupList, APIResourceList } from '../api/types/meta-v1.ts';
import type { Client } from '../client/client.ts';
import type { InformerSet } from '../client/informer.ts';

export interface ApiResource extends KindRef {
  readonly verbs: readonly string[];
}

export interface ApiResources {
  /** Each resource once, in its group's preferred version. */
  readonly resources: readonly ApiResource[];
  /** Group-versions that did not answer, with the reason. */
  readonly failures: ReadonlyMap<string, string>;
  /** The resource of a group's kind. */
  find(group: string, kind: string): ApiResource | undefined;
}

/** Served for old clients; the same objects have their place in other groups. */
const legacyGroups: ReadonlySet<string> = new Set(['extensions']);

/** Asks the server now. */
export async function discoverResources(client: Client): Promise<ApiResources> {
  const read = async <T>(path: string): Promise<T> => {
    const { status, body } = await client.transport.raw(path);
    if (status !== 200) throw new Error(`${path} answered ${status}`);
    return JSON.parse(body) as T;
  };
  const { groups } = await read<APIGroupList>('/apis');
  const versions = groups
    .filter((group) => !legacyGroups.has(group.name))
    .flatMap((group) => {
      const preferred = group.preferredVersion?.groupVersion;
      const all = group.versions.map((version) => version.groupVersion);
      return preferred ? [preferred, ...all.filter((version) => version !== preferred)] : all;
    });
  const failures = new Map<string, string>();
  const lists = await Promise.all(
    ['v1', ...versions].map(async (groupVersion) => {
      try {
        const list = await read<APIResourceList>(groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`);
        return { groupVersion, resources: list.resources };
      } catch (error) {
        failures.set(groupVersion, (error as Error).message);
        return { groupVersion, resources: [] };
      }
    }),
  );
  const found = new Map<string, ApiResource>();
  for (const { groupVersion, resources } of lists) {
    const slash = groupVersion.indexOf('/');
    const group = slash < 0 ? '' : groupVersion.slice(0, slash);
    for (const { name, kind, namespaced, verbs } of resources) {
      if (name.includes('/') || found.has(`${group}/${name}`)) continue;
      found.set(`${group}/${name}`, {
        group,
        version: groupVersion.slice(slash + 1),
        kind,
        plural: name,
        namespaced,
        verbs,
      });
    }
  }
  const resources = [...found.values()];
  const byKind = new Map(resources.map((resource) => [`${resource.group}/${resource.kind}`, resource]));
  return { resources, failures, find: (group, kind) => byKind.get(`${group}/${kind}`) };
}

export interface ApiResourceCache {
  /** The resources as of the last change of a custom resource definition or API service. */
  get(): Promise<ApiResources>;
  /** Called after each such change. Returns a function that ends it. */
  onChange(listener: () => void): () => void;
}

const caches = new WeakMap<InformerSet, ApiResourceCache>();

/** The cache of a process, shared by its controllers. */
export function apiResourceCache(client: Client, informers: InformerSet): ApiResourceCache {
  const known = caches.get(informers);
  if (known) return known;
  let current: Promise<ApiResources> | undefined;
  const listeners = new Set<() => void>();
  const invalidate = () => {
    current = undefined;
    for (const listener of listeners) listener();
  };
  for (const kind of [CustomResourceDefinition, APIService] as KindRef[]) {
    informers.informer(kind).addHandler({ onAdd: invalidate, onUpdate: invalidate, onDelete: invalidate });
  }
  const cache: ApiResourceCache = {
    get() {
      if (current) return current;
      const asked = discoverResources(client);
      current = asked;
      const forget = () => {
        if (current === asked) current = undefined;
      };
      // An incomplete answer is not kept: the next one may be better.
      asked.then((found) => found.failures.size > 0 && forget(), forget);
      return asked;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
  caches.set(informers, cache);
  return cache;
}
