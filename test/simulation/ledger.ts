/**
 * What was committed, followed write by write: what a look every few seconds could miss. It knows for each ReplicaSet and Job how
 * many pods were ever wanted of it lately, which pods of a Job succeeded, and who leads.
 */
import type { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import type { Job } from '../../src/api/batch/job.ts';
import { Lease } from '../../src/api/coordination/lease.ts';
import type { Pod } from '../../src/api/core/pod.ts';
import type { KubeObject } from '../../src/api/kind.ts';
import { electionLease } from './control-process.ts';
import { isGoing, isOver, isReady } from './world.ts';

/** A controller may see the size that a set had this long ago. */
const staleMs = 30_000;

interface SetRecord {
  name: string;
  replicas: number;
  /** The most replicas that were wanted since the set was whole, and for a while before. */
  ceiling: number;
  wholeSince: number | undefined;
}

interface PodRecord {
  readonly owner: string;
  readonly app: string;
  readonly active: boolean;
  readonly healthy: boolean;
}

export class Ledger {
  readonly #now: () => number;
  readonly #lostPods: Map<string, number>;
  readonly #sets = new Map<string, SetRecord>();
  readonly #setKeys = new Map<string, string>();
  readonly #pods = new Map<string, PodRecord>();
  readonly #active = new Map<string, number>();
  readonly #lastLoss = new Map<string, number>();
  readonly #succeeded = new Map<string, Set<string>>();
  #violations: string[] = [];
  /** The identity that holds the lease of controllers and scheduler. */
  leader = '';

  constructor(now: () => number, lostPods: Map<string, number>) {
    this.#now = now;
    this.#lostPods = lostPods;
  }

  /** What was broken since the last call. */
  takeViolations(): readonly string[] {
    const violations = this.#violations;
    this.#violations = [];
    return violations;
  }

  /** Pods of a Job that ever were seen to have succeeded. */
  succeeded(job: string): number {
    return this.#succeeded.get(job)?.size ?? 0;
  }

  /** When an app last lost a healthy pod: a budget may not show it for a while. */
  lastLoss(app: string): number {
    return this.#lastLoss.get(app) ?? Number.NEGATIVE_INFINITY;
  }

  follow(key: string, value: Uint8Array | null): void {
    if (key.startsWith('/registry/core/pods/')) this.#pod(key, parse<Pod>(value));
    else if (key.startsWith('/registry/apps/replicasets/')) {
      const set = parse<ReplicaSet>(value);
      this.#want(key, set && { set, what: 'replica set', replicas: set.spec.replicas ?? 1 });
    } else if (key.startsWith('/registry/batch/jobs/')) {
      const set = parse<Job>(value);
      this.#want(key, set && { set, what: 'job', replicas: set.spec.parallelism ?? 1 });
    } else if (key === `/registry/${Lease.group}/leases/${electionLease.namespace}/${electionLease.name}`)
      this.leader = parse<Lease>(value)?.spec.holderIdentity ?? '';
  }

  #want(key: string, wanted: { set: KubeObject; what: string; replicas: number } | undefined): void {
    if (!wanted) {
      this.#sets.delete(this.#setKeys.get(key) ?? '');
      this.#setKeys.delete(key);
      return;
    }
    const { uid, name } = wanted.set.metadata;
    const { replicas } = wanted;
    this.#settle(uid);
    const known = this.#sets.get(uid);
    const record = known ?? { name: `${wanted.what} ${name}`, replicas, ceiling: replicas, wholeSince: undefined };
    record.replicas = replicas;
    record.ceiling = Math.max(record.ceiling, replicas);
    this.#sets.set(uid, record);
    this.#setKeys.set(key, uid);
    this.#weigh(uid);
  }

  #pod(key: string, pod: Pod | undefined): void {
    const before = this.#pods.get(key);
    const owner = pod?.metadata.ownerReferences?.find((reference) => reference.controller)?.uid ?? '';
    const active = pod !== undefined && !isGoing(pod) && !isOver(pod);
    this.#settle(owner);
    const app = pod?.metadata.labels?.['app'] ?? '';
    const healthy = pod !== undefined && active && isReady(pod);
    if (before?.healthy && !healthy) this.#lastLoss.set(before.app, this.#now());
    if (pod) this.#pods.set(key, { owner, app, active, healthy });
    else this.#pods.delete(key);
    if (before?.active) this.#active.set(before.owner, (this.#active.get(before.owner) ?? 0) - 1);
    if (active) this.#active.set(owner, (this.#active.get(owner) ?? 0) + 1);
    if (pod?.status.phase === 'Succeeded') {
      const known = this.#succeeded.get(owner) ?? new Set();
      this.#succeeded.set(owner, known.add(pod.metadata.uid));
    }
    this.#weigh(owner);
  }

  /** Before a change: of a set that has been whole for long, what was wanted earlier is forgotten. */
  #settle(uid: string): void {
    const set = this.#sets.get(uid);
    if (set?.wholeSince === undefined || this.#now() - set.wholeSince < staleMs) return;
    set.ceiling = set.replicas;
    this.#lostPods.delete(uid);
  }

  /** Surplus that a set has not yet deleted is no fault of it, one that it made is. */
  #weigh(uid: string): void {
    const set = this.#sets.get(uid);
    if (!set) return;
    const active = this.#active.get(uid) ?? 0;
    if (active === set.replicas) set.wholeSince ??= this.#now();
    else set.wholeSince = undefined;
    const most = set.ceiling + (this.#lostPods.get(uid) ?? 0);
    if (active > most) this.#violations.push(`${set.name} has ${active} pods, no more than ${most} were ever wanted`);
  }
}

const parse = <T>(value: Uint8Array | null): T | undefined =>
  value ? (JSON.parse(Buffer.from(value).toString()) as T) : undefined;
