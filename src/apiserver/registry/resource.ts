/** A resource as the server serves it: one kind in one version, and where its objects are kept. */
import type { AnyKind, KubeObject, Shared } from '../../api/kind.ts';
import type { ConvertObjects } from '../../api/machinery/apply/versions.ts';
import type { CacheEntry, ResourceCache } from '../../store/cache-api.ts';

/** The entry of a stored object, or of its form in another version. */
export type Entry = CacheEntry<Shared<KubeObject>>;

/** Where the objects of a resource are kept; shared by all its versions. */
export interface StoredResource {
  /** The kind in the version that is stored. */
  readonly kind: AnyKind;
  /** `/registry/apps/deployments/`. */
  readonly prefix: string;
  readonly cache: ResourceCache<Shared<KubeObject>>;
}

/** What is different for custom resources. */
export interface CustomHooks {
  /** The schema as the definition has it, for OpenAPI. */
  readonly schema: object | undefined;
  /** Prunes what a client sent; the problems are what strict field validation reports. */
  readonly admitRaw: (value: Record<string, unknown>) => { object: KubeObject; problems: string[] };
}

export interface ServedResource {
  /** The kind as clients of this version see it. */
  readonly kind: AnyKind;
  /** The kind whose hooks run and whose form a write has on its way to the store. */
  readonly hub: AnyKind;
  /** Undefined for resources that are answered and not kept. */
  readonly stored: StoredResource | undefined;
  /** Turns a decoded object of `kind` into the hub's form (legacy versions). */
  readonly toHub?: (object: KubeObject) => KubeObject;
  /** The hub's form of a stored entry; undefined where it is the same. */
  readonly load?: (entry: Entry) => Entry | Promise<Entry>;
  /** The stored form of a hub object; undefined where it is the same. */
  readonly store?: (object: KubeObject) => KubeObject | Promise<KubeObject>;
  /** The form of a stored entry that clients of this version see; undefined where it is the same. */
  readonly present?: (entry: Entry) => Entry | Promise<Entry>;
  /** The same for many, with one call of a webhook. */
  readonly presentAll?: (entries: readonly Entry[]) => Promise<readonly Entry[]>;
  /** Other versions of objects of `hub`, for who owns fields of those; undefined where all versions are stored as one. */
  readonly convert?: ConvertObjects;
  readonly custom?: CustomHooks;
  /** Text of the Warning header of every request. */
  readonly warning?: string;
  /** Not to be written at the moment: a custom resource whose definition is being deleted. */
  readonly refuseWrites?: () => string | undefined;
}

/** The key of an object: namespaced objects are grouped by namespace. */
export function keyFor(stored: StoredResource, namespace: string, name: string): string {
  return stored.kind.namespaced ? `${stored.prefix}${namespace}/${name}` : stored.prefix + name;
}

/** The prefix of the keys of a namespace, or of all where none is given. */
export function keyPrefix(stored: StoredResource, namespace: string): string {
  return namespace && stored.kind.namespaced ? `${stored.prefix}${namespace}/` : stored.prefix;
}

/** An entry for an object that is not the stored one: another version of it, or one that a dry run made. */
export class DerivedEntry implements Entry {
  readonly key: string;
  readonly revision: number;
  readonly object: Shared<KubeObject>;
  readonly encodings = new Map<string, unknown>();
  #json: Uint8Array | undefined;

  constructor(key: string, revision: number, object: Shared<KubeObject>) {
    this.key = key;
    this.revision = revision;
    this.object = object;
  }

  get json(): Uint8Array {
    this.#json ??= Buffer.from(JSON.stringify(this.object));
    return this.#json;
  }
}

/** A presenter that converts with a function and keeps the result beside the stored bytes. */
export function convertedEntries(
  version: string,
  convert: (object: Shared<KubeObject>) => KubeObject,
): (entry: Entry) => Entry {
  const slot = `as:${version}`;
  return (entry) => {
    const known = entry.encodings.get(slot) as Entry | undefined;
    if (known) return known;
    const made = new DerivedEntry(entry.key, entry.revision, convert(entry.object));
    entry.encodings.set(slot, made);
    return made;
  };
}
