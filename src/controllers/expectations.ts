/**
 * What a controller wrote and its cache has not shown yet. Acting on a count of objects before then would create or
 * delete too many, so a step waits until its own last writes are visible.
 */
import type { KubeObject, Shared } from '../api/kind.ts';
import type { Clock } from '../base/clock.ts';
import type { Informer } from '../client/informer.ts';
import { keyOf, type ObjectKey } from '../client/reconcile.ts';

/** As client-go: expectations that are not met by then (an event was lost) are given up. */
const timeoutMs = 300_000;

interface Pending {
  /** Newest revision of the created objects: visible once the cache has seen it. */
  createdRevision: number;
  readonly created: Set<string>;
  /** UIDs by object key: visible once the object is gone, replaced or marked as deleted. */
  readonly deleted: Map<ObjectKey, string>;
  since: number;
}

/** The pending writes of one controller, by the key of the object that it reconciles. */
export class Expectations<T extends KubeObject> {
  readonly #pending = new Map<ObjectKey, Pending>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  created(key: ObjectKey, object: Shared<T>): void {
    const pending = this.#of(key);
    const revision = Number(object.metadata.resourceVersion);
    if (Number.isNaN(revision)) pending.created.add(object.metadata.uid);
    else pending.createdRevision = Math.max(pending.createdRevision, revision);
  }

  /** Waits until the cache has reached a revision: after a write whose outcome is not known. */
  atRevision(key: ObjectKey, revision: string): void {
    const pending = this.#of(key);
    pending.createdRevision = Math.max(pending.createdRevision, Number(revision) || 0);
  }

  deleted(key: ObjectKey, object: Shared<T>): void {
    this.#of(key).deleted.set(keyOf(object), object.metadata.uid);
  }

  /** Whether the cache shows everything that was written for the key. */
  met(key: ObjectKey, informer: Informer<T>): boolean {
    const pending = this.#pending.get(key);
    if (!pending) return true;
    const visible =
      pending.createdRevision <= Number(informer.resourceVersion || 0) &&
      [...pending.created].every((uid) => informer.byUid(uid)) &&
      [...pending.deleted].every(([object, uid]) => {
        const seen = informer.byKey(object);
        return seen?.metadata.uid !== uid || seen.metadata.deletionTimestamp !== undefined;
      });
    if (!visible && this.#clock.monotonic() - pending.since < timeoutMs) return false;
    this.#pending.delete(key);
    return true;
  }

  forget(key: ObjectKey): void {
    this.#pending.delete(key);
  }

  #of(key: ObjectKey): Pending {
    let pending = this.#pending.get(key);
    if (!pending) {
      pending = { createdRevision: 0, created: new Set(), deleted: new Map(), since: 0 };
      this.#pending.set(key, pending);
    }
    pending.since = this.#clock.monotonic();
    return pending;
  }
}
