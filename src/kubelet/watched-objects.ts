/** Single objects (config maps, secrets) that pods of this node refer to: fetched once, then kept current by a watch each. */
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { backoffDelay } from '../base/backoff.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Client } from '../client/client.ts';
import type { WatchHandle } from '../client/transport.ts';

interface Entry<T extends KubeObject> {
  readonly users: Set<string>;
  /** Undefined while unknown; null when the object does not exist. */
  value: Shared<T> | null | undefined;
  first: Promise<void>;
  watch: WatchHandle | undefined;
  timer: Timer | undefined;
  failures: number;
}

const retry = { initialMs: 1000, maxMs: 30_000 };

/**
 * Watches one name at a time, because that is all that a node may read. An object is watched from its first use until the
 * last pod that uses it is released.
 */
export class WatchedObjects<T extends KubeObject> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #kind: KindRef<T>;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onChange: (podUids: ReadonlySet<string>) => void;

  /** @param onChange gets the pods whose object changed after it was first read */
  constructor(
    kind: KindRef<T>,
    env: { client: Client; clock: Clock; log: Logger },
    onChange: (podUids: ReadonlySet<string>) => void,
  ) {
    this.#kind = kind;
    this.#client = env.client;
    this.#clock = env.clock;
    this.#log = env.log;
    this.#onChange = onChange;
  }

  /** The object for a pod, or undefined when it does not exist. Rejects when the API does not answer. */
  async get(podUid: string, namespace: string, name: string): Promise<Shared<T> | undefined> {
    const key = `${namespace}/${name}`;
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = {
        users: new Set(),
        value: undefined,
        first: Promise.resolve(),
        watch: undefined,
        timer: undefined,
        failures: 0,
      };
      this.#entries.set(key, entry);
      entry.first = this.#fetch(entry, namespace, name);
    }
    entry.users.add(podUid);
    try {
      await entry.first;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#drop(key, entry);
      throw error;
    }
    return entry.value ?? undefined;
  }

  /** A pod is gone: objects that only it used are watched no more. */
  release(podUid: string): void {
    for (const [key, entry] of this.#entries) {
      if (entry.users.delete(podUid) && entry.users.size === 0) this.#drop(key, entry);
    }
  }

  close(): void {
    for (const [key, entry] of this.#entries) this.#drop(key, entry);
  }

  async #fetch(entry: Entry<T>, namespace: string, name: string): Promise<void> {
    let resourceVersion: string | undefined;
    try {
      const found = await this.#client.get(this.#kind, { namespace, name });
      entry.value = found;
      resourceVersion = found.metadata.resourceVersion;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      entry.value = null;
    }
    this.#watch(entry, { namespace, name, resourceVersion });
  }

  #watch(entry: Entry<T>, at: { namespace: string; name: string; resourceVersion: string | undefined }): void {
    const { namespace, name } = at;
    if (this.#entries.get(`${namespace}/${name}`) !== entry) return;
    entry.watch = this.#client.watch(
      this.#kind,
      {
        namespace,
        fieldSelector: `metadata.name=${name}`,
        ...(at.resourceVersion ? { resourceVersion: at.resourceVersion } : {}),
      },
      {
        onEvents: (events) => {
          entry.failures = 0;
          let changed = false;
          for (const { type, object } of events) {
            if (type === 'BOOKMARK') continue;
            const next = type === 'DELETED' ? null : object;
            if (next?.metadata.resourceVersion !== entry.value?.metadata.resourceVersion) changed = true;
            entry.value = next;
          }
          if (changed) this.#onChange(entry.users);
        },
        onEnd: (error) => {
          entry.watch = undefined;
          if (error) this.#log.debug('watch of an object ended', { kind: this.#kind.kind, namespace, name, error });
          const delayMs = error ? backoffDelay(retry, entry.failures++) : 100;
          entry.timer = this.#clock.after(delayMs, () => this.#refetch(entry, namespace, name));
        },
      },
    );
  }

  #refetch(entry: Entry<T>, namespace: string, name: string): void {
    if (this.#entries.get(`${namespace}/${name}`) !== entry) return;
    const before = entry.value?.metadata.resourceVersion;
    this.#fetch(entry, namespace, name).then(
      () => {
        if (entry.value?.metadata.resourceVersion !== before) this.#onChange(entry.users);
      },
      () => {
        entry.timer = this.#clock.after(backoffDelay(retry, entry.failures++), () =>
          this.#refetch(entry, namespace, name),
        );
      },
    );
  }

  #drop(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    entry.timer?.cancel();
    entry.watch?.close();
  }
}
