/**
 * One simulated run: a cluster in virtual time, random work, random faults, and rules that are checked all along. Everything
 * follows from the seed. API server and nodes are one process; two more take turns at running controllers and scheduler.
 */
import { Namespace } from '../../src/api/core/namespace.ts';
import type { Pod } from '../../src/api/core/pod.ts';
import { ResourceQuota } from '../../src/api/core/resource-quota.ts';
import type { Shared } from '../../src/api/kind.ts';
import { StatusError } from '../../src/api/machinery/status.ts';
import { quiesce, VirtualClock } from '../../src/base/clock.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { ControllerDefinition } from '../../src/client/reconcile.ts';
import type { ResourceRequest } from '../../src/client/transport.ts';
import { createPki, servingNames } from '../../src/cluster/pki.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';
import type { SchedulerConfig } from '../../src/scheduler/config.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { ControlProcess } from './control-process.ts';
import { CrashableStore } from './crashable-store.ts';
import { countLost, createFaults, type Faults } from './faults.ts';
import { type Knowledge, violationsNow, violationsWhenQuiet } from './invariants.ts';
import { Ledger } from './ledger.ts';
import { type Act, type Promises, Workload } from './workload.ts';
import { isGoing, isOver, isReady, look, namespace, podsOf, type World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Operations until the cluster is left alone. */
  readonly steps?: number;
  readonly controllers?: (builtin: readonly ControllerDefinition[]) => readonly ControllerDefinition[];
  readonly schedulerConfig?: SchedulerConfig;
  /** Both control processes work at the same time: a bug to be found. */
  readonly twoLeaders?: boolean;
}

export interface SimulationResult {
  readonly seed: number;
  /** What was done and what happened, in order. */
  readonly log: readonly string[];
  /** Rules that were broken; the run ends at the first moment with one. */
  readonly violations: readonly string[];
  /** The same for two runs exactly if every commit of the one was made by the other, in the same order. */
  readonly digest: string;
  readonly faults: ReadonlyMap<string, number>;
}

const nodeCount = 3;
/** Some runs are short of room on their nodes and in their quota. */
const ample = { cpu: '6', pods: '40' };
const scarce = { cpu: '2', pods: '16' };
const processCount = 2;
const quietMs = 25 * 60_000;
const stillMs = 10 * 60_000;
/** Writes of one object in ten minutes without work: more is a loop. */
const writesWhenQuiet = 20;
const maxChunkMs = 20_000;
/** Clocks are off by so much at most, either way. */
const maxSkewMs = 5 * 60_000;
/** Time without a server after a crash. */
const maxDowntimeMs = 20_000;
/** A process that stands still longer than its lease lasts (15 s) loses the lead. */
const maxStallMs = 45_000;
/** A node that is back is believed after this long. */
const shakyMs = 5 * 60_000;

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const run = new Run(options);
  try {
    await run.all();
  } finally {
    await run.end();
  }
  return run.result();
}

