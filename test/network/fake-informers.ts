/** Informers that a test fills by hand. */
import type { KindRef, KubeObject, Shared } from '../../src/api/kind.ts';
import type { Informer, InformerHandler, InformerSet } from '../../src/client/informer.ts';

const keyOf = (metadata: { namespace?: string; name: string }) =>
  metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name;

class FakeInformer<T extends KubeObject> implements Informer<T> {
  readonly kind: KindRef<T>;
  readonly synced = true;
  readonly resourceVersion = '1';
  readonly objects = new Map<string, Shared<T>>();
  readonly handlers = new Set<InformerHandler<T>>();
  readonly indexes = new Map<string, (object: Shared<T>) => readonly string[]>();

  constructor(kind: KindRef<T>) {
    this.kind = kind;
  }

  async whenSynced() {}

  addHandler(handler: InformerHandler<T>) {
    this.handlers.add(handler);
    for (const object of this.objects.values()) handler.onAdd?.(object);
    return () => this.handlers.delete(handler);
  }

  addIndex(name: string, values: (object: Shared<T>) => readonly string[]) {
    this.indexes.set(name, values);
  }

  get(namespace: string | undefined, name: string) {
    return this.objects.get(namespace ? `${namespace}/${name}` : name);
  }

  byKey(key: string) {
    return this.objects.get(key);
  }

  byUid(uid: string) {
    return [...this.objects.values()].find((object) => object.metadata.uid === uid);
  }

  list(namespace?: string) {
    return [...this.objects.values()].filter((object) => !namespace || object.metadata.namespace === namespace);
  }

  byIndex(index: string, value: string) {
    return [...this.objects.values()].filter((object) => this.indexes.get(index)!(object).includes(value));
  }
}

/** An informer set whose objects come from put and remove. Selectors are ignored. */
export class FakeInformers implements InformerSet {
  readonly #informers = new Map<string, FakeInformer<KubeObject>>();

  informer<T extends KubeObject>(kind: KindRef<T>): FakeInformer<T> {
    let informer = this.#informers.get(kind.plural);
    if (!informer) {
      informer = new FakeInformer(kind as unknown as KindRef);
      this.#informers.set(kind.plural, informer);
    }
    return informer as unknown as FakeInformer<T>;
  }

  async whenSynced() {}
  stop() {}

  /** Adds or replaces an object. */
  put<T extends KubeObject>(kind: KindRef<T>, object: object): void {
    const informer = this.informer(kind);
    const typed = object as Shared<T>;
    const key = keyOf(typed.metadata);
    const old = informer.objects.get(key);
    informer.objects.set(key, typed);
    for (const handler of informer.handlers) {
      if (old) handler.onUpdate?.(typed, old);
      else handler.onAdd?.(typed);
    }
  }

  /** Removes an object. */
  remove<T extends KubeObject>(kind: KindRef<T>, key: string): void {
    const informer = this.informer(kind);
    const old = informer.objects.get(key);
    if (!old) return;
    informer.objects.delete(key);
    for (const handler of informer.handlers) handler.onDelete?.(old);
  }
}
