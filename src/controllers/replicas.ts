/**
 * Keeping a number of pods: the step that ReplicaSet and ReplicationController share. Pods are created and deleted in
 * bounded bursts, never on the ground of a cache that has not shown the last burst yet.
 */
import { Pod } from '../api/core/pod.ts';
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import { isNotFound, StatusError } from '../api/machinery/status.ts';
import type { ReplicaSetCondition, ReplicaSetStatus } from '../api/types/apps-v1.ts';
import type { PodTemplateSpec } from '../api/types/core-v1.ts';
import { deepEqual } from '../base/deep.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  type ObjectKey,
  type ReconcileResult,
  type WatchSource,
  watches,
} from '../client/reconcile.ts';
import { coalesceMs } from './coalesce.ts';
import { findCondition, withCondition, withoutCondition } from './conditions.ts';
import { Expectations } from './expectations.ts';
import { adoptersOf, claimObjects, controllerOf, indexByController, ownedBy } from './ownership.ts';
import {
  createPod,
  deletePod,
  isNamespaceTerminating,
  podFromTemplate,
  podNamePrefix,
  slowStart,
} from './pods/control.ts';
import { crowdingRank, podsToDelete } from './pods/deletion-order.ts';
import {
  isPodActive,
  isPodAvailable,
  isPodReady,
  isPodTerminating,
  nextAvailabilityMs,
  podOwnerCares,
} from './pods/state.ts';

/** Pods created or deleted in one step at most, as upstream. */
const burst = 500;
/** While a write is not visible yet the next look comes by event; this is for the case that no event comes. */
const recheckMs = 30_000;

type Labels = Readonly<Record<string, string>>;
type Status = Shared<ReplicaSetStatus>;

/** How one kind keeps replicas. */
export interface ReplicaKind<T extends KubeObject> {
  readonly name: string;
  readonly kind: KindRef<T>;
  readonly rbac: ControllerDefinition['rbac'];
  replicas(owner: Shared<T>): number;
  minReadySeconds(owner: Shared<T>): number;
  template(owner: Shared<T>): Shared<PodTemplateSpec>;
  matches(owner: Shared<T>, labels: Labels | undefined): boolean;
  status(owner: Shared<T>): Status;
  withStatus(owner: Shared<T>, status: Status): Shared<T>;
  /** Whether the kind's status counts pods that are terminating. */
  readonly countsTerminating: boolean;
}

/** The controller of a kind that keeps replicas. */
export function replicaController<T extends KubeObject>(kind: ReplicaKind<T>): ControllerDefinition<T> {
  // The pending writes of each running instance: two clusters in one process do not share them.
  const pending = new WeakMap<ControllerContext, Expectations<Pod>>();
  const orphanPods: WatchSource<Pod> = {
    kind: Pod,
    changed: podOwnerCares,
    keys: (pod, context) => {
      return adoptersOf(context, pod, {
        kind: kind.kind,
        matches: (owner) => kind.matches(owner, pod.metadata.labels),
      });
    },
  };
  return {
    name: kind.name,
    for: kind.kind,
    owns: [Pod],
    watches: [watches(orphanPods)],
    rbac: kind.rbac,
    start(context) {
      indexByController(context.informers.informer(Pod));
      return undefined;
    },
    async reconcile(key, context) {
      let expectations = pending.get(context);
      if (!expectations) {
        expectations = new Expectations(context.clock);
        pending.set(context, expectations);
      }
      return new Step(kind, key, { context, expectations }).run();
    },
  };
}

class Step<T extends KubeObject> {
  readonly #kind: ReplicaKind<T>;
  readonly #key: ObjectKey;
  readonly #context: ControllerContext;
  readonly #expectations: Expectations<Pod>;

  constructor(
    kind: ReplicaKind<T>,
    key: ObjectKey,
    env: { context: ControllerContext; expectations: Expectations<Pod> },
  ) {
    this.#kind = kind;
    this.#key = key;
    this.#context = env.context;
    this.#expectations = env.expectations;
  }

  async run(): Promise<ReconcileResult> {
    const { client, clock, informers } = this.#context;
    const kind = this.#kind;
    const owner = informers.informer(kind.kind).byKey(this.#key);
    if (!owner) {
      this.#expectations.forget(this.#key);
      return undefined;
    }
    const podInformer = informers.informer(Pod);
    // Asked before the pods are read: what is seen then is at least as new as the last writes.
    const mayAct = this.#expectations.met(this.#key, podInformer);
    const all = await claimObjects({
      client,
      owner,
      ownerKind: kind.kind,
      kind: Pod,
      informer: podInformer,
      matches: (labels) => kind.matches(owner, labels),
      adoptable: isPodActive,
    });
    const active = all.filter(isPodActive);
    const diff = active.length - kind.replicas(owner);
    const failure =
      mayAct && !owner.metadata.deletionTimestamp && diff !== 0 ? await this.#scale(owner, active, diff) : undefined;
    const now = clock.now();
    const terminating = kind.countsTerminating ? all.filter(isPodTerminating).length : undefined;
    const status = this.#statusOf(owner, active, { diff, failure, terminating, now });
    await this.#writeStatus(owner, status);
    if (failure) throw failure;
    if (!mayAct) return { requeueAfterMs: recheckMs, coalesceMs: coalesceMs(active.length) / 4 };
    const next = nextAvailabilityMs(active, kind.minReadySeconds(owner), now);
    return {
      ...(next === undefined ? {} : { requeueAfterMs: next }),
      // While pods are being made the next burst must not wait.
      ...(diff === 0 ? { coalesceMs: coalesceMs(active.length) } : {}),
    };
  }

  /** Creates or deletes; returns the first failure. */
  async #scale(owner: Shared<T>, active: readonly Shared<Pod>[], diff: number): Promise<unknown> {
    return diff < 0 ? this.#create(owner, Math.min(-diff, burst)) : this.#delete(owner, active, Math.min(diff, burst));
  }

