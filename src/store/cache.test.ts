import { afterEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/clock.ts';
import { createObjectCache, type ObjectCacheOptions } from './cache.ts';
import type { CacheEvent, ObjectCache, ResourceCache, Snapshot } from './cache-api.ts';
import { createJsonCodec } from './json-codec.ts';
import { openMemoryStore } from './memory.ts';
import { type Store, StoreError } from './store.ts';

interface Thing {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
  readonly data?: number;
}

const prefix = '/registry/things/';
const thing = (name: string, data?: number): Thing => ({
  kind: 'Thing',
  metadata: { name },
  ...(data === undefined ? {} : { data }),
});
const names = (snapshot: Snapshot<Thing> | undefined) =>
  snapshot && [...snapshot.range(prefix)].map((entry) => `${entry.object.metadata.name}=${entry.object.data}`);

const caches: ObjectCache[] = [];
afterEach(async () => {
  for (const cache of caches.splice(0)) await cache.close();
});

async function setUp(options: Partial<ObjectCacheOptions> = {}, store: Store = openMemoryStore()) {
  const clock = new VirtualClock();
  const cache = createObjectCache(store, { clock, freeze: true, ...options });
  caches.push(cache);
  const things = await cache.resource(prefix, createJsonCodec<Thing>());
  const put = async (name: string, data?: number, expectedRevision?: number) => {
    const result = await cache.commit([
      {
        resource: things,
        key: prefix + name,
        object: thing(name, data),
        ...(expectedRevision === undefined ? {} : { expectedRevision }),
      },
    ]);
    if (!result.ok) throw new Error('conflict');
    return result;
  };
  const remove = (name: string) => cache.commit([{ resource: things, key: prefix + name, object: null }]);
  return { store, clock, cache, things, put, remove };
}

function record(resource: ResourceCache<Thing>, after?: number) {
  const seen: CacheEvent<Thing>[] = [];
  const closed: string[] = [];
  const progress: number[] = [];
  const subscription = resource.watch(after, {
    onEvents: (events) => void seen.push(...events),
    onProgress: (revision) => void progress.push(revision),
    onClosed: (reason) => void closed.push(reason),
  });
  const text = () => seen.map((event) => `${event.type} ${event.entry.object.metadata.name}@${event.revision}`);
  return { seen, closed, progress, subscription, text };
}

describe('ObjectCache', () => {
  it('has published a change when its commit resolves, with the resourceVersion in object and JSON', async () => {
    const { things, put } = await setUp();
    const { revision, entries } = await put('a', 1, 0);
    const entry = things.get(`${prefix}a`);
    expect(entry).toBe(entries[0]);
    expect(entry?.object).toEqual({
      kind: 'Thing',
      metadata: { name: 'a', resourceVersion: String(revision) },
      data: 1,
    });
    expect(JSON.parse(Buffer.from(entry!.json).toString())).toEqual(entry!.object);
    expect(entry!.json).toBe(entry!.json);
    expect(Object.isFrozen(entry!.object.metadata)).toBe(true);
  });

  it('answers a lost race with what is there now', async () => {
    const { cache, things, put } = await setUp();
    await put('a', 1);
    const { revision } = await put('a', 2);
    const result = await cache.commit([
      { resource: things, key: `${prefix}a`, object: thing('a', 3), expectedRevision: revision - 1 },
    ]);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.conflicts).toEqual([{ key: `${prefix}a`, current: things.get(`${prefix}a`) }]);
    expect(things.get(`${prefix}a`)?.object.data).toBe(2);
  });

  it('deletes with the last version at the revision of the deletion', async () => {
    const { things, put, remove } = await setUp();
    await put('a', 1);
    const watch = record(things);
    const result = await remove('a');
    expect(result.ok && result.entries[0]?.object).toEqual({
      kind: 'Thing',
      metadata: { name: 'a', resourceVersion: String(result.ok && result.revision) },
      data: 1,
    });
    expect(watch.text()).toEqual([`DELETED a@${result.ok && result.revision}`]);
    expect(watch.seen[0]?.previous?.object.data).toBe(1);
    expect(JSON.parse(Buffer.from(watch.seen[0]!.entry.json).toString())).toEqual(watch.seen[0]!.entry.object);
    expect(things.size).toBe(0);
  });

  it('watches from a revision: what the window holds first, then what comes, each once and in order', async () => {
    const { things, put, remove } = await setUp();
    const { revision } = await put('a', 1);
    await put('b', 1);
    await put('a', 2);
    const watch = record(things, revision);
    expect(watch.text()).toEqual([`ADDED b@${revision + 1}`, `MODIFIED a@${revision + 2}`]);
    await remove('b');
    expect(watch.text().slice(2)).toEqual([`DELETED b@${revision + 3}`]);
    watch.subscription?.close();
    await put('c');
    expect(watch.seen).toHaveLength(3);
  });

  it('gives a watch from a future revision nothing that is older', async () => {
    const { things, put } = await setUp();
    const { revision } = await put('a', 1);
    const watch = record(things, revision + 2);
    await put('a', 2);
    await put('a', 3);
    expect(watch.seen).toHaveLength(0);
    await put('a', 4);
    expect(watch.text()).toEqual([`MODIFIED a@${revision + 3}`]);
  });

  it('shares one entry, and so one encoding, among all watchers and readers', async () => {
    const { things, put } = await setUp();
    const one = record(things);
    const two = record(things);
    await put('a', 1);
    expect(one.seen[0]).toBe(two.seen[0]);
    expect(one.seen[0]?.entry).toBe(things.get(`${prefix}a`));
  });

  it('keeps snapshots as they were, and rebuilds those of past revisions from the window', async () => {
    const { things, put, remove } = await setUp();
    await put('a', 1);
    const { revision } = await put('b', 1);
    const held = things.snapshot();
    await put('a', 2);
    await put('c', 1);
    await remove('b');
    expect(names(held)).toEqual(['a=1', 'b=1']);
    expect(held.count(prefix)).toBe(2);
    expect(names(things.snapshotAt(revision))).toEqual(['a=1', 'b=1']);
    expect(names(things.snapshotAt(revision + 1))).toEqual(['a=2', 'b=1']);
    expect(names(things.snapshotAt(revision + 2))).toEqual(['a=2', 'b=1', 'c=1']);
    expect(names(things.snapshotAt(revision + 3))).toEqual(['a=2', 'c=1']);
    expect(things.snapshotAt(revision + 4)).toBeUndefined();
    expect(things.snapshotAt(revision)?.revision).toBe(revision);
  });

  it('answers "gone" for revisions before the window', async () => {
    const { things, put } = await setUp({ eventWindow: { minEvents: 2, maxEvents: 3 } });
    const { revision } = await put('a', 0);
    for (let i = 1; i <= 6; i++) await put('a', i);
    expect(record(things, revision + 2).subscription).toBeUndefined();
    expect(things.snapshotAt(revision + 2)).toBeUndefined();
    expect(record(things, revision + 3).text()).toHaveLength(3);
    expect(names(things.snapshotAt(revision + 3))).toEqual(['a=3']);
  });

  it('forgets by age as well, but keeps the newest few', async () => {
    const { things, put, clock } = await setUp({ eventWindow: { minEvents: 1, maxAgeMs: 1000 } });
    const { revision } = await put('a', 0);
    await put('a', 1);
    await clock.advance(5000);
    await put('a', 2);
    expect(record(things, revision).subscription).toBeUndefined();
    expect(record(things, revision + 1).text()).toHaveLength(1);
  });

  it('tells watchers of progress when only other resources change', async () => {
    const { cache, things, clock } = await setUp();
    const others = await cache.resource('/registry/others/', createJsonCodec<Thing>());
    const watch = record(things);
    const result = await cache.commit([{ resource: others, key: '/registry/others/x', object: thing('x') }]);
    expect(things.revision).toBe(result.ok && result.revision);
    expect(watch.progress).toEqual([]);
    await clock.advance(6000);
    expect(watch.progress).toEqual([things.revision]);
    expect(watch.seen).toEqual([]);
  });

  it('commits to several resources at one revision', async () => {
    const { cache, things } = await setUp();
    const others = await cache.resource('/registry/others/', createJsonCodec<Thing>());
    const result = await cache.commit([
      { resource: things, key: `${prefix}a`, object: thing('a'), expectedRevision: 0 },
      { resource: others, key: '/registry/others/x', object: thing('x') },
    ]);
    expect(result.ok).toBe(true);
    expect(things.get(`${prefix}a`)?.revision).toBe(others.get('/registry/others/x')?.revision);
  });

  it('sees writes that another cache makes on the same store, also those during its load', async () => {
    const store = openMemoryStore();
    const one = await setUp({}, store);
    await one.put('a', 1);
    const loading = setUp({}, store);
    await one.put('b', 1);
    const two = await loading;
    await one.put('c', 1);
    expect(names(two.things.snapshot())).toEqual(['a=1', 'b=1', 'c=1']);
    expect(two.things.get(`${prefix}b`)?.object).toEqual(one.things.get(`${prefix}b`)?.object);
  });

  it('waits for a revision, and says which did not come in time', async () => {
    const { cache, put, clock } = await setUp();
    const waited = cache.waitFor(cache.revision + 1, 1000);
    await put('a');
    await waited;
    const late = expect(cache.waitFor(cache.revision + 1, 1000)).rejects.toMatchObject({ code: 'unavailable' });
    await clock.advance(1001);
    await late;
    expect(await cache.makeConsistent()).toBe(cache.revision);
  });

  it('ends watches when their resource is dropped or the cache closes', async () => {
    const { cache, things } = await setUp();
    const others = await cache.resource('/registry/others/', createJsonCodec<Thing>());
    const one = record(things);
    const two = record(others);
    cache.dropResource('/registry/others/');
    expect(two.closed).toHaveLength(1);
    await cache.close();
    expect(one.closed).toHaveLength(1);
    await expect(cache.resource(prefix, createJsonCodec<Thing>())).rejects.toMatchObject({ code: 'closed' });
  });

  it('goes on when a watcher throws', async () => {
    const { things, put } = await setUp();
    things.watch(undefined, {
      onEvents() {
        throw new Error('broken watcher');
      },
      onClosed() {},
    });
    const watch = record(things);
    await put('a');
    expect(watch.seen).toHaveLength(1);
  });

  it('reads everything again when the store lost the history that it follows', async () => {
    const store = openMemoryStore();
    let lose = () => {};
    const losing: Store = {
      backend: store.backend,
      load: (each) => store.load(each),
      get: (key) => store.get(key),
      currentRevision: () => store.currentRevision(),
      commit: (writes) => store.commit(writes),
      compact: (revision) => store.compact(revision),
      sizeBytes: () => store.sizeBytes(),
      close: () => store.close(),
      watch(watched, after, handler) {
        const watch = store.watch(watched, after, handler);
        lose = () => {
          watch.close();
          handler.onError(new StoreError('compacted', 'history is gone'));
        };
        return watch;
      },
    };
    const { things, put } = await setUp({}, losing);
    const { revision } = await put('a', 1);
    const watch = record(things);
    lose();
    await store.commit([{ key: `${prefix}b`, value: Buffer.from(JSON.stringify(thing('b', 2))) }]);
    const meanwhile = record(things);
    await put('c', 3);
    expect(watch.closed).toHaveLength(1);
    expect([meanwhile.closed.length, meanwhile.seen.length]).toEqual([1, 0]);
    expect(names(things.snapshot())).toEqual(['a=1', 'b=2', 'c=3']);
    expect(record(things, revision).subscription).toBeUndefined();
  });
});
