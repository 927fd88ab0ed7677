/**
 * One simulated run: a cluster in virtual time, random work, random faults, and rules that are checked all along. Everything
 * follows from the seed.
 */

import { DaemonSet } from '../../src/api/apps/daemon-set.ts';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { StatefulSet } from '../../src/api/apps/stateful-set.ts';
import { CronJob } from '../../src/api/batch/cron-job.ts';
import { Job } from '../../src/api/batch/job.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ResourceQuota } from '../../src/api/core/resource-quota.ts';
import { Service } from '../../src/api/core/service.ts';
import type { KindRef, KubeObject, Shared } from '../../src/api/kind.ts';
import { StatusError } from '../../src/api/machinery/status.ts';
import { PodDisruptionBudget } from '../../src/api/policy/pod-disruption-budget.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { ControllerDefinition } from '../../src/client/reconcile.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { CrashableStore } from './crashable-store.ts';
import { createFaults, type Faults } from './faults.ts';
import {
  type Allowed,
  budgetBroken,
  isGoing,
  isOver,
  isReady,
  look,
  namespace,
  podsOf,
  surgeOf,
  violationsNow,
  violationsWhenQuiet,
} from './invariants.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Operations until the cluster is left alone. */
  readonly steps?: number;
  readonly controllers?: (builtin: readonly ControllerDefinition[]) => readonly ControllerDefinition[];
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
const nodeCpu = '6';
const quietMs = 25 * 60_000;
const stillMs = 10 * 60_000;
/** Writes of one object in ten minutes without work: more is a loop. */
const writesWhenQuiet = 20;
const maxChunkMs = 20_000;

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
  readonly #store = new CrashableStore(openMemoryStore());
  readonly #faults: Faults;
  readonly #log: string[] = [];
  readonly #violations: string[] = [];
  /** By deployment UID: the most pods it may have until it is as desired again. */
  readonly #allowed: Allowed = new Map();
  readonly #silent = new Set<string>();
  /** Deployments that nothing but a rollout has touched since they were whole. */
  readonly #calm = new Set<string>();
  #life!: ReturnType<CrashableStore['open']>;
  #cluster!: Cluster;
  #lives = 0;
  #serial = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed * 2 + 1);
    this.#faults = createFaults(seededRandom(options.seed * 2 + 2), this.#clock);
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
    await this.#cluster?.stop();
  }

  async all(): Promise<void> {
    await this.#boot();
    await this.#cluster.client.create(Namespace, { metadata: { name: namespace } });
    await this.#cluster.client.create(ResourceQuota, {
      metadata: { name: 'pods', namespace },
      spec: { hard: { pods: '40' } },
    });
    await this.#cluster.settle();
    this.#faults.active = true;
    const steps = this.#options.steps ?? 40;
    for (let step = 0; step < steps && this.#violations.length === 0; step++) {
      await this.#act();
      await this.#pass(1 + this.#random.below(maxChunkMs));
    }
    if (this.#violations.length === 0) await this.#comeToRest();
  }

  async #boot(): Promise<void> {
    this.#life = this.#store.open();
    this.#cluster = await startCluster({
      clock: this.#clock,
      seed: this.#options.seed * 1000 + this.#lives++,
      nodes: nodeCount,
      nodeCapacity: { cpu: nodeCpu, memory: '64Gi', pods: '30' },
      store: this.#life.store,
      intercept: (transport, user) => this.#faults.intercept(transport, user),
      ...(this.#options.controllers ? { controllers: this.#options.controllers } : {}),
    });
    for (const name of this.#silent) this.#cluster.nodes!.fail(name);
  }

  /** Ends the server as it is and starts another on what is in the store. */
  async #reboot(why: string): Promise<void> {
    this.#note(`${why}: a new server starts`);
    const active = this.#faults.active;
    this.#faults.active = false;
    this.#life.kill();
    await this.#cluster.stop();
    await this.#boot();
    await this.#cluster.settle();
    this.#calm.clear();
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
        await this.#cluster.advance(piece);
      } catch (error) {
        if (!this.#life.crashed()) {
          this.#broken([`time does not pass: ${(error as Error).message}`]);
          return;
        }
      }
      if (this.#life.crashed()) await this.#reboot('crash');
      await this.#check();
    }
  }

  async #check(): Promise<void> {
    const world = await look(this.#cluster.client);
    const violations = violationsNow(world, this.#allowed, this.#faults.lostPods);
    this.#broken(violations);
    if (violations.length) {
      for (const job of world.jobs) this.#note(`job ${job.metadata.name}: ${JSON.stringify(job.status)}`);
      for (const pod of world.pods) this.#note(describePod(pod));
    }
    for (const deployment of world.deployments) {
      const { uid, name, deletionTimestamp } = deployment.metadata;
      // One that is deleted in the foreground is there while its pods already go.
      if (deletionTimestamp) continue;
      const replicas = deployment.spec.replicas ?? 1;
      const pods = podsOf(world, deployment).filter((pod) => !isGoing(pod) && !isOver(pod));
      const ready = pods.filter(isReady).length;
      if (pods.length === replicas && ready === replicas) {
        this.#allowed.delete(uid);
        // Pods of a silent node look ready for a while.
        if (this.#silent.size === 0) this.#calm.add(uid);
      } else if (this.#calm.has(uid) && deployment.spec.strategy?.type !== 'Recreate') {
        // The default of a quarter is rounded down, so that small deployments keep all their pods.
        const unavailable = deployment.spec.strategy?.rollingUpdate?.maxUnavailable ?? 0;
        const least = replicas - Math.max(Number(unavailable), 0);
        if (ready < least) this.#broken([`deployment ${name} has ${ready} ready pods, at least ${least} are promised`]);
      }
    }
  }

  async #comeToRest(): Promise<void> {
    this.#faults.active = false;
    this.#life.crashAfter(Number.POSITIVE_INFINITY, true);
    for (const name of this.#silent) await this.#cluster.nodes!.recover(name);
    this.#silent.clear();
    this.#note('left alone');
    await this.#cluster.advance(quietMs);
    await this.#check();
    const world = await look(this.#cluster.client);
    const violations = violationsWhenQuiet(world);
    this.#broken(violations);
    if (violations.length)
      for (const pod of world.pods) if (!isReady(pod) && !isOver(pod)) this.#note(describePod(pod));
    this.#store.takeWrites();
    await this.#cluster.advance(stillMs);
    for (const [key, count] of this.#store.takeWrites())
      if (count > writesWhenQuiet && !/cronjobs|jobs|sim\/cron|events/.test(key))
        this.#broken([`${key} was written ${count} times though nothing happened`]);
  }

  async #act(): Promise<void> {
    const actions: readonly (readonly [weight: number, act: () => Promise<void>])[] = [
      [6, () => this.#deploy()],
      [8, () => this.#changeDeployment()],
      [3, () => this.#statefulSet()],
      [4, () => this.#job()],
      [1, () => this.#daemonSet()],
      [1, () => this.#cronJob()],
      [2, () => this.#service()],
      [4, () => this.#deletePod()],
      [4, () => this.#evict()],
      [3, () => this.#remove()],
      [2, () => this.#loseNode()],
      [3, () => this.#returnNode()],
      [2, () => this.#planCrash()],
      [3, () => this.#rollBudgeted()],
    ];
    let pick = this.#random.below(actions.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, act] of actions) {
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

  #oneOf<T>(items: readonly T[]): T | undefined {
    return items.length ? items[this.#random.below(items.length)] : undefined;
  }

  #template(app: string, image = 'v1', annotations: Record<string, string> = {}) {
    return {
      metadata: { labels: { app }, annotations },
      spec: {
        containers: [
          { name: 'main', image, resources: { requests: { cpu: `${100 + 100 * this.#random.below(8)}m` } } },
        ],
      },
    };
  }

  async #deploy(): Promise<void> {
    const { client } = this.#cluster;
    if ((await client.list(Deployment, { namespace })).items.length >= 4) return;
    const name = `web-${this.#serial++}`;
    const recreate = this.#random.below(5) === 0;
    const rollingUpdate = { maxSurge: 1 + this.#random.below(2), maxUnavailable: this.#random.below(2) };
    const replicas = this.#random.below(6);
    this.#note(`create deployment ${name} of ${replicas}`);
    await client.create(Deployment, {
      metadata: { name, namespace },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        strategy: recreate ? { type: 'Recreate' } : { type: 'RollingUpdate', rollingUpdate },
        template: this.#template(name, 'v1', { 'sim.timonel.dev/start-delay': `${this.#random.below(8)}s` }),
      },
    });
  }

  async #changeDeployment(): Promise<void> {
    const { client } = this.#cluster;
    const deployment = this.#oneOf((await client.list(Deployment, { namespace })).items);
    if (!deployment) return;
    const { uid, name } = deployment.metadata;
    this.#allowed.set(uid, Math.max(this.#allowed.get(uid) ?? 0, surgeOf(deployment)));
    if (this.#random.below(2)) {
      const replicas = this.#random.below(7);
      this.#calm.delete(uid);
      this.#note(`scale ${name} to ${replicas}`);
      await client.patch(Deployment, deployment.metadata, { spec: { replicas } }, { type: 'merge' });
    } else {
      const image = `v${this.#serial++}`;
      this.#note(`roll ${name} to ${image}`);
      await client.patch(
        Deployment,
        deployment.metadata,
        { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } },
        { type: 'strategic' },
      );
    }
  }

  /** A deployment with a budget, for evictions to be held against. */
  async #rollBudgeted(): Promise<void> {
    const { client } = this.#cluster;
    const deployment = this.#oneOf((await client.list(Deployment, { namespace })).items);
    if (!deployment) return;
    const minAvailable = 1 + this.#random.below(2);
    this.#note(`budget of ${minAvailable} for ${deployment.metadata.name}`);
    await client.create(PodDisruptionBudget, {
      metadata: { name: deployment.metadata.name, namespace },
      spec: { minAvailable, selector: { matchLabels: { app: deployment.metadata.name } } },
    });
  }

  async #statefulSet(): Promise<void> {
    const { client } = this.#cluster;
    const sets = (await client.list(StatefulSet, { namespace })).items;
    const known = this.#oneOf(sets);
    if (known && (sets.length > 1 || this.#random.below(2))) {
      const replicas = this.#random.below(4);
      this.#note(`scale stateful set ${known.metadata.name} to ${replicas}`);
      await client.patch(StatefulSet, known.metadata, { spec: { replicas } }, { type: 'merge' });
      return;
    }
    const name = `db-${this.#serial++}`;
    this.#note(`create stateful set ${name}`);
    await client.create(StatefulSet, {
      metadata: { name, namespace },
      spec: {
        replicas: this.#random.below(4),
        serviceName: name,
        podManagementPolicy: this.#random.below(2) ? 'Parallel' : 'OrderedReady',
        selector: { matchLabels: { app: name } },
        template: this.#template(name),
      },
    });
  }

  async #job(): Promise<void> {
    const name = `job-${this.#serial++}`;
    const indexed = this.#random.below(2) === 0;
    const completions = 1 + this.#random.below(4);
    const template = this.#template(name, 'v1', {
      'sim.timonel.dev/run-duration': `${1 + this.#random.below(20)}s`,
    });
    this.#note(`create job ${name} of ${completions}`);
    await this.#cluster.client.create(Job, {
      metadata: { name, namespace },
      spec: {
        completions,
        parallelism: 1 + this.#random.below(3),
        completionMode: indexed ? 'Indexed' : 'NonIndexed',
        template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } },
      },
    });
  }

  async #daemonSet(): Promise<void> {
    if ((await this.#cluster.client.list(DaemonSet, { namespace })).items.length) return;
    const name = `agent-${this.#serial++}`;
    this.#note(`create daemon set ${name}`);
    await this.#cluster.client.create(DaemonSet, {
      metadata: { name, namespace },
      spec: { selector: { matchLabels: { app: name } }, template: this.#template(name) },
    });
  }

  async #cronJob(): Promise<void> {
    if ((await this.#cluster.client.list(CronJob, { namespace })).items.length) return;
    const name = `cron-${this.#serial++}`;
    const template = this.#template(name);
    this.#note(`create cron job ${name}`);
    await this.#cluster.client.create(CronJob, {
      metadata: { name, namespace },
      spec: {
        schedule: '*/5 * * * *',
        concurrencyPolicy: 'Forbid',
        jobTemplate: { spec: { template: { ...template, spec: { ...template.spec, restartPolicy: 'OnFailure' } } } },
      },
    });
  }

  async #service(): Promise<void> {
    const name = `svc-${this.#serial++}`;
    const type = this.#random.below(2) ? 'NodePort' : 'ClusterIP';
    this.#note(`create service ${name}`);
    await this.#cluster.client.create(Service, {
      metadata: { name, namespace },
      spec: { type, selector: { app: 'web-0' }, ports: [{ port: 80 }] },
    });
  }

  async #somePod() {
    const { items } = await this.#cluster.client.list(Pod, { namespace });
    return this.#oneOf(items.filter((pod) => !isGoing(pod)));
  }

  async #deletePod(): Promise<void> {
    const pod = await this.#somePod();
    if (!pod) return;
    this.#calm.clear();
    this.#note(`delete pod ${pod.metadata.name}`);
    await this.#cluster.client.delete(Pod, pod.metadata, { gracePeriodSeconds: this.#random.below(10) });
  }

  async #evict(): Promise<void> {
    const { client } = this.#cluster;
    const pod = await this.#somePod();
    if (!pod) return;
    const budget = await client.find(PodDisruptionBudget, { namespace, name: pod.metadata.labels?.['app'] ?? '-' });
    this.#note(`evict ${pod.metadata.name}`);
    this.#calm.clear();
    await client.subresource(
      'create',
      Pod,
      { ...pod.metadata, subresource: 'eviction' },
      {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: pod.metadata.name, namespace },
      },
    );
    if (!budget || isOver(pod) || !isReady(pod)) return;
    const pods = (await client.list(Pod, { namespace })).items;
    const broken = budgetBroken(budget.spec.selector, Number(budget.spec.minAvailable), {
      pods,
      evicted: pod.metadata.name,
    });
    if (broken) this.#broken([broken]);
  }

  async #remove(): Promise<void> {
    const { client } = this.#cluster;
    const kinds = [Deployment, StatefulSet, Job, CronJob, DaemonSet, Service] as const;
    const kind = kinds[this.#random.below(kinds.length)]!;
    const object = this.#oneOf((await client.list<KubeObject>(kind as KindRef, { namespace })).items);
    if (!object) return;
    const propagationPolicy = this.#random.below(2) ? 'Foreground' : 'Background';
    this.#note(`delete ${object.kind} ${object.metadata.name} (${propagationPolicy})`);
    await client.delete(kind as KindRef, { namespace, name: object.metadata.name }, { propagationPolicy });
  }

  async #loseNode(): Promise<void> {
    if (this.#silent.size) return;
    const name = this.#oneOf(this.#cluster.nodes!.names)!;
    this.#note(`${name} falls silent`);
    this.#calm.clear();
    this.#silent.add(name);
    this.#cluster.nodes!.fail(name);
  }

  async #returnNode(): Promise<void> {
    for (const name of this.#silent) {
      this.#note(`${name} is back`);
      this.#silent.delete(name);
      await this.#cluster.nodes!.recover(name);
    }
  }

  /** The server will crash at one of its next commits: before it is written, or after, unanswered. */
  async #planCrash(): Promise<void> {
    const commits = 1 + this.#random.below(25);
    this.#note(`the server will crash at commit ${commits}`);
    this.#life.crashAfter(commits, this.#random.below(2) === 0);
  }
}

const describePod = (pod: Shared<Pod>) =>
  `pod ${pod.metadata.name} on ${pod.spec.nodeName ?? 'no node'}: ${isGoing(pod) ? 'going, ' : ''}${JSON.stringify(pod.status)}`;
