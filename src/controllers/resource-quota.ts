import { PersistentVolumeClaim } from '../api/core/persistent-volume-claim.ts';
import { Pod } from '../api/core/pod.ts';
import { countName, isCountedBy, quotaUsage } from '../api/core/quota-usage.ts';
import { addResources, type ResourceList } from '../api/core/resource-list.ts';
import { ResourceQuota } from '../api/core/resource-quota.ts';
import { Service } from '../api/core/service.ts';
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import { Quantity } from '../api/machinery/quantity.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { deepEqual } from '../base/deep.ts';
import type { Informer } from '../client/informer.ts';
import { type ControllerContext, defineController, keyOf, type ObjectKey, watches } from '../client/reconcile.ts';
import { type ApiResources, apiResourceCache } from './api-resources.ts';
import { isPodTerminal } from './pods/state.ts';
import { allow, recordEvents } from './rbac-rules.ts';

/** Usage is counted anew this often, whatever was seen or missed. */
const resyncMs = 300_000;

/** Usage is lowered only when nobody has charged the quota for this long: objects just admitted may not be seen yet. */
const quietMs = 500;
const lowering = new WeakMap<ControllerContext, Map<ObjectKey, { readonly version: string; readonly since: number }>>();
const followed = new WeakMap<ControllerContext, WeakSet<Informer<KubeObject>>>();

/** A deletion, or a change by which less is used, gives back what admission had charged. New objects are admission's part. */
const freeing = <T extends KubeObject>(kind: KindRef<T>, changed: (object: Shared<T>, old: Shared<T>) => boolean) =>
  watches<T>({
    kind,
    changed,
    keys(object, context, old) {
      const isNew = !old && context.lister(kind).byKey(keyOf(object))?.metadata.uid === object.metadata.uid;
      return isNew ? [] : context.lister(ResourceQuota).list(object.metadata.namespace).map(keyOf);
    },
  });

/** Counts what is used of each resource quota. Admission charges new objects; this puts right what it cannot see. */
export const resourceQuotaController = defineController({
  name: 'resourcequota-controller',
  watches: [
    watches<ResourceQuota>({
      kind: ResourceQuota,
      changed: (quota, old) => !deepEqual(quota.spec, old.spec),
      keys: (quota) => [keyOf(quota)],
    }),
    freeing(Pod, (pod, old) => isPodTerminal(pod) && !isPodTerminal(old)),
    freeing(Service, (service, old) => service.spec.type !== old.spec.type),
    freeing(PersistentVolumeClaim, (claim, old) => !deepEqual(claim.spec, old.spec)),
  ],
  rbac: [allow('list watch', '*', '*'), allow('update', '', 'resourcequotas/status'), recordEvents],
  start(context) {
    lowering.set(context, new Map());
    followed.set(context, new WeakSet());
    apiResourceCache(context.client, context.informers);
    return undefined;
  },
  async reconcile(key, context) {
    const { client, informers, lister, clock } = context;
    const waits = lowering.get(context)!;
    const quota = lister(ResourceQuota).byKey(key);
    if (!quota || quota.metadata.deletionTimestamp) {
      waits.delete(key);
      return undefined;
    }
    const hard = quota.spec.hard ?? {};
    const found = await apiResourceCache(client, informers).get();
    let used = await usageOf(quota, context, { found, source: 'cache' });
    if (isLower(used, quota.status.used)) {
      const now = clock.monotonic();
      const wait = waits.get(key);
      if (wait?.version !== quota.metadata.resourceVersion) {
        waits.set(key, { version: quota.metadata.resourceVersion, since: now });
        return { requeueAfterMs: quietMs };
      }
      if (now - wait.since < quietMs) return { requeueAfterMs: quietMs - (now - wait.since) };
      // A cache that is behind must not give away what is in use.
      used = await usageOf(quota, context, { found, source: 'server' });
    }
    waits.delete(key);
    const status = { ...(Object.keys(hard).length ? { hard } : {}), ...(Object.keys(used).length ? { used } : {}) };
    if (!sameQuantities(quota.status.hard, hard) || !sameQuantities(quota.status.used, used)) {
      try {
        await client.updateStatus(ResourceQuota, { ...quota, status });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    return Object.keys(hard).length ? { requeueAfterMs: resyncMs } : undefined;
  },
});

function isLower(used: ResourceList, before: ResourceList | undefined): boolean {
  return Object.entries(used).some(([name, value]) => {
    const old = Quantity.tryParse(before?.[name]);
    return old !== undefined && Quantity.parse(value).cmp(old) < 0;
  });
}

/** What the namespace's objects use of the limited resources. */
async function usageOf(
  quota: Shared<ResourceQuota>,
  context: ControllerContext,
  { found, source }: { readonly found: ApiResources; readonly source: 'cache' | 'server' },
): Promise<Record<string, string>> {
  const { namespace } = quota.metadata;
  const limited = Object.keys(quota.spec.hard ?? {});
  let total: ResourceList = {};
  for (const resource of found.resources) {
    if (!resource.namespaced || !limited.some((name) => mayCount(name, resource))) continue;
    if (!resource.verbs.includes('list') || !resource.verbs.includes('watch')) continue;
    const informer = context.informers.informer<KubeObject>(resource);
    await informer.whenSynced();
    followDeletions(informer, context);
    const objects =
      source === 'cache'
        ? informer.list(namespace)
        : (await context.client.list<KubeObject>(resource, { namespace: namespace! })).items;
    for (const object of objects) {
      if (!isCountedBy(quota, resource, object)) continue;
      total = addResources(total, quotaUsage(resource, object));
    }
  }
  return Object.fromEntries(limited.map((name) => [name, total[name] ?? '0']));
}

/** Objects of any resource that a quota limits give back what they used when they go. */
function followDeletions(informer: Informer<KubeObject>, context: ControllerContext): void {
  const known = followed.get(context)!;
  if (known.has(informer)) return;
  known.add(informer);
  informer.addHandler({
    onDelete(object) {
      for (const quota of context.lister(ResourceQuota).list(object.metadata.namespace)) context.enqueue(keyOf(quota));
    },
  });
}

/** Whether objects of a resource can use what a quota names. */
function mayCount(name: string, { group, plural }: { group: string; plural: string }): boolean {
  if (name.startsWith('count/')) return name === countName({ group, plural });
  if (group !== '') return false;
  if (name === plural) return true;
  if (name.startsWith('services.')) return plural === 'services';
  if (
    name === 'requests.storage' ||
    name.includes('.storageclass.storage.k8s.io/') ||
    name.includes('.volumeattributesclass.')
  ) {
    return plural === 'persistentvolumeclaims';
  }
  return plural === 'pods' && !plainNames.has(name);
}

const plainNames: ReadonlySet<string> = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);

function sameQuantities(a: ResourceList | undefined, b: ResourceList): boolean {
  if (deepEqual(a ?? {}, b)) return true;
  const left = a ?? {};
  const names = new Set([...Object.keys(left), ...Object.keys(b)]);
  return [...names].every((name) => {
    const x = Quantity.tryParse(left[name]);
    const y = Quantity.tryParse(b[name]);
    return x !== undefined && y !== undefined && x.cmp(y) === 0;
  });
}
