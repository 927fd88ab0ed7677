/** Informers: a local, indexed, read-only copy of the objects of a kind, kept current by a watch. (Interfaces; see informer-set.ts.) */
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';

export interface InformerHandler<T extends KubeObject> {
  onAdd?(object: Shared<T>): void;
  onUpdate?(object: Shared<T>, old: Shared<T>): void;
  onDelete?(object: Shared<T>): void;
}

/** Reads of the local copy. */
export interface Lister<T extends KubeObject> {
  get(namespace: string | undefined, name: string): Shared<T> | undefined;
  byKey(key: string): Shared<T> | undefined;
  byUid(uid: string): Shared<T> | undefined;
  /** All objects, or those of a namespace. */
  list(namespace?: string): readonly Shared<T>[];
  /** Objects with the given key in an index made by {@link Informer.addIndex}. */
  byIndex(index: string, value: string): readonly Shared<T>[];
}

export interface Informer<T extends KubeObject> extends Lister<T> {
  readonly kind: KindRef<T>;
  /** The newest revision that this copy has seen; '' before the first list. */
  readonly resourceVersion: string;
  /** True once the first list has arrived. */
  readonly synced: boolean;
  whenSynced(): Promise<void>;
  /** Handlers get an onAdd for every object that is there already. Returns a function that removes them. */
  addHandler(handler: InformerHandler<T>): () => void;
  /** An index of objects by the values a function gives; adding the same name again is a no-op. */
  addIndex(name: string, values: (object: Shared<T>) => readonly string[]): void;
}

/** One informer per kind, shared by all of a process's controllers. */
export interface InformerSet {
  /** The informer of a kind; starts it on first use. Options make an informer of its own. */
  informer<T extends KubeObject>(
    kind: KindRef<T>,
    options?: { namespace?: string; labelSelector?: string; fieldSelector?: string },
  ): Informer<T>;
  /** Resolves when every informer asked for so far is synced. */
  whenSynced(): Promise<void>;
  /** Stops and forgets the informer of a kind that is no longer served; the next who asks gets a new one. */
  drop?(kind: KindRef): void;
  stop(): void;
}