class Run {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #clock = new VirtualClock();
  readonly #pki = createPki(
    servingNames({ serviceCidr: '10.96.0.0/12', clusterDomain: 'cluster.local', nodeIp: '127.0.0.1' }),
    this.#clock.now(),
  );
  readonly #faults: Faults;
  readonly #ledger: Ledger;
  readonly #store: CrashableStore;
  readonly #workload: Workload;
  readonly #log: string[] = [];
  readonly #violations: string[] = [];
  readonly #promises: Promises = { allowed: new Map(), calm: new Set(), held: new Set() };
  readonly #silent = new Set<string>();
  /** Until when nodes that were silent may still be given up. */
  readonly #shakyUntil = new Map<string, number>();
  readonly #processes: ControlProcess[] = [];
  #life!: ReturnType<CrashableStore['open']>;
  #cluster: Cluster | undefined;
  #lives = 0;
  #processSerial = 0;
  readonly #room: typeof ample;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed * 2 + 1);
    this.#room = options.seed % 3 === 0 ? scarce : ample;
    this.#faults = createFaults(seededRandom(options.seed * 2 + 2), this.#clock);
    this.#ledger = new Ledger(() => this.#clock.now(), this.#faults.lostPods);
    this.#store = new CrashableStore(openMemoryStore(), (key, value) => this.#ledger.follow(key, value));
    this.#workload = new Workload({
      client: () => this.#client,
      random: this.#random,
      promises: this.#promises,
      note: (text) => this.#note(text),
      broken: (violation) => this.#broken([violation]),
      lostAgoMs: (app) => this.#clock.now() - this.#ledger.lastLoss(app),
    });
  }

  result(): SimulationResult {
    return {
      seed: this.#options.seed,
      log: this.#log,
      violations: this.#violations,
      digest: this.#store.digest(),
      faults: this.#faults.counts,
    };
  }

  async end(): Promise<void> {
    this.#faults.active = false;
    for (const process of this.#processes) process.crash();
    await this.#cluster?.stop();
  }

  async all(): Promise<void> {
    await this.#boot();
    for (let i = 0; i < processCount; i++) this.#startProcess();
    await this.#client.create(Namespace, { metadata: { name: namespace } });
    await this.#client.create(ResourceQuota, {
      metadata: { name: 'pods', namespace },
      spec: { hard: { pods: this.#room.pods } },
    });
    await this.#advance(10_000);
    this.#faults.active = true;
    const steps = this.#options.steps ?? 40;
    for (let step = 0; step < steps && this.#violations.length === 0; step++) {
      await this.#act();
      await this.#pass(1 + this.#random.below(maxChunkMs));
    }
    if (this.#violations.length === 0) await this.#comeToRest();
  }

  get #client() {
    return this.#cluster!.client;
  }

  readonly #idle = () =>
    (this.#cluster === undefined || (this.#cluster.plane.idle() && this.#cluster.nodes!.idle())) &&
    this.#processes.every((process) => process.idle());

  #advance(ms: number): Promise<void> {
    return this.#clock.advance(ms, this.#idle);
  }

  async #boot(): Promise<void> {
    this.#life = this.#store.open();
    this.#cluster = await startCluster({
      clock: this.#clock,
      seed: this.#options.seed * 1000 + this.#lives++,
      nodes: nodeCount,
      nodeCapacity: { cpu: this.#room.cpu, memory: '64Gi', pods: '30' },
      nodeLeaseSeconds: 40,
      store: this.#life.store,
      disable: ['controllers', 'scheduler'],
      // The server's own requests and the test's are left alone: what is tested is how the roles bear failure.
      intercept: (transport) => this.#faults.watches(transport),
    });
    for (const name of this.#silent) this.#cluster.nodes!.fail(name);
    for (const name of this.#cluster.nodes!.names) this.#cluster.nodes!.setClock(name, this.#skew());
  }

  #skew(): number {
    return this.#random.below(2) ? 0 : this.#random.below(2 * maxSkewMs) - maxSkewMs;
  }

  #startProcess(): void {
    const { controllers, schedulerConfig, twoLeaders, seed } = this.#options;
    const serial = this.#processSerial++;
    const process = new ControlProcess({
      identity: `process-${serial}`,
      clock: this.#clock,
      skewMs: this.#skew(),
      seed: seed * 1000 + serial,
      pki: this.#pki,
      faults: this.#faults,
      connect: (user) => this.#cluster?.plane.server.direct(user),
      onWrite: (...write) => this.#seeWrite(...write),
      ...(controllers ? { controllers } : {}),
      ...(schedulerConfig ? { schedulerConfig } : {}),
      ...(twoLeaders ? { ignoresElection: true } : {}),
    });
    this.#processes.push(process);
  }

  /** Only the leader works; one that stood still may not know yet that it no longer leads. */
  #seeWrite(process: ControlProcess, request: ResourceRequest): void {
    const { leader } = this.#ledger;
    if (leader === process.identity || /^(leases|events)$/.test(request.kind.plural)) return;
    if (!process.isLate) {
      this.#broken([`${process.identity} writes ${request.kind.plural} while ${leader || 'nobody'} leads`]);
      return;
    }
    countLost(this.#faults.lostPods, request);
    // Two have scaled by what each of them saw.
    if (request.kind.plural === 'replicasets')
      for (const uid of this.#promises.calm) this.#promises.allowed.set(uid, Number.POSITIVE_INFINITY);
    this.#promises.calm.clear();
  }

  /** The server is gone; after a while another starts on what is in the store. Controllers and scheduler live on. */
  async #reboot(): Promise<void> {
    const active = this.#faults.active;
    this.#faults.active = false;
    this.#life.kill();
    const cluster = this.#cluster!;
    this.#cluster = undefined;
    await cluster.stop();
    for (const process of this.#processes) process.disconnect();
    await this.#advance(this.#random.below(maxDowntimeMs));
    this.#note('a new server starts');
    await this.#boot();
    await quiesce(this.#idle);
    this.#promises.calm.clear();
    this.#faults.active = active;
  }

  #note(text: string): void {
    this.#log.push(`${new Date(this.#clock.now()).toISOString()} ${text}`);
  }

  #broken(violations: readonly string[]): void {
    for (const violation of violations) {
      this.#violations.push(violation);
      this.#note(`BROKEN: ${violation}`);
    }
  }

  /** Lets time pass in pieces, checking after each. */
  async #pass(ms: number): Promise<void> {
    for (let left = ms; left > 0 && this.#violations.length === 0; ) {
      const piece = Math.min(left, 1 + this.#random.below(maxChunkMs));
      left -= piece;
      try {
        await this.#advance(piece);
      } catch (error) {
        if (!this.#life.crashed()) {
          this.#broken([`time does not pass: ${(error as Error).message}`]);
          return;
        }
      }
      if (this.#life.crashed()) {
        this.#note('the server has crashed');
        await this.#reboot();
      }
      await this.#check();
    }
  }

  #knowledge(): Knowledge {
    const now = this.#clock.now();
    const shaky = new Set(this.#silent);
    for (const [name, until] of this.#shakyUntil) if (until > now) shaky.add(name);
    return {
      now,
      maxSkewMs,
      shaky,
      allowed: this.#promises.allowed,
      held: this.#promises.held,
      lostPods: this.#faults.lostPods,
      succeeded: (job) => this.#ledger.succeeded(job),
    };
  }

  async #check(): Promise<World> {
    const world = await look(this.#client);
    const violations = [...this.#ledger.takeViolations(), ...violationsNow(world, this.#knowledge())];
    this.#broken(violations);
    this.#checkPromises(world);
    if (this.#violations.length) this.#describe(world);
    return world;
  }

  #checkPromises(world: World): void {
    const { allowed, calm } = this.#promises;
    for (const deployment of world.deployments) {
      const { uid, name, deletionTimestamp } = deployment.metadata;
      // One that is deleted in the foreground is there while its pods already go.
      if (deletionTimestamp) continue;
      const replicas = deployment.spec.replicas ?? 1;
      const pods = podsOf(world, deployment).filter((pod) => !isGoing(pod) && !isOver(pod));
      const ready = pods.filter(isReady).length;
      // Pods that are there by chance, while an earlier size is still carried out, are no promise kept.
      const isKnown = deployment.status.observedGeneration === deployment.metadata.generation;
      if (isKnown && pods.length === replicas && ready === replicas) {
        allowed.delete(uid);
        // Pods of a silent node look ready for a while.
        if (this.#silent.size === 0) calm.add(uid);
      } else if (calm.has(uid) && deployment.spec.strategy?.type !== 'Recreate') {
        // The default of a quarter is rounded down, so that small deployments keep all their pods.
        const unavailable = deployment.spec.strategy?.rollingUpdate?.maxUnavailable ?? 0;
        const least = replicas - Math.max(Number(unavailable), 0);
        if (ready < least) this.#broken([`deployment ${name} has ${ready} ready pods, at least ${least} are promised`]);
      }
    }
  }

  #describe(world: World): void {
    this.#note(
      `${this.#ledger.leader || 'nobody'} leads; processes: ${this.#processes.map(describeProcess).join(', ')}`,
    );
    for (const { metadata, spec, status } of world.nodes)
      this.#note(`node ${metadata.name}: ${JSON.stringify({ taints: spec.taints, conditions: status.conditions })}`);
    for (const job of world.jobs) this.#note(`job ${job.metadata.name}: ${JSON.stringify(job.status)}`);
    for (const pod of world.pods) this.#note(describePod(pod));
  }

  async #comeToRest(): Promise<void> {
    this.#faults.active = false;
    this.#life.crashAfter(Number.POSITIVE_INFINITY, true);
    await this.#returnNodes();
    await this.#workload.release();
    this.#note('left alone');
    await this.#advance(quietMs);
    const world = await this.#check();
    const violations = violationsWhenQuiet(world, this.#knowledge());
    this.#broken(violations);
    if (violations.length) this.#describe(world);
    this.#store.takeWrites();
    await this.#advance(stillMs);
    for (const [key, count] of this.#store.takeWrites())
      if (count > writesWhenQuiet && !/cronjobs|jobs|sim\/cron|events/.test(key))
        this.#broken([`${key} was written ${count} times though nothing happened`]);
  }

  async #act(): Promise<void> {
    const acts: readonly Act[] = [
      ...this.#workload.acts(),
      [2, () => this.#loseNode()],
      [3, () => this.#returnNodes()],
      [2, () => this.#planCrash()],
      [2, () => this.#crashProcess()],
      [1, () => this.#stallLeader()],
      [1, () => this.#setNodeClock()],
    ];
    let pick = this.#random.below(acts.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, act] of acts) {
      pick -= weight;
      if (pick >= 0) continue;
      try {
        await act();
      } catch (error) {
        // A quota, a name in use, a budget: refusals are part of life. So is a server that crashed meanwhile.
        if (!(error instanceof StatusError) && !this.#life.crashed()) throw error;
        this.#note(`refused: ${(error as Error).message}`);
      }
      return;
    }
  }

  async #loseNode(): Promise<void> {
    if (this.#silent.size) return;
    const { names } = this.#cluster!.nodes!;
    const name = names[this.#random.below(names.length)]!;
    this.#note(`${name} falls silent`);
    this.#promises.calm.clear();
    this.#silent.add(name);
    this.#cluster!.nodes!.fail(name);
  }

  async #returnNodes(): Promise<void> {
    for (const name of [...this.#silent]) {
      this.#note(`${name} is back`);
      this.#silent.delete(name);
      this.#shakyUntil.set(name, this.#clock.now() + shakyMs);
      await this.#cluster!.nodes!.recover(name);
    }
  }

  async #setNodeClock(): Promise<void> {
    const { names } = this.#cluster!.nodes!;
    const name = names[this.#random.below(names.length)]!;
    const skewMs = this.#skew();
    this.#note(`the clock of ${name} is set ${skewMs} ms off`);
    this.#cluster!.nodes!.setClock(name, skewMs);
  }

  /** The server will crash at one of its next commits: before it is written, or after, unanswered. */
  async #planCrash(): Promise<void> {
    const commits = 1 + this.#random.below(25);
    this.#note(`the server will crash at commit ${commits}`);
    this.#life.crashAfter(commits, this.#random.below(2) === 0);
  }

  /** Controllers and scheduler crash at some moment of the next seconds, and start again with nothing in mind. */
  async #crashProcess(): Promise<void> {
    const process = this.#processes[this.#random.below(this.#processes.length)]!;
    this.#note(`${process.identity}${process.leads ? ', which leads,' : ''} will crash`);
    this.#clock.after(this.#random.below(5000), () => {
      const at = this.#processes.indexOf(process);
      if (at < 0) return;
      this.#processes.splice(at, 1);
      process.crash();
      this.#promises.calm.clear();
      this.#clock.after(this.#random.below(10_000), () => this.#startProcess());
    });
  }

  /** The leader stands still in the middle of its work; the other takes over; then what it was about to send arrives. */
  async #stallLeader(): Promise<void> {
    const process = this.#processes.find((candidate) => candidate.leads);
    if (!process) return;
    this.#note(`${process.identity}, which leads, will stand still`);
    this.#clock.after(this.#random.below(5000), () => {
      process.stall();
      this.#clock.after(this.#random.below(maxStallMs), () => process.resume());
    });
  }
}

const describeProcess = (process: ControlProcess) =>
  `${process.identity}${process.leads ? ' (believes that it leads)' : ''}`;

const describePod = (pod: Shared<Pod>) =>
  `pod ${pod.metadata.name} on ${pod.spec.nodeName ?? 'no node'}: ${isGoing(pod) ? 'going, ' : ''}${JSON.stringify(pod.status)}`;
