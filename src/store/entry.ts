import { deepFreeze } from '../base/deep.ts';
import type { CacheEntry, ObjectCodec } from './cache-api.ts';
import { toBytes } from './json-codec.ts';

/** What the entries of one resource have in common. */
export interface EntryContext<T> {
  readonly codec: ObjectCodec<T>;
  readonly freeze: boolean;
}

/**
 * One version of one object. It holds the object, its bytes or both: what came from the store is decoded on first use,
 * what this process wrote keeps the writer's object. The stored bytes give way to the clients' JSON, so that there is at
 * most one copy of the bytes.
 */
export class Entry<T> implements CacheEntry<T> {
  readonly key: string;
  readonly revision: number;
  readonly stale: boolean;
  readonly #context: EntryContext<T>;
  #object: T | undefined;
  #bytes: Uint8Array | undefined;
  #bytesAreJson = false;
  #encodings: Map<string, unknown> | undefined;

  /** At least one of `object` (with its resourceVersion set) and `stored` is given. */
  constructor(
    context: EntryContext<T>,
    at: { readonly key: string; readonly revision: number },
    content: { readonly object?: T | undefined; readonly stored?: Uint8Array | undefined },
  ) {
    this.key = at.key;
    this.revision = at.revision;
    this.#context = context;
    this.stale = (content.stored && context.codec.isStale?.(content.stored)) ?? false;
    this.#bytes = content.stored;
    if (content.object !== undefined) this.#object = context.freeze ? deepFreeze(content.object) : content.object;
  }

  get object(): T {
    if (this.#object === undefined) {
      const { codec, freeze } = this.#context;
      // Without an object the bytes are the stored ones, or those with the resourceVersion spliced in: `decode` takes both.
      const object = codec.decode(this.#bytes!, this.revision, this.key);
      this.#object = freeze ? deepFreeze(object) : object;
    }
    return this.#object;
  }

  get json(): Uint8Array {
    if (this.#bytesAreJson) return this.#bytes!;
    const spliced = this.#bytes && this.#context.codec.splice?.(this.#bytes, this.revision);
    const json = spliced ?? toBytes(JSON.stringify(this.object));
    this.#bytes = json;
    this.#bytesAreJson = true;
    return json;
  }

  get encodings(): Map<string, unknown> {
    this.#encodings ??= new Map();
    return this.#encodings;
  }

  /** Bytes that this version holds, for bounding what old versions keep. */
  get heldBytes(): number {
    return this.#bytes?.length ?? 0;
  }

  /** This version as it is sent when the object was deleted at `revision`. */
  deletedAt(revision: number): Entry<T> {
    const stored = this.#bytesAreJson ? undefined : this.#bytes;
    const undecoded = this.#object === undefined && stored !== undefined;
    const object = undecoded ? undefined : this.#context.codec.withRevision(this.object, revision);
    return new Entry(this.#context, { key: this.key, revision }, { object, stored });
  }
}