  async #create(owner: Shared<T>, count: number): Promise<unknown> {
    const draft = podFromTemplate(this.#kind.template(owner), owner, this.#kind.kind);
    draft.metadata!.generateName = podNamePrefix(owner.metadata.name);
    const { error } = await slowStart(count, async () => {
      try {
        this.#expectations.created(this.#key, await createPod(this.#context, owner, draft));
      } catch (failure) {
        if (!(failure instanceof StatusError) || failure.code >= 500) await this.#awaitNow(owner);
        throw failure;
      }
    });
    return isNamespaceTerminating(error) ? undefined : error;
  }

  /** A create without an answer may have happened: nothing is created before the cache has reached the present. */
  async #awaitNow(owner: Shared<T>): Promise<void> {
    const { metadata } = await this.#context.client.list(Pod, { namespace: owner.metadata.namespace ?? '', limit: 1 });
    if (metadata.resourceVersion) this.#expectations.atRevision(this.#key, metadata.resourceVersion);
  }

  async #delete(owner: Shared<T>, active: readonly Shared<Pod>[], count: number): Promise<unknown> {
    const { clock } = this.#context;
    const rank = crowdingRank(this.#relatedPods(owner, active));
    const results = await Promise.allSettled(
      podsToDelete(active, count, { rank, now: clock.now() }).map(async (pod) => {
        if (await deletePod(this.#context, owner, pod)) this.#expectations.deleted(this.#key, pod);
      }),
    );
    return results.find((result) => result.status === 'rejected')?.reason;
  }

  /** The active pods of all owners that share this one's controller: what a node is crowded by. */
  #relatedPods(owner: Shared<T>, active: readonly Shared<Pod>[]): readonly Shared<Pod>[] {
    const parent = controllerOf(owner);
    if (!parent) return active;
    const { informers } = this.#context;
    const siblings = ownedBy(informers.informer(this.#kind.kind), parent.uid);
    return siblings.flatMap((sibling) => ownedBy(informers.informer(Pod), sibling.metadata.uid).filter(isPodActive));
  }

  #statusOf(
    owner: Shared<T>,
    active: readonly Shared<Pod>[],
    facts: { diff: number; failure: unknown; terminating: number | undefined; now: number },
  ): Status {
    const kind = this.#kind;
    const template = Object.entries(kind.template(owner).metadata.labels ?? {});
    const ready = active.filter(isPodReady);
    const minReadySeconds = kind.minReadySeconds(owner);
    const available = ready.filter((pod) => isPodAvailable(pod, minReadySeconds, facts.now)).length;
    const labelled = active.filter((pod) => template.every(([name, value]) => pod.metadata.labels?.[name] === value));
    const conditions = failureConditions(kind.status(owner).conditions, facts);
    return {
      replicas: active.length,
      ...(labelled.length ? { fullyLabeledReplicas: labelled.length } : {}),
      ...(ready.length ? { readyReplicas: ready.length } : {}),
      ...(available ? { availableReplicas: available } : {}),
      ...(facts.terminating === undefined ? {} : { terminatingReplicas: facts.terminating }),
      ...(owner.metadata.generation ? { observedGeneration: owner.metadata.generation } : {}),
      ...(conditions.length ? { conditions } : {}),
    };
  }

  async #writeStatus(owner: Shared<T>, status: Status): Promise<void> {
    if (deepEqual(status, this.#kind.status(owner))) return;
    try {
      await this.#context.client.updateStatus(this.#kind.kind, this.#kind.withStatus(owner, status));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function failureConditions(
  conditions: readonly Shared<ReplicaSetCondition>[] | undefined,
  { diff, failure, now }: { diff: number; failure: unknown; now: number },
): readonly Shared<ReplicaSetCondition>[] {
  if (!failure) return withoutCondition(conditions, 'ReplicaFailure');
  if (findCondition(conditions, 'ReplicaFailure')) return conditions ?? [];
  return withCondition<Shared<ReplicaSetCondition>>(
    conditions,
    {
      type: 'ReplicaFailure',
      status: 'True',
      reason: diff < 0 ? 'FailedCreate' : 'FailedDelete',
      message: (failure as Error).message,
    },
    now,
  );
}
