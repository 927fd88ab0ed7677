/**
 * Controllers and scheduler as a process of their own: several stand for election, and each has its own caches, its own clock,
 * and its own ways to fail.
 */
import { loopbackUser } from '../../src/apiserver/user.ts';
import type { Clock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { MetricsRegistry } from '../../src/base/metrics.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { createClient } from '../../src/client/client.ts';
import { createInformerSet, type RunningInformerSet } from '../../src/client/informer-set.ts';
import { type LeaderElection, runWithLeaderElection } from '../../src/client/leader.ts';
import type { ControllerDefinition } from '../../src/client/reconcile.ts';
import { type RunningRoles, startRoles } from '../../src/cluster/control-plane.ts';
import type { ClusterPki } from '../../src/cluster/pki.ts';
import { builtinControllers } from '../../src/controllers/controllers.gen.ts';
import { loadBalancerController } from '../../src/network/load-balancer/load-balancer.ts';
import type { SchedulerConfig } from '../../src/scheduler/config.ts';
import { ProcessClock } from './process-clock.ts';
import { Wire, type WireOptions } from './wire.ts';

export const electionLease = { namespace: 'kube-system', name: 'control-processes' };

export interface ControlProcessOptions extends Pick<WireOptions, 'faults' | 'connect'> {
  readonly identity: string;
  readonly clock: Clock;
  readonly skewMs: number;
  readonly seed: number;
  readonly pki: ClusterPki;
  readonly controllers?: (builtin: readonly ControllerDefinition[]) => readonly ControllerDefinition[];
  readonly schedulerConfig?: SchedulerConfig;
  /** Runs whether it leads or not: a bug to be found. */
  readonly ignoresElection?: boolean;
  onWrite(process: ControlProcess, ...request: Parameters<WireOptions['onWrite']>): void;
}

export class ControlProcess {
  readonly identity: string;
  readonly #clock: ProcessClock;
  readonly #base: Clock;
  readonly #wire: Wire;
  readonly #random: Random;
  readonly #election: LeaderElection;
  #roles: RunningRoles | undefined;
  #informers: RunningInformerSet | undefined;
  #resumedAt = Number.NEGATIVE_INFINITY;
  #crashed = false;

  constructor(options: ControlProcessOptions) {
    const { clock, faults, connect } = options;
    this.identity = options.identity;
    this.#base = clock;
    this.#clock = new ProcessClock(clock, options.skewMs);
    this.#random = seededRandom(options.seed);
    this.#wire = new Wire({
      clock,
      processClock: this.#clock,
      faults,
      connect,
      onWrite: (request) => options.onWrite(this, request),
    });
    const lead = (signal: AbortSignal) => this.#lead(options, signal);
    this.#election = runWithLeaderElection({
      client: createClient(this.#wire.as(loopbackUser)),
      clock: this.#clock,
      random: this.#random,
      log: silentLogger,
      lease: electionLease,
      identity: this.identity,
      lead: options.ignoresElection ? async () => {} : lead,
    });
    if (options.ignoresElection) void lead(new AbortController().signal).catch(() => {});
  }

  /** It stands still, or goes on since a moment ago: it cannot know yet that another leads. */
  get isLate(): boolean {
    return this.#clock.stalled || this.#base.now() - this.#resumedAt < 1000;
  }

  get leads(): boolean {
    return this.#election.isLeader && !this.#crashed;
  }

  idle(): boolean {
    return this.#crashed || this.#clock.stalled || this.#wire.inFlight === 0;
  }

  disconnect(): void {
    this.#wire.disconnect();
  }

  stall(): void {
    this.#clock.stall();
  }

  resume(): void {
    this.#resumedAt = this.#base.now();
    this.#clock.resume();
  }

  /** Ends at once: nothing is given back, nothing is told to anybody. */
  crash(): void {
    this.#crashed = true;
    this.#wire.cut();
    this.#clock.resume();
    this.#informers?.stop();
    void this.#election.stop();
    void this.#roles?.stop();
  }

  async #lead(options: ControlProcessOptions, signal: AbortSignal): Promise<void> {
    const client = createClient(this.#wire.as(loopbackUser));
    const informers = createInformerSet(client, { clock: this.#clock, log: silentLogger, random: this.#random });
    this.#informers = informers;
    const { controllers, schedulerConfig, pki } = options;
    const ended = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      this.#roles = await startRoles({
        options: {
          clock: this.#clock,
          random: this.#random,
          log: silentLogger,
          pki,
          clusterName: 'simulated',
          podCidr: '10.128.0.0/9',
          serviceCidr: '10.96.0.0/12',
          disable: [],
          ...(controllers ? { controllers } : {}),
          ...(schedulerConfig ? { schedulerConfig } : {}),
        },
        definitions: [...builtinControllers, loadBalancerController].filter(({ requires }) => !requires),
        metrics: new MetricsRegistry(),
        client,
        informers,
        clientAs: (user, fieldManager) => createClient(this.#wire.as(user), fieldManager ? { fieldManager } : {}),
      });
      await ended;
    } finally {
      await this.#roles?.stop();
      this.#roles = undefined;
      informers.stop();
    }
  }
}
