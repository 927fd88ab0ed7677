/** Serves what CustomResourceDefinitions define, and keeps their status: names, establishment, clean deletion. */
import { CustomResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import { apiVersionOf, type KubeObject, type Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import { formatTime } from '../../base/clock.ts';
import { deepEqual, mutableCopy } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import { follow } from '../registry/follow.ts';
import type { ServedResource, StoredResource } from '../registry/resource.ts';
import { converterOf, makePresenter, makeStorer } from './conversion.ts';
import { deprecationWarning, makeCustomHooks, makeCustomKind } from './custom-kind.ts';
import { compileDefaults } from './defaulting.ts';
import { acceptNames } from './names.ts';
import type { Schema } from './schema-types.ts';
import { validateDefinition } from './validate-definition.ts';

type Definition = Shared<CustomResourceDefinition>;

/** Held by a definition until the objects of its kind are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';
const retryMs = 200;

export interface CustomResources {
  /** The definition that serves a resource. */
  definitionOf(group: string, plural: string): Definition | undefined;
  stop(): void;
}

function hasDefaults(version: Definition['spec']['versions'][number]): boolean {
  const schema = version.schema?.openAPIV3Schema as Schema | undefined;
  return schema !== undefined && compileDefaults(schema) !== undefined;
}

/** Serves established definitions, and follows all changes from then on. */
export async function startCustomResources(api: ApiContext): Promise<CustomResources> {
  const running = new CustomResourceServer(api);
  await running.start();
  return running;
}

class CustomResourceServer implements CustomResources {
  readonly #api: ApiContext;
  readonly #stored: StoredResource;
  /** What is served, by the definition's name. */
  readonly #served = new Map<string, { definition: Definition; versions: ServedResource[]; stored: StoredResource }>();
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
      validate: (object, old) =>
        validateDefinition(object as unknown as Definition, old as unknown as Definition | undefined),
      beforeWrite: () => [],
    });
    const snapshot = cache.snapshot();
    this.#subscription = follow(this.#stored, {
      onEvents: (events) => {
        for (const event of events) this.#wake(event.entry.object.metadata.name);
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
    const established = definition.status.conditions?.some((c) => c.type === 'Established' && c.status === 'True');
    if (established) await this.#serve(definition);
    if (definition.metadata.deletionTimestamp) await this.#cleanUp(definition);
  }

  /** Brings names and conditions up to date; true when the status was written, which brings another event. */
  async #settleNames(definition: Definition): Promise<boolean> {
    if (definition.metadata.deletionTimestamp) return false;
    const others: Definition[] = [];
    for (const entry of this.#stored.cache.snapshot().range(this.#stored.prefix)) {
      const other = entry.object as unknown as Definition;
      if (other.spec.group === definition.spec.group && other.metadata.name !== definition.metadata.name)
        others.push(other);
    }
    const status = acceptNames(definition, others, formatTime(this.#api.clock.now()));
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
    const storageVersion = definition.spec.versions.find((version) => version.storage)!;
    const stored = before?.stored ?? (await registry.openStorage(makeCustomKind(definition, storageVersion)));
    const versions = this.#versionsOf(definition, stored);
    for (const old of before?.versions ?? [])
      if (!versions.some((version) => version.kind.version === old.kind.version)) registry.remove(old.kind);
    for (const version of versions) registry.add(version);
    this.#served.set(name, { definition, versions, stored });
  }

  #versionsOf(definition: Definition, stored: StoredResource): ServedResource[] {
    const { group, versions } = definition.spec;
    const storageVersion = apiVersionOf({ group, version: versions.find((version) => version.storage)!.name });
    const converter = converterOf(this.#api, definition);
    const single = versions.length === 1 && (definition.status.storedVersions?.length ?? 0) <= 1;
    return versions
      .filter((version) => version.served)
      .map((version) => {
        const made = makeCustomKind(definition, version);
        const warning = deprecationWarning(made, version);
        const base: ServedResource = {
          kind: made,
          hub: made,
          stored,
          custom: makeCustomHooks(made, version),
          refuseWrites: () => this.#refusal(definition.metadata.name),
          ...(warning ? { warning } : {}),
        };
        // Objects that were stored under an earlier schema get its defaults when they are read.
        const { generation = 1 } = definition.metadata;
        const fill =
          generation > 1 && hasDefaults(version) ? (object: KubeObject) => made.defaults?.(object) : undefined;
        if (single && !fill) return base;
        const presenter = makePresenter(made.apiVersion, converter, { generation, fill });
        return {
          ...base,
          load: presenter.one,
          present: presenter.one,
          presentAll: presenter.all,
          store: makeStorer(storageVersion, converter),
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
    this.#api.registry.closeStorage(served.stored.kind);
  }

  /** Deletes the objects of a definition that is being deleted, then lets it go. */
  async #cleanUp(definition: Definition): Promise<void> {
    if (!definition.metadata.finalizers?.includes(cleanupFinalizer)) return;
    const served = this.#served.get(definition.metadata.name);
    const left = served ? [...served.stored.cache.snapshot().range(served.stored.prefix)] : [];
    const client = this.#api.loopback();
    if (served && left.length > 0) {
      await this.#setTerminating(definition, 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');
      const { kind } = served.versions[0] ?? {};
      for (const entry of left) {
        if (!kind || entry.object.metadata.deletionTimestamp) continue;
        const { name, namespace } = entry.object.metadata;
        await client.delete(kind, { name, ...(namespace ? { namespace } : {}) }).catch((error) => {
          if (!isNotFound(error)) throw error;
        });
      }
      this.#api.clock.after(retryMs, () => this.#wake(definition.metadata.name));
      return;
    }
    const next = mutableCopy(this.#current(definition.metadata.name) ?? definition) as CustomResourceDefinition;
    next.metadata.finalizers = (next.metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer);
    await client.update(CustomResourceDefinition, next as unknown as Shared<CustomResourceDefinition>);
  }

  async #setTerminating(definition: Definition, reason: string, message: string): Promise<void> {
    const conditions = definition.status.conditions ?? [];
    const now = conditions.find((condition) => condition.type === 'Terminating');
    if (now?.reason === reason) return;
    const condition = {
      type: 'Terminating',
      status: 'True',
      lastTransitionTime: formatTime(this.#api.clock.now()),
      reason,
      message,
    };
    const status = { ...definition.status, conditions: [...conditions.filter((each) => each !== now), condition] };
    await this.#api.loopback().updateStatus(CustomResourceDefinition, { ...definition, status } as Definition);
  }
}
