/** One step of one Deployment. Objects that the step wrote replace those it read, so that what follows builds on them. */
import { Deployment } from '../../api/apps/deployment.ts';
import { ReplicaSet } from '../../api/apps/replica-set.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { podTemplateHash } from '../../api/machinery/hash.ts';
import { isAlreadyExists, isNotFound } from '../../api/machinery/status.ts';
import { deepEqual } from '../../base/deep.ts';
import type { Draft } from '../../client/client.ts';
import type { ControllerContext, ReconcileResult } from '../../client/reconcile.ts';
import { findCondition } from '../conditions.ts';
import { controllerOf, ownedBy, ownerReference } from '../ownership.ts';
import { isNamespaceTerminating } from '../pods/control.ts';
import { isPodTerminal } from '../pods/state.ts';
import {
  deadlineCheckMs,
  deploymentCondition,
  hasDeadline,
  isComplete,
  rolloutStatus,
  setCondition,
  statusOf,
} from './progress.ts';
import { findNewSet, hashLabel, newSetAnnotations, revisionAnnotation, revisionOf, sameTemplate } from './revisions.ts';
import {
  activeOrLatest,
  desiredAnnotation,
  fenceposts,
  isActive,
  isSaturated,
  isScalingEvent,
  maxAnnotation,
  newSetSize,
  oldSetSizes,
  proportionalSizes,
  replicasOf,
} from './rollout-math.ts';

type RS = Shared<ReplicaSet>;

/** The step; made for one look at one Deployment. */
export class Rollout {
  readonly #context: ControllerContext;
  #deployment: Shared<Deployment>;
  #sets: RS[];
  #newSet: RS | undefined;

  constructor(context: ControllerContext, deployment: Shared<Deployment>, sets: readonly RS[]) {
    this.#context = context;
    this.#deployment = deployment;
    this.#sets = [...sets];
    this.#newSet = findNewSet(deployment, sets);
  }

  async run(): Promise<ReconcileResult> {
    if (this.#deployment.metadata.deletionTimestamp) return this.#writeStatus(this.#plainStatus());
    await this.#markPaused();
    const d = this.#deployment;
    if (d.spec.paused || isScalingEvent(d, this.#sets)) {
      await this.#syncNewSet(false);
      await this.#scaleAll();
      if (d.spec.paused) await this.#cleanUp();
      return this.#writeStatus(this.#plainStatus());
    }
    return d.spec.strategy.type === 'Recreate' ? this.#recreate() : this.#roll();
  }

  get #old(): RS[] {
    return this.#sets.filter((rs) => rs.metadata.uid !== this.#newSet?.metadata.uid);
  }

  get #all(): RS[] {
    return this.#newSet ? [...this.#old, this.#newSet] : this.#old;
  }

  #plainStatus() {
    return statusOf(this.#deployment, this.#all, this.#newSet, this.#context.clock.now());
  }

