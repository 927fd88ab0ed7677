/** Decides about one object at a time: whether its owners are gone, and what an owner under deletion waits for. */
import type { KindRef, KubeObject, Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import type { Logger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { InformerSet } from '../../client/informer.ts';
import type { ApiResources } from '../api-resources.ts';
import {
  foregroundFinalizer,
  type GraphNode,
  type Identity,
  type OwnerGraph,
  type OwnerRef,
  orphanFinalizer,
} from './graph.ts';

const absentLimit = 5_000;

export interface CollectorOptions {
  readonly graph: OwnerGraph;
  readonly client: Client;
  readonly informers: InformerSet;
  readonly events: EventRecorder;
  readonly log: Logger;
  /** The server's resources; may be asked anew for a kind that is not among them. */
  resources(): Promise<ApiResources>;
  /** Whether the resource is watched, so that its informer may be read. */
  isWatched(resource: KindRef): boolean;
  /** Asks for a look at another object. */
  attemptToDelete(uid: string): void;
}

type OwnerState = 'solid' | 'dangling' | 'waiting' | 'invalid';

/** The collector of one cluster; its methods may be repeated at any time. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #absent = new Set<string>();

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Deletes the object when nobody owns it any more, or moves its own foreground deletion on. */
  async attemptToDelete(uid: string): Promise<void> {
    const { graph } = this.#options;
    const node = graph.get(uid);
    if (!node) return;
    if (node.beingDeleted && !node.deletingDependents) return;
    const resource = await this.#resourceOf(node.identity);
    if (!resource) return;
    if (!node.deletingDependents && this.#allOwnersCached(node, resource)) return;
    const object = await this.#read(resource, node.identity);
    if (object?.metadata.uid !== uid) {
      if (node.virtual) {
        this.#remember(uid, node.identity.namespace);
        graph.dropVirtual(uid);
      }
      // A real node's informer will tell that it is gone.
      return;
    }
    if (node.deletingDependents) return this.#finishForeground(node, resource, object);
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    await this.#judge(node, { resource, object, owners });
  }

  /** Takes the owner out of all its dependents, then lets it go. */
  async attemptToOrphan(uid: string): Promise<void> {
    const node = this.#options.graph.get(uid);
    if (!node) return;
    const resource = await this.#resourceOf(node.identity);
    if (!resource) return;
    await Promise.all(
      [...node.dependents].map(async (dependent) => {
        const kind = await this.#resourceOf(dependent.identity);
        const object = kind && (await this.#read(kind, dependent.identity));
        if (!kind || object?.metadata.uid !== dependent.identity.uid) return;
        await this.#setOwners(kind, object, (owners) => owners.filter((owner) => owner.uid !== uid));
      }),
    );
    const owner = await this.#read(resource, node.identity);
    if (owner?.metadata.uid === uid) await this.#removeFinalizer(resource, owner, orphanFinalizer);
  }

  async #judge(
    node: GraphNode,
    item: { resource: KindRef; object: Shared<KubeObject>; owners: readonly OwnerRef[] },
  ): Promise<void> {
    const { resource, object, owners } = item;
    const states = new Map<string, OwnerState>();
    for (const owner of owners) states.set(owner.uid, await this.#stateOf(node, resource, owner));
    const uids = (state: OwnerState) => new Set(owners.filter((o) => states.get(o.uid) === state).map((o) => o.uid));
    // What cannot be judged must not be deleted.
    if (uids('invalid').size > 0) return;
    const gone = uids('dangling');
    const waiting = uids('waiting');
    if (uids('solid').size > 0) {
      if (gone.size + waiting.size === 0) return;
      await this.#setOwners(resource, object, (now) => now.filter((o) => !gone.has(o.uid) && !waiting.has(o.uid)));
      return;
    }
    const preconditions = { uid: object.metadata.uid, resourceVersion: object.metadata.resourceVersion };
    if (waiting.size > 0 && node.dependents.size > 0) {
      // A circle of blocked deletions would wait for itself for ever: its members stop blocking.
      if ([...node.dependents].some((dependent) => dependent.deletingDependents)) {
        await this.#setOwners(resource, object, (now) =>
          now.map((o) => (o.blockOwnerDeletion ? { ...o, blockOwnerDeletion: false } : o)),
        );
        await this.#delete(resource, object, {
          propagationPolicy: 'Foreground',
          preconditions: { uid: preconditions.uid },
        });
        return;
      }
      await this.#delete(resource, object, { propagationPolicy: 'Foreground', preconditions });
      return;
    }
    const finalizers = object.metadata.finalizers ?? [];
    const propagationPolicy = finalizers.includes(orphanFinalizer)
      ? 'Orphan'
      : finalizers.includes(foregroundFinalizer)
        ? 'Foreground'
        : 'Background';
    this.#options.log.debug('deleting an object whose owners are gone', {
      kind: node.identity.kind,
      namespace: node.identity.namespace,
      name: node.identity.name,
      propagationPolicy,
    });
    await this.#delete(resource, object, { propagationPolicy, preconditions });
  }

  async #finishForeground(node: GraphNode, resource: KindRef, object: Shared<KubeObject>): Promise<void> {
    const blocking = this.#options.graph.blockingDependents(node);
    if (blocking.length === 0) {
      await this.#removeFinalizer(resource, object, foregroundFinalizer);
      return;
    }
    for (const dependent of blocking) {
      if (!dependent.deletingDependents) this.#options.attemptToDelete(dependent.identity.uid);
    }
  }

  /** Whether every owner is there in the caches and stays. A cache that is behind is put right by a later event. */
  #allOwnersCached(node: GraphNode, resource: KindRef): boolean {
    const owners = node.owners;
    if (node.virtual || owners.length === 0 || !this.#known) return false;
    return owners.every((ref) => {
      const kind = this.#known!.find(groupOf(ref.apiVersion), ref.kind);
      if (!kind || !this.#options.isWatched(kind) || (kind.namespaced && !resource.namespaced)) return false;
      const owner = this.#options.informers
        .informer(kind)
        .get(kind.namespaced ? node.identity.namespace : undefined, ref.name);
      return owner?.metadata.uid === ref.uid && !owner.metadata.deletionTimestamp;
    });
  }

  #known: ApiResources | undefined;

  async #stateOf(node: GraphNode, resource: KindRef, ref: OwnerRef): Promise<OwnerState> {
    const { namespace } = node.identity;
    const kind = await this.#resource(groupOf(ref.apiVersion), ref.kind);
    if (!kind) {
      throw new Error(
        `cannot tell whether the owner ${ref.kind} ${ref.name} of ${node.identity.kind} ${node.identity.name} exists: the server has no resource for ${ref.apiVersion} ${ref.kind}`,
      );
    }
    if (kind.namespaced && !resource.namespaced) {
      this.#reportInvalid(node, ref);
      return 'invalid';
    }
    if (this.#absent.has(absentKey(ref.uid, kind.namespaced ? namespace : undefined))) return 'dangling';
    const owner = await this.#read(kind, { namespace: kind.namespaced ? namespace : undefined, name: ref.name });
    if (owner?.metadata.uid !== ref.uid) {
      this.#remember(ref.uid, kind.namespaced ? namespace : undefined);
      const elsewhere = this.#options.graph.get(ref.uid);
      if (elsewhere && !elsewhere.virtual && elsewhere.identity.namespace !== namespace) this.#reportInvalid(node, ref);
      return 'dangling';
    }
    const { deletionTimestamp, finalizers } = owner.metadata;
    return deletionTimestamp && finalizers?.includes(foregroundFinalizer) ? 'waiting' : 'solid';
  }

  #reportInvalid(node: GraphNode, ref: OwnerRef): void {
    const { apiVersion, kind, namespace, name, uid } = node.identity;
    const where = `[${ref.apiVersion}/${ref.kind}, namespace: ${namespace ?? ''}, name: ${ref.name}, uid: ${ref.uid}]`;
    this.#options.events.event(
      { apiVersion, kind, metadata: { name, uid, ...(namespace ? { namespace } : {}) } },
      'Warning',
      'OwnerRefInvalidNamespace',
      `ownerRef ${where} does not exist in namespace ${JSON.stringify(namespace ?? '')}`,
    );
  }

  async #resourceOf(identity: Identity): Promise<KindRef | undefined> {
    return identity.resource ?? this.#resource(groupOf(identity.apiVersion), identity.kind);
  }

  async #resource(group: string, kind: string): Promise<KindRef | undefined> {
    this.#known = await this.#options.resources();
    return this.#known.find(group, kind);
  }

  async #read(
    kind: KindRef,
    { namespace, name }: { namespace: string | undefined; name: string },
  ): Promise<Shared<KubeObject> | undefined> {
    return this.#options.client.find(kind, { name, ...(kind.namespaced && namespace ? { namespace } : {}) });
  }

  async #delete(kind: KindRef, object: Shared<KubeObject>, options: Parameters<Client['delete']>[2]): Promise<void> {
    try {
      await this.#options.client.delete(kind, object.metadata, options);
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error)) throw error;
      // It changed under the decision: decide again.
      this.#options.attemptToDelete(object.metadata.uid);
    }
  }

  async #setOwners(
    kind: KindRef,
    object: Shared<KubeObject>,
    change: (owners: readonly OwnerRef[]) => readonly OwnerRef[],
  ): Promise<void> {
    const before = object.metadata.ownerReferences ?? [];
    const after = change(before);
    if (after.length === before.length && after.every((owner, i) => owner === before[i])) return;
    await this.#patch(kind, object, { ownerReferences: after });
  }

  async #removeFinalizer(kind: KindRef, object: Shared<KubeObject>, finalizer: string): Promise<void> {
    const before = object.metadata.finalizers ?? [];
    if (before.includes(finalizer)) {
      await this.#patch(kind, object, { finalizers: before.filter((name) => name !== finalizer) });
    }
  }

  async #patch(kind: KindRef, object: Shared<KubeObject>, metadata: object): Promise<void> {
    const { uid, resourceVersion } = object.metadata;
    try {
      const patch = { metadata: { uid, resourceVersion, ...metadata } };
      await this.#options.client.patch(kind, object.metadata, patch, { type: 'merge' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #remember(uid: string, namespace: string | undefined): void {
    this.#absent.add(absentKey(uid, namespace));
    if (this.#absent.size <= absentLimit) return;
    for (const oldest of this.#absent) {
      this.#absent.delete(oldest);
      return;
    }
  }
}

const absentKey = (uid: string, namespace: string | undefined): string => `${namespace ?? ''}/${uid}`;

const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
