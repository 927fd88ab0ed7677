/** What the server serves: resources by group, version and name; built-in ones and those that definitions add. */
import type { AnyKind, KindRef, KubeObject, Shared } from '../../api/kind.ts';
import type { ObjectCache } from '../../store/cache-api.ts';
import { createJsonCodec, type ValueTransformer } from '../../store/json-codec.ts';
import { convertedEntries, type ServedResource, type StoredResource } from './resource.ts';

const id = (group: string, version: string, plural: string) => `${group}/${version}/${plural}`;

export interface RegistryOptions {
  readonly cache: ObjectCache;
  /** Encryption at rest, by `secrets` or `deployments.apps`. */
  readonly transformer?: (resource: string) => ValueTransformer | undefined;
}

export class Registry {
  readonly #options: RegistryOptions;
  readonly #served = new Map<string, ServedResource>();
  readonly #stored = new Map<string, StoredResource>();
  readonly #listeners = new Set<() => void>();
  /** Grows with every change of what is served: discovery and OpenAPI are remade when it moved. */
  generation = 1;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Loads built-in kinds. */
  async addBuiltin(kinds: readonly AnyKind[]): Promise<void> {
    await Promise.all(
      kinds.filter((kind) => !kind.storedAs && kind.persisted !== false).map((kind) => this.openStorage(kind)),
    );
    for (const kind of kinds) this.add(builtinResource(kind, (hub) => this.#stored.get(storageName(hub))));
  }

  /** The storage of a kind; loads its objects on first use. */
  async openStorage(
    kind: AnyKind,
    options: { revive?: (value: unknown, key: string) => KubeObject } = {},
  ): Promise<StoredResource> {
    const name = storageName(kind);
    const known = this.#stored.get(name);
    if (known) return known;
    const prefix = `/registry/${kind.group || 'core'}/${kind.plural}/`;
    const transformer = this.#options.transformer?.(kind.group ? `${kind.plural}.${kind.group}` : kind.plural);
    const codec = createJsonCodec<Shared<KubeObject>>({
      ...(transformer ? { transformer } : {}),
      ...options,
    });
    const cache = await this.#options.cache.resource(prefix, codec);
    const stored = { kind, prefix, cache };
    this.#stored.set(name, stored);
    return stored;
  }

  /** Forgets a storage whose objects are all gone. */
  closeStorage(kind: KindRef): void {
    const name = storageName(kind);
    const stored = this.#stored.get(name);
    if (!stored) return;
    this.#stored.delete(name);
    this.#options.cache.dropResource(stored.prefix);
  }

  add(resource: ServedResource): void {
    const { group, version, plural } = resource.kind;
    this.#served.set(id(group, version, plural), resource);
    this.changed();
  }

  remove(kind: { group: string; version: string; plural: string }): void {
    if (this.#served.delete(id(kind.group, kind.version, kind.plural))) this.changed();
  }

  resolve(group: string, version: string, plural: string): ServedResource | undefined {
    return this.#served.get(id(group, version, plural));
  }

  /** The storage of a resource by group and plural name. */
  storage(group: string, plural: string): StoredResource | undefined {
    return this.#stored.get(`${group}/${plural}`);
  }

  /** Everything served, in the order of its adding. */
  all(): IterableIterator<ServedResource> {
    return this.#served.values();
  }

  storages(): IterableIterator<StoredResource> {
    return this.#stored.values();
  }

  /** A served resource by kind name. */
  byKind(group: string, version: string, kind: string): ServedResource | undefined {
    for (const resource of this.#served.values()) {
      if (resource.kind.kind === kind && resource.kind.group === group && resource.kind.version === version)
        return resource;
    }
    return undefined;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    this.generation++;
    for (const listener of this.#listeners) listener();
  }
}

const storageName = (kind: { group: string; plural: string }) => `${kind.group}/${kind.plural}`;

function builtinResource(kind: AnyKind, storageOf: (hub: AnyKind) => StoredResource | undefined): ServedResource {
  const conversion = kind.storedAs;
  if (!conversion) {
    const stored = kind.persisted === false ? undefined : storageOf(kind);
    return { kind, hub: kind, stored, ...(kind.deprecation ? { warning: kind.deprecation } : {}) };
  }
  const hub = conversion.kind() as AnyKind;
  return {
    kind,
    hub,
    stored: storageOf(hub),
    ...(conversion.warning ? { warning: conversion.warning } : {}),
    toHub: (object) => conversion.toStorage(object),
    present: convertedEntries(kind.apiVersion, (object) => conversion.fromStorage(object)),
  };
}
