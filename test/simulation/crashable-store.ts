/** A store that outlives the servers on it, and that can end a server's life at any commit. */
import { createHash, type Hash } from 'node:crypto';
import { type Store, StoreError } from '../../src/store/store.ts';

/** Keys that are written all the time by design. */
const heartbeats = ['/leases/'];

/** What holds keys and certificates: never from a seed. */
const keyMaterial = ['kube-root-ca.crt', 'extension-apiserver-authentication', '/secrets/'];

export class CrashableStore {
  readonly #inner: Store;
  readonly #digest: Hash = createHash('sha256');
  /** Commits of each key since they were last taken. */
  #writes = new Map<string, number>();

  readonly #onCommit: (key: string, value: Uint8Array | null) => void;

  /** `onCommit` hears of every write, in order, once it is durable. */
  constructor(inner: Store, onCommit: (key: string, value: Uint8Array | null) => void) {
    this.#inner = inner;
    this.#onCommit = onCommit;
  }

  /** A fingerprint of every commit so far, in order. */
  digest(): string {
    return this.#digest.copy().digest('hex');
  }

  /** How often each key was written since the last call, heartbeats aside. */
  takeWrites(): ReadonlyMap<string, number> {
    const writes = this.#writes;
    this.#writes = new Map();
    return writes;
  }

  /** The store for one life of a server. */
  open(): { store: Store; crashAfter(commits: number, written: boolean): void; crashed(): boolean; kill(): void } {
    const inner = this.#inner;
    let left = Number.POSITIVE_INFINITY;
    let lastIsWritten = false;
    let dead = false;
    const assertAlive = () => {
      if (dead) throw new StoreError('closed', 'the server has crashed');
    };
    const store: Store = {
      backend: inner.backend,
      load: (prefix) => inner.load(prefix),
      get: async (key) => {
        assertAlive();
        return inner.get(key);
      },
      currentRevision: () => inner.currentRevision(),
      commit: async (writes) => {
        assertAlive();
        if (--left <= 0) dead = true;
        if (dead && !lastIsWritten) assertAlive();
        const result = await inner.commit(writes);
        if (result.ok) {
          for (const { key, value } of writes) {
            this.#digest.update(`${result.revision} ${key}\n`);
            if (!keyMaterial.some((part) => key.includes(part))) this.#digest.update(value ?? '-');
            this.#onCommit(key, value);
            if (!heartbeats.some((part) => key.includes(part))) this.#writes.set(key, (this.#writes.get(key) ?? 0) + 1);
          }
        }
        assertAlive();
        return result;
      },
      watch: (prefix, after, handler) =>
        inner.watch(prefix, after, {
          ...handler,
          onEvents: (events, revision) => {
            if (!dead) handler.onEvents(events, revision);
          },
        }),
      compact: (revision) => inner.compact(revision),
      sizeBytes: () => inner.sizeBytes(),
      close: async () => {},
    };
    return {
      store,
      crashAfter(commits, written) {
        left = commits;
        lastIsWritten = written;
      },
      crashed: () => dead,
      kill() {
        dead = true;
      },
    };
  }
}
