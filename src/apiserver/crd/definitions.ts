/** Serves what CustomResourceDefinitions define, and keeps their status: names, establishment, clean deletion. */
import { CustomResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import type { Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import { formatTime } from '../../base/clock.ts';
import { deepEqual, mutableCopy } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import { follow } from '../registry/follow.ts';
import type { ServedResource, StoredResource } from '../registry/resource.ts';
import { deprecationWarning, makeCustomHooks, makeCustomKind } from './custom-kind.ts';
import { approvalCondition } from './definition/api-approval.ts';
import { isEstablished, validateDefinition } from './definition/validate-definition.ts';
import { cleanupFinalizer, deleteInstances, terminatingStatus } from './deletion.ts';
import { acceptNames, setCondition } from './names.ts';
import { converterOf, convertObjects, makePresenter, makeStorer, type Versions } from './versions/conversion.ts';

type Definition = Shared<CustomResourceDefinition>;

const retryMs = 200;

export interface CustomResources {
  /** The definition that serves a resource. */
  definitionOf(group: string, plural: string): Definition | undefined;
  stop(): void;
}

/** Serves established definitions, and follows all changes from then on. */
export async function startCustomResources(api: ApiContext): Promise<CustomResources> {
  const running = new CustomResourceServer(api);
  await running.start();
  return running;
}

interface Served {
  definition: Definition;
  /** Those that clients are served. */
  readonly versions: readonly ServedResource[];
  /** In the version that is stored, which clients may not be served. */
  readonly storage: ServedResource;
}

class CustomResourceServer implements CustomResources {
  readonly #api: ApiContext;
  readonly #stored: StoredResource;
  /** What is served, by the definition's name. */
  readonly #served = new Map<string, Served>();
  /** Definitions with work under way, and whether they changed meanwhile. */
  readonly #busy = new Map<string, boolean>();
  #stopped = false;
  #subscription: { close(): void } | undefined;

  constructor(api: ApiContext) {
    this.#api = api;
    this.#stored = api.registry.storage(CustomResourceDefinition.group, CustomResourceDefinition.plural)!;
  }

  async start(): Promise<void> {
    const { cache, prefix } = this.#stored;
    this.#api.writeHooks.set(prefix, {
      validate: (object, old) => {
        const [now, before] = [object, old] as unknown as [Definition, Definition | undefined];
        // One that goes need not be right any more.
        return before?.metadata.deletionTimestamp && deepEqual(now.spec, before.spec)
          ? []
          : validateDefinition(now, before);
      },
      beforeWrite: () => [],
    });
    const snapshot = cache.snapshot();
    this.#subscription = follow(this.#stored, {
      onEvents: (events) => {
        for (const { entry } of events) {
          this.#wake(entry.object.metadata.name);
          this.#wakeRefused((entry.object as unknown as Definition).spec.group);
        }
      },
      onGap: () => {
        const stored = [...cache.snapshot().range(prefix)].map((entry) => entry.object.metadata.name);
        for (const name of new Set([...stored, ...this.#served.keys()])) this.#wake(name);
      },
    });
    const names: string[] = [];
    for (const entry of snapshot.range(prefix)) names.push(entry.object.metadata.name);
    await Promise.all(names.map((name) => this.#sync(name)));
  }

  stop(): void {
    this.#stopped = true;
    this.#subscription?.close();
  }

  definitionOf(group: string, plural: string): Definition | undefined {
    return this.#served.get(`${plural}.${group}`)?.definition;
  }

  /** Runs a step for a definition: one at a time, and once more when it changed meanwhile. */
  #wake(name: string): void {
    if (this.#stopped) return;
    if (this.#busy.has(name)) {
      this.#busy.set(name, true);
      return;
    }
    this.#busy.set(name, false);
    this.#sync(name)
      .catch((error) => {
        if (isConflict(error) || isNotFound(error)) return;
        this.#api.log.error('a custom resource definition could not be served', { name, error });
        this.#api.clock.after(retryMs, () => this.#wake(name));
      })
      .finally(() => {
        const again = this.#busy.get(name);
        this.#busy.delete(name);
        if (again) this.#wake(name);
      });
  }

  /** Names that were taken may be free now. */
  #wakeRefused(group: string): void {
    for (const { object } of this.#stored.cache.snapshot().range(this.#stored.prefix)) {
      const { metadata, spec, status } = object as unknown as Definition;
      const refused = status.conditions?.some((each) => each.type === 'NamesAccepted' && each.status === 'False');
      if (refused && spec.group === group) this.#wake(metadata.name);
    }
  }

  #current(name: string): Definition | undefined {
    return this.#stored.cache.get(this.#stored.prefix + name)?.object as Definition | undefined;
  }

  async #sync(name: string): Promise<void> {
    const definition = this.#current(name);
    if (!definition) {
      this.#withdraw(name);
      return;
    }
    if (await this.#settleNames(definition)) return;
    if (isEstablished(definition)) await this.#serve(definition);
    if (definition.metadata.deletionTimestamp) await this.#cleanUp(definition);
  }

  /**
   * Brings names, and the conditions that tell of them and of approval, up to date; true when the status was written,
   * which brings another event.
   */
  async #settleNames(definition: Definition): Promise<boolean> {
    if (definition.metadata.deletionTimestamp) return false;
    const others: Definition[] = [];
    for (const entry of this.#stored.cache.snapshot().range(this.#stored.prefix)) {
      const other = entry.object as unknown as Definition;
      if (other.spec.group === definition.spec.group && other.metadata.name !== definition.metadata.name)
        others.push(other);
    }
    const now = formatTime(this.#api.clock.now());
    const status = acceptNames(definition, others, now);
    const approval = approvalCondition(definition);
    if (approval) status.conditions = setCondition(status.conditions ?? [], now, approval);
    if (deepEqual(status, definition.status)) return false;
    await this.#api.loopback().updateStatus(CustomResourceDefinition, { ...definition, status } as Definition);
    return true;
  }

  async #serve(definition: Definition): Promise<void> {
    const { name } = definition.metadata;
    const before = this.#served.get(name);
    if (
      before &&
      deepEqual(before.definition.spec, definition.spec) &&
      deepEqual(before.definition.status.acceptedNames, definition.status.acceptedNames)
    ) {
      before.definition = definition;
      return;
    }
    const { registry } = this.#api;
    const { versions } = definition.spec;
    const storageVersion = versions.find((version) => version.storage)!;
    const stored = before?.storage.stored ?? (await registry.openStorage(makeCustomKind(definition, storageVersion)));
    const resources = this.#resourcesOf(definition, stored);
    const served = resources.filter((_, i) => versions[i]!.served);
    for (const { kind } of before?.versions ?? [])
      if (!served.some((version) => version.kind.version === kind.version)) registry.remove(kind);
    for (const version of served) registry.add(version);
    const storage = resources[versions.indexOf(storageVersion)]!;
    this.#served.set(name, { definition, versions: served, storage });
  }

  /** The resources of all versions, in their order. */
  #resourcesOf(definition: Definition, stored: StoredResource): ServedResource[] {
    const { versions } = definition.spec;
    const made = versions.map((version) => makeCustomKind(definition, version));
    const storage = made[versions.findIndex((version) => version.storage)]!;
    const { generation = 1 } = definition.metadata;
    const forms: Versions = {
      kinds: new Map(made.map((kind) => [kind.apiVersion, kind])),
      converter: converterOf(this.#api, definition),
      generation,
    };
    const asStored = generation === 1 && versions.length === 1 && (definition.status.storedVersions?.length ?? 0) <= 1;
    return versions.map((version, i) => {
      const kind = made[i]!;
      const warning = deprecationWarning(kind, version);
      const base: ServedResource = {
        kind,
        hub: kind,
        stored,
        custom: makeCustomHooks(kind, version),
        refuseWrites: () => this.#refusal(definition.metadata.name),
        convert: convertObjects(forms),
        ...(warning ? { warning } : {}),
      };
      if (asStored) return base;
      const presenter = makePresenter(kind, forms);
      return {
        ...base,
        load: presenter.one,
        present: presenter.one,
        presentAll: presenter.all,
        store: makeStorer(storage, forms),
      };
    });
  }

  #refusal(name: string): string | undefined {
    return this.#current(name)?.metadata.deletionTimestamp
      ? 'create not allowed while custom resource definition is terminating'
      : undefined;
  }

  #withdraw(name: string): void {
    const served = this.#served.get(name);
    if (!served) return;
    this.#served.delete(name);
    for (const version of served.versions) this.#api.registry.remove(version.kind);
    this.#api.registry.closeStorage(served.storage.kind);
  }

  /** Deletes the objects of a definition that is being deleted, then lets it go. */
  async #cleanUp(definition: Definition): Promise<void> {
    const { name, finalizers } = definition.metadata;
    if (!finalizers?.includes(cleanupFinalizer)) return;
    const { storage } = this.#served.get(name) ?? {};
    if (storage) {
      if (await this.#tellTerminating(definition)) return;
      const waits = await deleteInstances(this.#api, storage).catch(async (error) => {
        await this.#tellTerminating(this.#current(name) ?? definition, error);
        return true;
      });
      if (waits) {
        this.#api.clock.after(retryMs, () => this.#wake(name));
        return;
      }
    }
    const next = mutableCopy(this.#current(name) ?? definition) as CustomResourceDefinition;
    next.metadata.finalizers = (next.metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer);
    await this.#api.loopback().update(CustomResourceDefinition, next as unknown as Shared<CustomResourceDefinition>);
  }

  /** True when the status was written, which brings another event. */
  async #tellTerminating(definition: Definition, error?: unknown): Promise<boolean> {
    const status = terminatingStatus(definition.status, formatTime(this.#api.clock.now()), error);
    if (!status) return false;
    await this.#api.loopback().updateStatus(CustomResourceDefinition, { ...definition, status } as Definition);
    return true;
  }
}
