/**
 * Who owns whom, by UID, of every object in the cluster. Owners that are named but were not seen yet are kept as virtual
 * nodes until a live look settles whether they exist.
 */
import type { KindRef, KubeObject, Shared } from '../../api/kind.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';

export type OwnerRef = Shared<OwnerReference>;

/** How an object is addressed. A virtual node has what its dependents say of it; its kind is looked up when needed. */
export interface Identity {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly uid: string;
  readonly resource: KindRef | undefined;
}

export interface GraphNode {
  identity: Identity;
  owners: readonly OwnerRef[];
  readonly dependents: Set<GraphNode>;
  virtual: boolean;
  beingDeleted: boolean;
  /** Waits in foreground deletion for its dependents to go. */
  deletingDependents: boolean;
  orphaning: boolean;
}

/** What the graph asks for: a look at whether an object must go, and the release of an object's dependents. */
export interface GraphRequests {
  attemptToDelete(uid: string): void;
  attemptToOrphan(uid: string): void;
}

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

const noOwners: readonly OwnerRef[] = [];

/** The graph; informers' events change it, the collector reads it. */
export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #requests: GraphRequests;

  constructor(requests: GraphRequests) {
    this.#requests = requests;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  /** An object appeared or changed. */
  observe(resource: KindRef, object: Shared<KubeObject>): void {
    const { uid, name, namespace, ownerReferences, deletionTimestamp, finalizers } = object.metadata;
    let node = this.#nodes.get(uid);
    const owners = ownerReferences ?? noOwners;
    if (!node) {
      // What neither owns nor is owned needs no place in the graph until somebody names it.
      if (owners.length === 0 && !deletionTimestamp) return;
      node = newNode(identify(resource, { uid, name, namespace }));
      this.#nodes.set(uid, node);
    } else if (node.virtual) {
      this.#settle(node, identify(resource, { uid, name, namespace }));
    }
    if (node.owners !== owners) this.#setOwners(node, owners);
    node.beingDeleted = deletionTimestamp !== undefined;
    this.#transitions(node, finalizers ?? []);
  }

  /** An object is gone: its dependents must be looked at, and owners that waited for it. */
  forget(uid: string): void {
    const node = this.#nodes.get(uid);
    if (!node) return;
    this.#nodes.delete(uid);
    this.#setOwners(node, noOwners);
    for (const dependent of node.dependents) {
      this.#requests.attemptToDelete(dependent.identity.uid);
      // Kept as a virtual node as long as somebody names it.
      if (!this.#nodes.has(uid)) {
        node.virtual = true;
        node.deletingDependents = false;
        node.beingDeleted = false;
        this.#nodes.set(uid, node);
      }
    }
  }

  /** Removes a virtual node of an owner that is known not to exist. */
  dropVirtual(uid: string): void {
    const node = this.#nodes.get(uid);
    if (!node?.virtual) return;
    for (const dependent of node.dependents) this.#requests.attemptToDelete(dependent.identity.uid);
  }

  /** The dependents that the owner's foreground deletion waits for. */
  blockingDependents(node: GraphNode): GraphNode[] {
    return [...node.dependents].filter((dependent) =>
      dependent.owners.some((owner) => owner.uid === node.identity.uid && owner.blockOwnerDeletion === true),
    );
  }

  #settle(node: GraphNode, real: Identity): void {
    const guess = node.identity;
    node.virtual = false;
    node.identity = real;
    if (guess.kind === real.kind && guess.name === real.name && guess.namespace === real.namespace) return;
    // Dependents that described their owner wrongly are judged again.
    for (const dependent of node.dependents) this.#requests.attemptToDelete(dependent.identity.uid);
  }

  #setOwners(node: GraphNode, owners: readonly OwnerRef[]): void {
    const before = node.owners;
    node.owners = owners;
    for (const old of before) {
      const now = owners.find((owner) => owner.uid === old.uid);
      const owner = this.#nodes.get(old.uid);
      if (!now) {
        owner?.dependents.delete(node);
        if (owner?.virtual && owner.dependents.size === 0) this.#nodes.delete(old.uid);
      }
      const unblocked = old.blockOwnerDeletion === true && now?.blockOwnerDeletion !== true;
      if (unblocked && owner?.deletingDependents) this.#requests.attemptToDelete(old.uid);
    }
    for (const ref of owners) {
      if (before.some((old) => old.uid === ref.uid)) continue;
      let owner = this.#nodes.get(ref.uid);
      if (!owner) {
        owner = newNode({
          apiVersion: ref.apiVersion,
          kind: ref.kind,
          namespace: node.identity.namespace,
          name: ref.name,
          uid: ref.uid,
          resource: undefined,
        });
        owner.virtual = true;
        this.#nodes.set(ref.uid, owner);
      }
      owner.dependents.add(node);
      if (owner.virtual || owner.deletingDependents || owner.beingDeleted) {
        this.#requests.attemptToDelete(node.identity.uid);
      }
    }
  }

  #transitions(node: GraphNode, finalizers: readonly string[]): void {
    const waits = node.beingDeleted && finalizers.includes(foregroundFinalizer);
    if (waits && !node.deletingDependents) {
      node.deletingDependents = true;
      for (const dependent of node.dependents) this.#requests.attemptToDelete(dependent.identity.uid);
      this.#requests.attemptToDelete(node.identity.uid);
    }
    const orphans = node.beingDeleted && finalizers.includes(orphanFinalizer);
    if (orphans && !node.orphaning) {
      node.orphaning = true;
      this.#requests.attemptToOrphan(node.identity.uid);
    }
  }
}

function newNode(identity: Identity): GraphNode {
  return {
    identity,
    owners: noOwners,
    dependents: new Set(),
    virtual: false,
    beingDeleted: false,
    deletingDependents: false,
    orphaning: false,
  };
}

function identify(
  resource: KindRef,
  { uid, name, namespace }: { uid: string; name: string; namespace?: string | undefined },
): Identity {
  const apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
  return { apiVersion, kind: resource.kind, namespace, name, uid, resource };
}
