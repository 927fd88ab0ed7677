import { SortedMap, type SortedView } from './sorted-map.ts';
import {
  type CommitResult,
  type Store,
  type StoreEntry,
  StoreError,
  type StoreEvent,
  type StoreWatch,
  type StoreWatchHandler,
  type StoreWrite,
} from './store.ts';
import { WatchHub } from './watch-hub.ts';

export interface MemoryStoreOptions {
  /** How many past events are kept for watches that start in the past; 10,000 when absent. */
  readonly historyLimit?: number;
}

const batchSize = 1000;

/** A store that keeps everything in the memory of this process: for tests and simulation. Nothing survives `close`. */
export function openMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options.historyLimit ?? 10_000);
}

class MemoryStore implements Store {
  readonly backend = 'memory';
  readonly #current = new SortedMap<StoreEntry>();
  readonly #hub = new WatchHub();
  readonly #historyLimit: number;
  #history: StoreEvent[] = [];
  #compacted = 0;
  #revision = 1;
  #closed = false;

  constructor(historyLimit: number) {
    this.#historyLimit = historyLimit;
  }

  async load(prefix: string) {
    this.#assertOpen();
    const view = this.#current.view();
    return { revision: this.#revision, entries: batches(view, prefix) };
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    this.#assertOpen();
    return this.#current.get(key);
  }

  async currentRevision(): Promise<number> {
    this.#assertOpen();
    return this.#revision;
  }

  async commit(writes: readonly StoreWrite[]): Promise<CommitResult> {
    this.#assertOpen();
    assertDistinctKeys(writes);
    const conflicts: { key: string; current: StoreEntry | undefined }[] = [];
    for (const { key, expectedRevision } of writes) {
      const current = this.#current.get(key);
      if (expectedRevision !== undefined && expectedRevision !== (current?.revision ?? 0)) {
        conflicts.push({ key, current });
      }
    }
    if (conflicts.length > 0) return { ok: false, conflicts };
    if (!writes.some(({ key, value }) => value !== null || this.#current.get(key))) {
      return { ok: true, revision: this.#revision };
    }
    const revision = ++this.#revision;
    const events: StoreEvent[] = [];
    for (const { key, value } of writes) {
      const old = this.#current.get(key);
      if (value === null) {
        if (!old) continue;
        this.#current.delete(key);
        events.push({ type: 'delete', key, revision, createRevision: old.createRevision, value: undefined });
      } else {
        const entry = { key, value, revision, createRevision: old?.createRevision ?? revision };
        this.#current.set(entry);
        events.push({ type: 'put', ...entry });
      }
    }
    for (const event of events) this.#history.push(event);
    if (this.#history.length > 2 * this.#historyLimit) {
      this.#forget(this.#history[this.#history.length - this.#historyLimit]!.revision);
    }
    this.#hub.publish(events, revision);
    return { ok: true, revision };
  }

  watch(prefix: string, afterRevision: number, handler: StoreWatchHandler): StoreWatch {
    this.#assertOpen();
    if (afterRevision < this.#compacted) {
      queueMicrotask(() => handler.onError(compactedError(afterRevision, this.#compacted)));
      return { close() {} };
    }
    const watch = this.#hub.add(prefix, afterRevision, handler);
    const past = this.#history.filter((event) => event.revision > afterRevision && event.key.startsWith(prefix));
    const upTo = this.#revision;
    queueMicrotask(() => {
      watch.past(past, upTo);
      watch.goLive();
    });
    return watch;
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen();
    this.#forget(Math.min(revision, this.#revision));
  }

  async skipRevisions(revision: number): Promise<void> {
    this.#assertOpen();
    if (revision <= this.#revision) return;
    this.#revision = revision;
    this.#forget(revision);
  }

  async sizeBytes(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#hub.fail(new StoreError('closed', 'the memory store was closed'));
  }

  #forget(revision: number): void {
    if (revision <= this.#compacted) return;
    this.#compacted = revision;
    this.#history = this.#history.filter((event) => event.revision > revision);
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('closed', 'the memory store is closed');
  }
}

async function* batches(view: SortedView<StoreEntry>, prefix: string): AsyncGenerator<readonly StoreEntry[]> {
  let batch: StoreEntry[] = [];
  for (const entry of view.range(prefix)) {
    if (batch.push(entry) < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** A commit names each key once: what two writes of one key at one revision would mean is undefined (etcd refuses it too). */
export function assertDistinctKeys(writes: readonly StoreWrite[]): void {
  if (writes.length === 0) throw new RangeError('a commit needs at least one write');
  if (writes.length > maxWritesPerCommit) {
    throw new StoreError('too-large', `a commit of ${writes.length} writes exceeds ${maxWritesPerCommit}; split it`);
  }
  if (writes.length > 1 && new Set(writes.map((write) => write.key)).size < writes.length) {
    throw new RangeError('a commit may write each key only once');
  }
}

/** As many operations as etcd takes in a transaction by default, less one for the store's own. */
export const maxWritesPerCommit = 127;

/** The error of a watch or read whose revision is no longer kept. */
export function compactedError(wanted: number, compacted: number): StoreError {
  return new StoreError('compacted', `revision ${wanted} is no longer kept: history starts after ${compacted}`);
}
