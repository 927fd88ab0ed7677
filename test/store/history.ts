import type { Random } from '../../src/base/random.ts';
import { type Store, StoreError, type StoreEvent, type StoreWrite } from '../../src/store/store.ts';
import { isLinearizable, type Operation } from './linearizability.ts';
import { patienceMs, wait } from './until.ts';

interface Acknowledged {
  readonly revision: number;
  readonly writes: readonly { readonly key: string; readonly value: string | null }[];
  readonly called: number;
  readonly returned: number;
}

interface Listed {
  readonly revision: number;
  readonly content: ReadonlyMap<string, { readonly value: string; readonly revision: number }>;
  readonly called: number;
}

interface Watched {
  readonly after: number;
  /** In the order in which they came: events, and progress as a revision without one. */
  readonly seen: readonly (StoreEvent | { readonly type: 'progress'; readonly revision: number })[];
  readonly from: string;
}

/** Everything that the clients of a store saw. */
export interface History {
  readonly operations: readonly Operation[];
  readonly acknowledged: readonly Acknowledged[];
  readonly lists: readonly Listed[];
  readonly watches: readonly Watched[];
  /** All values that anybody tried to write, by key. */
  readonly tried: ReadonlyMap<string, ReadonlySet<string | null>>;
}

export interface HistoryOptions {
  readonly random: Random;
  readonly root: string;
  readonly clients: number;
  /** Of each client. */
  readonly steps: number;
  /** Between two steps of a client. */
  readonly pause?: () => Promise<void>;
  /** How long the watches may take to see the last write: long, but for a store that is known to withhold events. */
  readonly settleMs?: number;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const keyCount = 4;

/**
 * Lets concurrent clients read, write, compare-and-set, delete, list and watch a few keys through one or more stores on
 * the same data, and records what each of them saw.
 */
export async function recordHistory(stores: readonly Store[], options: HistoryOptions): Promise<History> {
  const { random, root, clients, steps, pause } = options;
  const operations: Operation[] = [];
  const acknowledged: Acknowledged[] = [];
  const lists: Listed[] = [];
  const watches: { after: number; seen: Watched['seen'][number][]; from: string; close(): void }[] = [];
  const tried = new Map<string, Set<string | null>>();
  const valueAt = new Map<number, string>();
  let tick = 0;
  let unique = 0;

  const startWatch = (store: Store, after: number, from: string) => {
    const seen: Watched['seen'][number][] = [];
    const watch = store.watch(root, after, {
      onEvents: (events) => void seen.push(...events),
      onProgress: (revision) => void seen.push({ type: 'progress', revision }),
      onError(error) {
        // A watch that begins before the kept history is refused, and then shows nothing.
        if (error.code === 'compacted' && seen.length === 0) watches.splice(watches.indexOf(recorded), 1);
      },
    });
    const recorded = { after, seen, from, close: () => watch.close() };
    watches.push(recorded);
  };
  const begin = await stores[0]!.currentRevision();
  for (const [i, store] of stores.entries()) startWatch(store, begin, `from the start at store ${i}`);

  const attempt = async (client: string, store: Store, writes: readonly (StoreWrite & { text: string | null })[]) => {
    for (const { key, text: value } of writes) {
      const values = tried.get(key) ?? new Set();
      tried.set(key, values.add(value));
    }
    const called = tick++;
    const base = (each: (typeof writes)[number]) => ({
      client,
      key: each.key,
      kind: 'write' as const,
      value: each.text,
      ...(each.expectedRevision === undefined
        ? {}
        : { expected: each.expectedRevision === 0 ? null : valueAt.get(each.expectedRevision + key32(each.key))! }),
      called,
    });
    try {
      const result = await store.commit(writes);
      const returned = tick++;
      if (result.ok) {
        acknowledged.push({
          revision: result.revision,
          writes: writes.map((each) => ({ key: each.key, value: each.text })),
          called,
          returned,
        });
        for (const each of writes) {
          if (each.text !== null) valueAt.set(result.revision + key32(each.key), each.text);
          operations.push({ ...base(each), outcome: 'ok', returned });
        }
        return;
      }
      for (const { key, current } of result.conflicts) {
        const found = current ? text(current.value) : null;
        const each = writes.find((write) => write.key === key)!;
        operations.push({ ...base(each), outcome: 'conflict', found, returned });
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code !== 'unknown-outcome') return;
      for (const each of writes)
        operations.push({ ...base(each), outcome: 'unknown', returned: Number.POSITIVE_INFINITY });
    }
  };

  const runClient = async (number: number) => {
    const client = `c${number}`;
    const store = stores[number % stores.length]!;
    for (let step = 0; step < steps; step++) {
      await pause?.();
      const key = `${root}k${random.below(keyCount)}`;
      const fresh = () => `${client}-${unique++}`;
      const put = (name: string, value: string | null, expectedRevision?: number) => ({
        key: name,
        value: value === null ? null : Buffer.from(value),
        text: value,
        ...(expectedRevision === undefined ? {} : { expectedRevision }),
      });
      const kind = random.below(10);
      if (kind < 2) await attempt(client, store, [put(key, fresh())]);
      else if (kind === 2) {
        const value = fresh();
        await attempt(client, store, [put(`${root}left`, value), put(`${root}right`, value)]);
      } else if (kind === 3) await list(store);
      else if (kind === 4) {
        const after = acknowledged[random.below(Math.max(1, acknowledged.length))]?.revision ?? begin;
        startWatch(store, after + random.below(3), `${client} at ${after}`);
      } else {
        const called = tick++;
        let current: Awaited<ReturnType<Store['get']>>;
        try {
          current = await store.get(key);
        } catch {
          continue;
        }
        const value = current ? text(current.value) : null;
        if (current) valueAt.set(current.revision + key32(key), value!);
        operations.push({ client, key, kind: 'read', value, outcome: 'ok', called, returned: tick++ });
        if (kind < 6) continue;
        await attempt(client, store, [put(key, kind === 9 ? null : fresh(), current?.revision ?? 0)]);
      }
    }
  };

  const list = async (store: Store) => {
    const called = tick++;
    try {
      const { revision, entries } = await store.load(root);
      const content = new Map<string, { value: string; revision: number }>();
      for await (const batch of entries) {
        for (const entry of batch) content.set(entry.key, { value: text(entry.value), revision: entry.revision });
      }
      lists.push({ revision, content, called });
    } catch {
      // A list that failed showed nothing.
    }
  };

  await Promise.all(Array.from({ length: clients }, (_, i) => runClient(i)));
  const end = performance.now() + (options.settleMs ?? patienceMs);
  await writeLast(stores[0]!, `${root}end`, end);
  const isDone = () => watches.every(({ seen }) => seen.some((each) => 'key' in each && each.key === `${root}end`));
  while (!isDone() && performance.now() < end) await wait(20);
  for (const watch of watches) watch.close();
  return { operations, acknowledged, lists, watches, tried };
}

/** A number that tells keys apart when added to a revision: several keys may share one. */
function key32(key: string): number {
  let hash = 0;
  for (const c of key) hash = (hash * 31 + c.charCodeAt(0)) % 1000;
  return hash / 1000;
}

async function writeLast(store: Store, key: string, end: number): Promise<void> {
  for (;;) {
    try {
      await store.commit([{ key, value: Buffer.from('end') }]);
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await wait(100);
    }
  }
}

/** What is wrong with a history, in words; nothing when the store kept its promises. */
export function checkHistory(history: History): string[] {
  const problems: string[] = [];
  const keys = new Set(history.operations.map((operation) => operation.key));
  for (const key of keys) {
    if (!isLinearizable(history.operations.filter((operation) => operation.key === key))) {
      problems.push(`the operations on ${key} are not linearizable`);
    }
  }
  checkRevisions(history, problems);
  checkWatches(history, problems);
  checkLists(history, problems);
  return problems;
}

function checkRevisions({ acknowledged }: History, problems: string[]): void {
  // A deletion of what is not there changes nothing and has no revision of its own.
  const changing = acknowledged.filter(({ writes }) => writes.some((write) => write.value !== null));
  if (new Set(changing.map((each) => each.revision)).size < changing.length)
    problems.push('a revision was given twice');
  const ordered = acknowledged.toSorted((a, b) => a.returned - b.returned);
  let highest = 0;
  let at = 0;
  for (const each of changing.toSorted((a, b) => a.called - b.called)) {
    for (; at < ordered.length && ordered[at]!.returned < each.called; at++) {
      highest = Math.max(highest, ordered[at]!.revision);
    }
    if (each.revision <= highest) problems.push(`revision ${each.revision} came after ${highest}: it went back`);
  }
}

function checkWatches({ acknowledged, watches, tried }: History, problems: string[]): void {
  const reference = watches[0]!.seen.filter((each) => 'key' in each);
  const describe = (event: StoreEvent) => `${event.revision} ${event.key} ${event.value ? text(event.value) : null}`;
  for (const { after, seen, from } of watches) {
    let last = after;
    let progress = after;
    for (const each of seen) {
      if (!('key' in each)) {
        progress = Math.max(progress, each.revision);
        continue;
      }
      if (each.revision <= progress)
        problems.push(`watch ${from}: event ${each.revision} after progress to ${progress}`);
      if (each.revision < last) problems.push(`watch ${from}: event ${each.revision} after ${last}: it went back`);
      last = each.revision;
      const values = tried.get(each.key);
      if (values && !values.has(each.value ? text(each.value) : null)) {
        problems.push(`watch ${from}: a value of ${each.key} that nobody wrote`);
      }
    }
    const events = seen.filter((each) => 'key' in each);
    if (new Set(events.map((each) => `${each.revision} ${each.key}`)).size < events.length) {
      problems.push(`watch ${from}: an event came twice`);
    }
    const wanted = reference.filter((each) => each.revision > after).map(describe);
    const got = new Set(events.map(describe));
    const missing = wanted.filter((each) => !got.has(each));
    if (missing.length > 0) problems.push(`watch ${from}: missed ${missing[0]}`);
    if (got.size > wanted.length) problems.push(`watch ${from}: has events that the first watch has not`);
  }
  const all = new Set(reference.map(describe));
  for (const { revision, writes } of acknowledged) {
    for (const { key, value } of writes) {
      if (value !== null && !all.has(`${revision} ${key} ${value}`))
        problems.push(`no event of the write of ${key} at ${revision}`);
    }
  }
  const halves = new Map<number, number>();
  for (const each of reference) {
    if (/\/(left|right)$/.test(each.key)) halves.set(each.revision, (halves.get(each.revision) ?? 0) + 1);
  }
  for (const [revision, count] of halves) if (count !== 2) problems.push(`revision ${revision} has half of a commit`);
}

/** Each list must be exactly what the events up to its revision add up to, and not older than what was acknowledged before it. */
function checkLists({ lists, watches, acknowledged }: History, problems: string[]): void {
  const events = watches[0]!.seen.filter((each) => 'key' in each);
  for (const { revision, content, called } of lists) {
    const expected = new Map<string, string>();
    for (const event of events) {
      if (event.revision > revision) break;
      if (event.value) expected.set(event.key, `${event.revision} ${text(event.value)}`);
      else expected.delete(event.key);
    }
    const got = new Map([...content].map(([key, entry]) => [key, `${entry.revision} ${entry.value}`]));
    const same = got.size === expected.size && [...got].every(([key, value]) => expected.get(key) === value);
    if (!same) problems.push(`a list at ${revision} is not the state at that revision`);
    for (const each of acknowledged) {
      const isChange = each.writes.some((write) => write.value !== null);
      if (isChange && each.returned < called && each.revision > revision) {
        problems.push(`a list at ${revision} is older than ${each.revision}, acknowledged before it`);
        break;
      }
    }
  }
}
