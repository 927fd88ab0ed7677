/** Leader election on a Lease, with client-go's rules and timing: of several candidates at most one runs. */
import { Lease } from '../api/coordination/lease.ts';
import type { Shared } from '../api/kind.ts';
import { isConflict, isNotFound } from '../api/machinery/status.ts';
import type { LeaseSpec } from '../api/types/coordination-v1.ts';
import { type Clock, formatMicroTime } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from './client.ts';

export interface LeaderElectionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where the Lease is: `kube-system/kube-controller-manager`. */
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Unique among the candidates. */
  readonly identity: string;
  /** How long others wait for a leader that does not renew; 15 s. */
  readonly leaseDurationMs?: number;
  /** How long the leader tries to renew before it gives up; 10 s. */
  readonly renewDeadlineMs?: number;
  /** Between attempts; 2 s. */
  readonly retryPeriodMs?: number;
  /**
   * Called each time this candidate became the leader. The signal is aborted when the lead is lost or given up; what
   * the function returns is awaited before the Lease is released. A candidate whose function fails gives up the lead, so
   * that another one may do better.
   */
  lead(signal: AbortSignal): Promise<void> | void;
  /** Called with the holder's identity whenever another one is seen to lead. */
  onNewLeader?(identity: string): void;
}

export interface LeaderElection {
  readonly isLeader: boolean;
  /** Stops leading and releases the Lease, so that another candidate need not wait. */
  stop(): Promise<void>;
}

const retryJitter = 1.2;

/** Takes part in an election until stopped. */
export function runWithLeaderElection(options: LeaderElectionOptions): LeaderElection {
  return new Candidate(options);
}

class Candidate implements LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  #leading = false;
  /** The record as last seen, and when by the local clock: clocks of other machines are never compared. */
  #observed: { readonly lease: Shared<Lease>; readonly at: number } | undefined;
  #reported = '';

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
    this.#done = this.#run();
  }

  get isLeader(): boolean {
    return this.#leading;
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('leader election was stopped'));
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (await this.#tryToHold()) await this.#lead();
      else await this.#pause(this.#retryPeriodMs * (1 + retryJitter * this.#options.random.next()));
    }
  }

  async #lead(): Promise<void> {
    const { clock, log, identity } = this.#options;
    this.#leading = true;
    log.info('became the leader', { lease: this.#options.lease.name, identity });
    const term = new AbortController();
    let failed = false;
    const work = (async () => this.#options.lead(term.signal))().catch((error) => {
      log.error('the leader failed', { error });
      failed = true;
    });
    let renewedAt = clock.monotonic();
    for (;;) {
      await this.#pause(this.#retryPeriodMs);
      if (this.#stop.signal.aborted || failed) break;
      if (await this.#tryToHold()) renewedAt = clock.monotonic();
      else if (this.#heldByOther() || clock.monotonic() - renewedAt >= this.#renewDeadlineMs) break;
    }
    this.#leading = false;
    term.abort(new Error('this candidate is no longer the leader'));
    await work;
    if (this.#stop.signal.aborted || failed) await this.#release();
    if (this.#stop.signal.aborted) return;
    log.warn('lost the lead', { lease: this.#options.lease.name, identity });
    if (failed) await this.#pause(this.#leaseDurationMs);
  }

  /** Creates, takes over or renews the Lease; false when another holds it or the server does not answer. */
  async #tryToHold(): Promise<boolean> {
    const { client, clock, identity, lease, log } = this.#options;
    const renewTime = formatMicroTime(clock.now());
    const wanted: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.round(this.#leaseDurationMs / 1000),
      acquireTime: renewTime,
      renewTime,
      leaseTransitions: 0,
    };
    try {
      const found = this.#leading && this.#observed ? this.#observed.lease : await this.#find();
      if (!found) {
        this.#observe(await client.create(Lease, { metadata: lease, spec: wanted }));
        return true;
      }
      if (!this.#leading) this.#observe(found);
      const holder = found.spec.holderIdentity ?? '';
      const mine = holder === identity;
      if (!mine && holder !== '' && !this.#lapsed()) return false;
      const spec: LeaseSpec = {
        ...wanted,
        ...(mine && found.spec.acquireTime ? { acquireTime: found.spec.acquireTime } : {}),
        leaseTransitions: (found.spec.leaseTransitions ?? 0) + (mine ? 0 : 1),
      };
      this.#observe(await client.update(Lease, { ...found, spec } as Shared<Lease>));
      return true;
    } catch (error) {
      log.debug('cannot hold the lease', { lease: lease.name, error });
      if (isConflict(error) || isNotFound(error)) await this.#refresh();
      return false;
    }
  }

  async #refresh(): Promise<void> {
    try {
      const found = await this.#find();
      if (found) this.#observe(found);
      else this.#observed = undefined;
    } catch (error) {
      this.#options.log.debug('cannot read the lease', { error });
    }
  }

  #find(): Promise<Shared<Lease> | undefined> {
    return this.#options.client.find(Lease, this.#options.lease);
  }

  #observe(lease: Shared<Lease>): void {
    if (this.#observed?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion) {
      this.#observed = { lease, at: this.#options.clock.monotonic() };
    }
    const holder = lease.spec.holderIdentity ?? '';
    if (holder && holder !== this.#reported) {
      this.#reported = holder;
      this.#options.onNewLeader?.(holder);
    }
  }

  #lapsed(): boolean {
    if (!this.#observed) return true;
    const duration = (this.#observed.lease.spec.leaseDurationSeconds ?? 0) * 1000 || this.#leaseDurationMs;
    return this.#options.clock.monotonic() - this.#observed.at >= duration;
  }

  #heldByOther(): boolean {
    const holder = this.#observed?.lease.spec.holderIdentity;
    return Boolean(holder) && holder !== this.#options.identity;
  }

  async #release(): Promise<void> {
    const held = this.#observed?.lease;
    if (!held || held.spec.holderIdentity !== this.#options.identity) return;
    const now = formatMicroTime(this.#options.clock.now());
    const spec: LeaseSpec = {
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: held.spec.leaseTransitions ?? 0,
    };
    try {
      await this.#options.client.update(Lease, { ...held, spec } as Shared<Lease>);
    } catch (error) {
      this.#options.log.debug('cannot release the lease', { error });
    }
  }

  async #pause(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#stop.signal).catch(() => {});
  }
}
