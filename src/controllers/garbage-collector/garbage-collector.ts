import type { KindRef, KubeObject } from '../../api/kind.ts';
import { type ControllerContext, defineController } from '../../client/reconcile.ts';
import { type ApiResource, apiResourceCache } from '../api-resources.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { Collector } from './collector.ts';
import { OwnerGraph } from './graph.ts';

/** Never owned, and many. */
const ignored: ReadonlySet<string> = new Set(['events', 'events.events.k8s.io']);
const running = new WeakMap<ControllerContext, Collector>();
/** Changes of the server's resources within this time lead to one look at them. */
const resyncDelayMs = 200;

/** Deletes objects whose owners are gone: in the background, in the foreground, or not at all (orphans), custom resources too. */
export const garbageCollector = defineController({
  name: 'generic-garbage-collector',
  concurrency: 20,
  rbac: [allow('get list watch patch update delete', '*', '*'), recordEvents],
  async start(context) {
    const { client, informers, events, log, clock } = context;
    const cache = apiResourceCache(client, informers);
    const watched = new Map<string, { resource: KindRef; remove(): void }>();
    const graph = new OwnerGraph({
      attemptToDelete: (uid) => context.enqueue(`delete/${uid}`),
      attemptToOrphan: (uid) => context.enqueue(`orphan/${uid}`),
    });
    running.set(
      context,
      new Collector({
        graph,
        client,
        informers,
        events,
        log,
        resources: () => cache.get(),
        isWatched: (resource) => watched.has(idOf(resource)),
        attemptToDelete: (uid) => context.enqueue(`delete/${uid}`),
      }),
    );
    const watch = (resource: ApiResource) => {
      const forget = (object: { readonly metadata: { readonly uid: string } }) => graph.forget(object.metadata.uid);
      const remove = informers.informer<KubeObject>(resource).addHandler({
        onAdd: (object) => graph.observe(resource, object),
        onUpdate: (object) => graph.observe(resource, object),
        onDelete: forget,
      });
      watched.set(idOf(resource), { resource, remove });
    };
    const sync = async () => {
      const { resources, failures } = await cache.get();
      const wanted = new Map(resources.filter(isCollectable).map((resource) => [idOf(resource), resource]));
      for (const [id, { remove, resource }] of watched) {
        // What only failed to answer is still there.
        if (wanted.has(id) || failures.has(`${resource.group}/${resource.version}`)) continue;
        remove();
        watched.delete(id);
        informers.drop?.(resource);
      }
      for (const [id, resource] of wanted) if (!watched.has(id)) watch(resource);
    };
    let pending = false;
    const stopListening = cache.onChange(() => {
      if (pending) return;
      pending = true;
      clock.after(resyncDelayMs, () => {
        pending = false;
        sync().catch((error) => log.warn('cannot find out which resources there are', { error }));
      });
    });
    await sync();
    await Promise.all([...watched.values()].map(({ resource }) => informers.informer(resource).whenSynced()));
    return () => {
      stopListening();
      for (const { remove } of watched.values()) remove();
    };
  },
  async reconcile(key, context) {
    const collector = running.get(context)!;
    const uid = key.slice(key.indexOf('/') + 1);
    if (key.startsWith('orphan/')) await collector.attemptToOrphan(uid);
    else await collector.attemptToDelete(uid);
    return undefined;
  },
});

const idOf = ({ group, version, plural }: KindRef): string => `${plural}.${version}.${group}`;

function isCollectable(resource: ApiResource): boolean {
  const name = resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
  return ['delete', 'list', 'watch'].every((verb) => resource.verbs.includes(verb)) && !ignored.has(name);
}
