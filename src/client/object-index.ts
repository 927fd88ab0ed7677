/** The indexed objects of one informer: by key, namespace, UID and the indexes that controllers ask for. */
import type { KubeObject, Shared } from '../api/kind.ts';
import { keyOf } from './reconcile.ts';

type ValuesOf<T extends KubeObject> = (object: Shared<T>) => readonly string[];

interface Index<T extends KubeObject> {
  readonly values: ValuesOf<T>;
  readonly buckets: Map<string, Map<string, Shared<T>>>;
}

/** Objects are kept as they were given: nothing is copied. Lists that are handed out are never changed afterwards. */
export class ObjectIndex<T extends KubeObject> {
  readonly #objects = new Map<string, Shared<T>>();
  readonly #indexes = new Map<string, Index<T>>();
  #all: readonly Shared<T>[] | undefined;

  get size(): number {
    return this.#objects.size;
  }

  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  byKey(key: string): Shared<T> | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): readonly Shared<T>[] {
    if (namespace !== undefined && namespace !== '') {
      this.addIndex(byNamespace, (object) => [object.metadata.namespace ?? '']);
      return this.byIndex(byNamespace, namespace);
    }
    this.#all ??= [...this.#objects.values()];
    return this.#all;
  }

  byUid(uid: string): Shared<T> | undefined {
    this.addIndex(byUid, (object) => [object.metadata.uid]);
    for (const object of this.#indexes.get(byUid)?.buckets.get(uid)?.values() ?? []) return object;
    return undefined;
  }

  byIndex(name: string, value: string): readonly Shared<T>[] {
    const index = this.#indexes.get(name);
    if (!index) throw new Error(`no index named ${name}: add it with addIndex before reading it`);
    const bucket = index.buckets.get(value);
    return bucket ? [...bucket.values()] : [];
  }

  addIndex(name: string, values: ValuesOf<T>): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { values, buckets: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) enter(index, key, object);
  }

  /** Returns the object that was there before. */
  put(object: Shared<T>): Shared<T> | undefined {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    this.#all = undefined;
    for (const index of this.#indexes.values()) move(index, { key, object, old });
    return old;
  }

  remove(key: string): Shared<T> | undefined {
    const old = this.#objects.get(key);
    if (!old) return undefined;
    this.#objects.delete(key);
    this.#all = undefined;
    for (const index of this.#indexes.values()) leave(index, key, index.values(old));
    return old;
  }
}

const byNamespace = '(namespace)';
const byUid = '(uid)';

function enter<T extends KubeObject>(index: Index<T>, key: string, object: Shared<T>): void {
  for (const value of index.values(object)) {
    let bucket = index.buckets.get(value);
    if (!bucket) {
      bucket = new Map();
      index.buckets.set(value, bucket);
    }
    bucket.set(key, object);
  }
}

function leave<T extends KubeObject>(index: Index<T>, key: string, values: readonly string[]): void {
  for (const value of values) {
    const bucket = index.buckets.get(value);
    if (bucket?.delete(key) && bucket.size === 0) index.buckets.delete(value);
  }
}

function move<T extends KubeObject>(
  index: Index<T>,
  change: { readonly key: string; readonly object: Shared<T>; readonly old: Shared<T> | undefined },
): void {
  if (change.old) {
    const now = index.values(change.object);
    const gone = index.values(change.old).filter((value) => !now.includes(value));
    if (gone.length) leave(index, change.key, gone);
  }
  enter(index, change.key, change.object);
}