  async #roll(): Promise<ReconcileResult> {
    if (!(await this.#syncNewSet(true))) return this.#progress();
    const newSet = this.#newSet!;
    if (await this.#scale(newSet, newSetSize(this.#deployment, this.#all, newSet))) return this.#progress();
    let shrunk = false;
    for (const [rs, size] of oldSetSizes(this.#deployment, this.#old, newSet)) {
      shrunk = (await this.#scale(rs, size)) || shrunk;
    }
    if (!shrunk && isComplete(this.#deployment, this.#deployment.status)) await this.#cleanUp();
    return this.#progress();
  }

  async #recreate(): Promise<ReconcileResult> {
    await this.#syncNewSet(false);
    let shrunk = false;
    for (const rs of this.#old.filter(isActive)) shrunk = (await this.#scale(rs, 0)) || shrunk;
    if (shrunk || this.#oldPodsRun()) return this.#progress();
    if (!(await this.#syncNewSet(true))) return this.#progress();
    await this.#scale(this.#newSet!, replicasOf(this.#deployment));
    if (isComplete(this.#deployment, this.#deployment.status)) await this.#cleanUp();
    return this.#progress();
  }

  #oldPodsRun(): boolean {
    const pods = this.#context.informers.informer(Pod);
    return this.#old.some(
      (rs) => rs.status.replicas > 0 || ownedBy(pods, rs.metadata.uid).some((pod) => !isPodTerminal(pod)),
    );
  }

  /** Pausing stops the deadline, resuming starts it anew. */
  async #markPaused(): Promise<void> {
    const d = this.#deployment;
    if (!hasDeadline(d)) return;
    const current = findCondition(d.status.conditions, 'Progressing');
    if (current?.reason === 'ProgressDeadlineExceeded') return;
    const marked = current?.reason === 'DeploymentPaused';
    if (Boolean(d.spec.paused) === marked) return;
    const condition = deploymentCondition('Progressing', 'Unknown', {
      reason: d.spec.paused ? 'DeploymentPaused' : 'DeploymentResumed',
      message: d.spec.paused ? 'Deployment is paused' : 'Deployment is resumed',
      now: this.#context.clock.now(),
    });
    await this.#updateStatus({
      ...d,
      status: { ...d.status, conditions: setCondition(d.status.conditions, condition) },
    });
  }

  /** Finds or creates the newest set and numbers it. False when there is none (yet). */
  async #syncNewSet(create: boolean): Promise<boolean> {
    const revision = Math.max(0, ...this.#old.map(revisionOf)) + 1;
    if (this.#newSet) {
      await this.#syncExisting(this.#newSet, revision);
      return true;
    }
    if (!create) return false;
    const created = await this.#createSet(revision);
    if (!created) return false;
    this.#newSet = created;
    this.#sets.push(created);
    return true;
  }

  async #syncExisting(rs: RS, revision: number): Promise<void> {
    const d = this.#deployment;
    const annotations = newSetAnnotations(d, rs, revision);
    const minReadySeconds = d.spec.minReadySeconds ?? 0;
    if (annotations !== rs.metadata.annotations || (rs.spec.minReadySeconds ?? 0) !== minReadySeconds) {
      const { minReadySeconds: _, ...spec } = rs.spec;
      this.#replace(
        await this.#context.client.update(ReplicaSet, {
          ...rs,
          metadata: { ...rs.metadata, ...(annotations ? { annotations } : {}) },
          spec: minReadySeconds ? { ...spec, minReadySeconds } : spec,
        }),
      );
    }
    const condition =
      hasDeadline(d) && !findCondition(d.status.conditions, 'Progressing')
        ? deploymentCondition('Progressing', 'True', {
            reason: 'FoundNewReplicaSet',
            message: `Found new replica set "${rs.metadata.name}"`,
            now: this.#context.clock.now(),
          })
        : undefined;
    await this.#markRevision(revisionOf(this.#newSet!), condition);
  }

  /** Copies the newest set's number to the Deployment, and adds a condition, in one write. */
  async #markRevision(revision: number, condition: ReturnType<typeof deploymentCondition> | undefined): Promise<void> {
    const d = this.#deployment;
    if (!condition && d.metadata.annotations?.[revisionAnnotation] === String(revision)) return;
    await this.#updateStatus({
      ...d,
      metadata: {
        ...d.metadata,
        annotations: { ...d.metadata.annotations, [revisionAnnotation]: String(revision) },
      },
      status: condition ? { ...d.status, conditions: setCondition(d.status.conditions, condition) } : d.status,
    });
  }

  async #createSet(revision: number): Promise<RS | undefined> {
    const { client, events, clock } = this.#context;
    const d = this.#deployment;
    const hash = podTemplateHash(d.spec.template, d.status.collisionCount);
    const name = `${d.metadata.name}-${hash}`;
    const labels = { ...d.spec.template.metadata.labels, [hashLabel]: hash };
    const { minReadySeconds, selector, template } = d.spec;
    const size = newSetSize(d, this.#old, emptySet);
    const draft = {
      metadata: {
        name,
        namespace: d.metadata.namespace,
        labels,
        annotations: newSetAnnotations(d, undefined, revision) ?? {},
        ownerReferences: [ownerReference(d, Deployment)],
      },
      spec: {
        replicas: size,
        ...(minReadySeconds ? { minReadySeconds } : {}),
        selector: { ...selector, matchLabels: { ...selector?.matchLabels, [hashLabel]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    } as unknown as Draft<ReplicaSet>;
    let rs: RS | undefined;
    try {
      rs = await client.create(ReplicaSet, draft);
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      if (!isAlreadyExists(error)) {
        const message = `Failed to create new replica set "${name}": ${(error as Error).message}`;
        events.event(d, 'Warning', 'ReplicaSetCreateError', message);
        if (hasDeadline(d)) {
          const now = clock.now();
          const failed = deploymentCondition('Progressing', 'False', { reason: 'ReplicaSetCreateError', message, now });
          await this.#updateStatus({
            ...d,
            status: { ...d.status, conditions: setCondition(d.status.conditions, failed) },
          });
        }
        throw error;
      }
      const there = await client.find(ReplicaSet, { namespace: d.metadata.namespace, name });
      if (there && controllerOf(there)?.uid === d.metadata.uid && sameTemplate(there.spec.template, d.spec.template)) {
        // Created by an earlier step that the cache does not show yet.
        return there;
      }
      await this.#updateStatus({ ...d, status: { ...d.status, collisionCount: (d.status.collisionCount ?? 0) + 1 } });
      throw error;
    }
    if (size > 0) {
      events.event(d, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${size}`);
    }
    const condition = hasDeadline(d)
      ? deploymentCondition('Progressing', 'True', {
          reason: 'NewReplicaSetCreated',
          message: `Created new replica set "${name}"`,
          now: clock.now(),
        })
      : undefined;
    await this.#markRevision(revision, condition);
    return rs;
  }

  /** Brings the sets to the Deployment's size while no rollout step is taken. */
  async #scaleAll(): Promise<void> {
    const d = this.#deployment;
    const single = activeOrLatest(this.#newSet, this.#old);
    if (single) {
      await this.#scale(single, replicasOf(d));
      return;
    }
    if (isSaturated(d, this.#newSet)) {
      for (const rs of this.#old.filter(isActive)) await this.#scale(rs, 0);
      return;
    }
    if (d.spec.strategy.type !== 'RollingUpdate') return;
    for (const [rs, size] of proportionalSizes(d, this.#all.filter(isActive))) await this.#scale(rs, size, true);
  }

  /** Sets a size; returns whether it was another before. Annotations keep the size of the whole for later proportions. */
  async #scale(rs: RS, size: number, annotate = false): Promise<boolean> {
    const d = this.#deployment;
    const before = replicasOf(rs);
    const desired = String(replicasOf(d));
    const max = String(replicasOf(d) + fenceposts(d).maxSurge);
    const { annotations } = rs.metadata;
    const annotated = annotations?.[desiredAnnotation] === desired && annotations[maxAnnotation] === max;
    if (before === size && (annotated || !(annotate || isActive(rs)))) return false;
    this.#replace(
      await this.#context.client.update(ReplicaSet, {
        ...rs,
        metadata: {
          ...rs.metadata,
          annotations: { ...annotations, [desiredAnnotation]: desired, [maxAnnotation]: max },
        },
        spec: { ...rs.spec, replicas: size },
      }),
    );
    if (before === size) return false;
    const direction = before < size ? 'up' : 'down';
    this.#context.events.event(
      d,
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${direction} replica set ${rs.metadata.name} from ${before} to ${size}`,
    );
    return true;
  }

  /** Deletes old sets beyond the history limit, those with the lowest revisions first. */
  async #cleanUp(): Promise<void> {
    const limit = this.#deployment.spec.revisionHistoryLimit;
    if (limit === undefined || limit === 2 ** 31 - 1) return;
    const kept = this.#old.filter((rs) => !rs.metadata.deletionTimestamp);
    const surplus = kept.sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, kept.length - limit));
    for (const rs of surplus) {
      const observed = (rs.metadata.generation ?? 0) <= (rs.status.observedGeneration ?? 0);
      if (rs.status.replicas !== 0 || replicasOf(rs) !== 0 || !observed) continue;
      try {
        await this.#context.client.delete(ReplicaSet, rs.metadata, { preconditions: { uid: rs.metadata.uid } });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  async #progress(): Promise<ReconcileResult> {
    const now = this.#context.clock.now();
    const status = rolloutStatus(this.#deployment, this.#all, this.#newSet, now);
    await this.#writeStatus(status);
    const again = deadlineCheckMs(this.#deployment, status, now);
    return again === undefined ? undefined : { requeueAfterMs: again };
  }

  async #writeStatus(status: Shared<Deployment>['status']): Promise<undefined> {
    if (!deepEqual(status, this.#deployment.status)) await this.#updateStatus({ ...this.#deployment, status });
  }

  async #updateStatus(next: Shared<Deployment>): Promise<void> {
    try {
      this.#deployment = await this.#context.client.updateStatus(Deployment, next);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #replace(rs: RS): void {
    this.#sets = this.#sets.map((known) => (known.metadata.uid === rs.metadata.uid ? rs : known));
    if (this.#newSet?.metadata.uid === rs.metadata.uid) this.#newSet = rs;
  }
}

/** Stands for the set that is about to be created. */
const emptySet = { metadata: {}, spec: { replicas: 0 }, status: {} } as unknown as RS;
