import type { Store, StoreEntry, StoreEvent, StoreWatchHandler } from '../../src/store/store.ts';

/** A store that passes everything on to another, except what is overridden: for breaking one thing at a time. */
export function wrap(store: Store, overrides: Partial<Store>): Store {
  return {
    backend: store.backend,
    load: (prefix) => store.load(prefix),
    get: (key) => store.get(key),
    currentRevision: () => store.currentRevision(),
    commit: (writes) => store.commit(writes),
    watch: (prefix, after, handler) => store.watch(prefix, after, handler),
    compact: (revision) => store.compact(revision),
    sizeBytes: () => store.sizeBytes(),
    close: () => store.close(),
    ...overrides,
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function withEvents(
  store: Store,
  change: (events: readonly StoreEvent[], handler: StoreWatchHandler, revision: number) => void,
) {
  return wrap(store, {
    watch: (prefix, after, handler) =>
      store.watch(prefix, after, { ...handler, onEvents: (events, revision) => change(events, handler, revision) }),
  });
}

/** Each breaks one promise, as stores of the past did; the name says how. */
export const brokenStores: Readonly<Record<string, (store: Store) => Store>> = {
  'acknowledges before the flush, and a crash loses the write': (store) => {
    let count = 0;
    return wrap(store, {
      async commit(writes) {
        if (++count % 20 !== 0) return store.commit(writes);
        return { ok: true, revision: (await store.currentRevision()) + 1 };
      },
    });
  },
  'ignores the expected revision': (store) =>
    wrap(store, {
      async commit(writes) {
        await turn();
        return store.commit(writes.map(({ key, value }) => ({ key, value })));
      },
    }),
  'writes a commit in two halves': (store) =>
    wrap(store, {
      async commit(writes) {
        let result = await store.commit(writes.slice(0, 1));
        if (writes.length > 1 && result.ok) result = await store.commit(writes.slice(1));
        return result;
      },
    }),
  'reads from a member that lags, as after a process pause': (store) => {
    let count = 0;
    const old = new Map<string, Awaited<ReturnType<Store['get']>>>();
    return wrap(store, {
      async get(key) {
        const current = await store.get(key);
        if (++count % 10 === 0 && old.has(key)) return old.get(key);
        if (count % 3 === 0) old.set(key, current);
        return current;
      },
    });
  },
  'lists old content under a new revision': (store) => {
    let kept: Awaited<ReturnType<Store['load']>>['entries'] | undefined;
    return wrap(store, {
      async load(prefix) {
        const { revision, entries } = await store.load(prefix);
        const all: StoreEntry[] = [];
        for await (const batch of entries) all.push(...batch);
        const old = kept;
        const now = async function* () {
          yield all;
        };
        kept = now();
        return { revision, entries: old ?? now() };
      },
    });
  },
  'drops an event': (store) => {
    let count = 0;
    return withEvents(store, (events, handler, revision) => {
      const left = events.filter(() => ++count % 40 !== 0);
      if (left.length > 0) handler.onEvents(left, revision);
    });
  },
  'drops the event of a deletion that compaction met': (store) => {
    let count = 0;
    return withEvents(store, (events, handler, revision) => {
      const left = events.filter((event) => event.type !== 'delete' || ++count % 3 !== 0);
      if (left.length > 0) handler.onEvents(left, revision);
    });
  },
  'reorders events': (store) => {
    let count = 0;
    let held: { events: readonly StoreEvent[]; revision: number } | undefined;
    return withEvents(store, (events, handler, revision) => {
      if (!held && ++count % 15 === 0) {
        held = { events, revision };
        return;
      }
      handler.onEvents(events, revision);
      if (held) handler.onEvents(held.events, held.revision);
      held = undefined;
    });
  },
  'lets a watch go back in time after a partition': (store) => {
    const past: { events: readonly StoreEvent[]; revision: number }[] = [];
    return withEvents(store, (events, handler, revision) => {
      past.push({ events, revision });
      handler.onEvents(events, revision);
      if (past.length % 25 === 0) handler.onEvents(past.at(-3)!.events, past.at(-3)!.revision);
    });
  },
  'sends a bookmark ahead of its stream': (store) => {
    let count = 0;
    return withEvents(store, (events, handler, revision) => {
      if (++count % 20 === 0) handler.onProgress?.(revision);
      handler.onEvents(events, revision);
    });
  },
  'gives a watch on a future revision old events': (store) =>
    wrap(store, { watch: (prefix, after, handler) => store.watch(prefix, Math.max(0, after - 2), handler) }),
  'decreases its revision after a crash in compaction': (store) => {
    let count = 0;
    return wrap(store, {
      async commit(writes) {
        const result = await store.commit(writes);
        if (++count % 30 !== 0 || !result.ok) return result;
        return { ok: true, revision: result.revision - 5 };
      },
    });
  },
};
