/** Random work on a cluster: what its users do. */
import { DaemonSet } from '../../src/api/apps/daemon-set.ts';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { StatefulSet } from '../../src/api/apps/stateful-set.ts';
import { CronJob } from '../../src/api/batch/cron-job.ts';
import { Job } from '../../src/api/batch/job.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Service } from '../../src/api/core/service.ts';
import type { KindRef, KubeObject, Shared } from '../../src/api/kind.ts';
import { PodDisruptionBudget } from '../../src/api/policy/pod-disruption-budget.ts';
import type { Random } from '../../src/base/random.ts';
import type { Client } from '../../src/client/client.ts';
import { budgetBroken } from './invariants.ts';
import { isGoing, isOver, isReady, namespace, surgeOf } from './world.ts';

/** What users' deeds mean for what may be asked of the cluster. */
export interface Promises {
  /** By deployment UID: the most pods it may have until it is as desired again. */
  readonly allowed: Map<string, number>;
  /** Deployments that nothing but a rollout has touched since they were whole. */
  readonly calm: Set<string>;
  /** Config maps that our finalizer keeps. */
  readonly held: Set<string>;
}

export type Act = readonly [weight: number, act: () => Promise<void>];

export interface WorkloadOptions {
  client(): Client;
  readonly random: Random;
  readonly promises: Promises;
  note(text: string): void;
  broken(violation: string): void;
  /** How long ago an app lost a healthy pod. */
  lostAgoMs(app: string): number;
}

/** A budget's status follows its pods; with stale caches and a change of the lead it takes so long. */
const budgetDelayMs = 60_000;
const holdFinalizer = 'sim.timonel.dev/hold';

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #random: Random;
  #serial = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#random = options.random;
  }

  acts(): readonly Act[] {
    return [
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
      [3, () => this.#addBudget()],
      [4, () => this.#hold()],
      [1, () => this.release()],
    ];
  }

  /** Takes our finalizer from everything that has it. */
  async release(): Promise<void> {
    for (const { metadata } of (await this.#client.list(ConfigMap, { namespace })).items) {
      if (!metadata.finalizers?.includes(holdFinalizer)) continue;
      this.#options.note(`release ${metadata.name}`);
      this.#options.promises.held.delete(metadata.name);
      await this.#client.patch(ConfigMap, metadata, { metadata: { finalizers: null } }, { type: 'merge' });
    }
  }

  get #client(): Client {
    return this.#options.client();
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
    const client = this.#client;
    if ((await client.list(Deployment, { namespace })).items.length >= 4) return;
    const name = `web-${this.#serial++}`;
    const recreate = this.#random.below(5) === 0;
    const rollingUpdate = { maxSurge: 1 + this.#random.below(2), maxUnavailable: this.#random.below(2) };
    const replicas = this.#random.below(6);
    this.#options.note(`create deployment ${name} of ${replicas}`);
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
    const client = this.#client;
    const deployment = this.#oneOf((await client.list(Deployment, { namespace })).items);
    if (!deployment) return;
    const { uid, name } = deployment.metadata;
    const { allowed, calm } = this.#options.promises;
    allowed.set(uid, Math.max(allowed.get(uid) ?? 0, surgeOf(deployment)));
    if (this.#random.below(2)) {
      const replicas = this.#random.below(7);
      calm.delete(uid);
      this.#options.note(`scale ${name} to ${replicas}`);
      await client.patch(Deployment, deployment.metadata, { spec: { replicas } }, { type: 'merge' });
    } else {
      const image = `v${this.#serial++}`;
      this.#options.note(`roll ${name} to ${image}`);
      await client.patch(
        Deployment,
        deployment.metadata,
        { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } },
        { type: 'strategic' },
      );
    }
  }

  /** A deployment with a budget, for evictions to be held against. */
  async #addBudget(): Promise<void> {
    const client = this.#client;
    const deployment = this.#oneOf((await client.list(Deployment, { namespace })).items);
    if (!deployment) return;
    const minAvailable = Math.max(1, (deployment.spec.replicas ?? 1) - this.#random.below(2));
    this.#options.note(`budget of ${minAvailable} for ${deployment.metadata.name}`);
    await client.create(PodDisruptionBudget, {
      metadata: { name: deployment.metadata.name, namespace },
      spec: { minAvailable, selector: { matchLabels: { app: deployment.metadata.name } } },
    });
  }

  async #statefulSet(): Promise<void> {
    const client = this.#client;
    const sets = (await client.list(StatefulSet, { namespace })).items;
    const known = this.#oneOf(sets);
    if (known && (sets.length > 1 || this.#random.below(2))) {
      const replicas = this.#random.below(4);
      this.#options.note(`scale stateful set ${known.metadata.name} to ${replicas}`);
      await client.patch(StatefulSet, known.metadata, { spec: { replicas } }, { type: 'merge' });
      return;
    }
    const name = `db-${this.#serial++}`;
    this.#options.note(`create stateful set ${name}`);
    const template = this.#template(name);
    // No two pods with a port of the node fit on one.
    const ports = this.#random.below(2) ? [{ containerPort: 80, hostPort: 7000 }] : [];
    const containers = template.spec.containers.map((c) => ({ ...c, ports }));
    await client.create(StatefulSet, {
      metadata: { name, namespace },
      spec: {
        replicas: this.#random.below(4),
        serviceName: name,
        podManagementPolicy: this.#random.below(2) ? 'Parallel' : 'OrderedReady',
        selector: { matchLabels: { app: name } },
        template: { ...template, spec: { ...template.spec, containers } },
      },
    });
  }

  async #job(): Promise<void> {
    const name = `job-${this.#serial++}`;
    const indexed = this.#random.below(2) === 0;
    const completions = 1 + this.#random.below(4);
    const fails = this.#random.below(6) === 0;
    const template = this.#template(name, 'v1', {
      'sim.timonel.dev/run-duration': `${1 + this.#random.below(20)}s`,
      ...(fails ? { 'sim.timonel.dev/exit-code': '1' } : {}),
    });
    this.#options.note(`create job ${name} of ${completions}`);
    await this.#client.create(Job, {
      metadata: { name, namespace },
      spec: {
        completions,
        parallelism: 1 + this.#random.below(3),
        completionMode: indexed ? 'Indexed' : 'NonIndexed',
        ...(this.#random.below(3) ? {} : { ttlSecondsAfterFinished: 60 }),
        template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } },
      },
    });
  }

  /** Something that depends on a deployment, and that a finalizer keeps until it is released. */
  async #hold(): Promise<void> {
    const deployment = this.#oneOf((await this.#client.list(Deployment, { namespace })).items);
    if (!deployment) return;
    const name = `held-${this.#serial++}`;
    this.#options.note(`create config map ${name} of ${deployment.metadata.name}`);
    const { uid } = deployment.metadata;
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment.metadata.name, uid };
    await this.#client.create(ConfigMap, {
      metadata: {
        name,
        namespace,
        finalizers: [holdFinalizer],
        ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
      },
    });
    this.#options.promises.held.add(name);
  }

  async #daemonSet(): Promise<void> {
    if ((await this.#client.list(DaemonSet, { namespace })).items.length) return;
    const name = `agent-${this.#serial++}`;
    this.#options.note(`create daemon set ${name}`);
    const template = this.#template(name);
    const containers = template.spec.containers.map((c) => ({ ...c, ports: [{ containerPort: 80, hostPort: 9100 }] }));
    await this.#client.create(DaemonSet, {
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: { app: name } },
        template: { ...template, spec: { ...template.spec, containers } },
      },
    });
  }

  async #cronJob(): Promise<void> {
    if ((await this.#client.list(CronJob, { namespace })).items.length) return;
    const name = `cron-${this.#serial++}`;
    const template = this.#template(name);
    this.#options.note(`create cron job ${name}`);
    await this.#client.create(CronJob, {
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
    this.#options.note(`create service ${name}`);
    await this.#client.create(Service, {
      metadata: { name, namespace },
      spec: { type, selector: { app: 'web-0' }, ports: [{ port: 80 }] },
    });
  }

  async #somePod(suits: (pod: Shared<Pod>) => boolean = () => true) {
    const { items } = await this.#client.list(Pod, { namespace });
    return this.#oneOf(items.filter((pod) => !isGoing(pod) && suits(pod)));
  }

  async #deletePod(): Promise<void> {
    const pod = await this.#somePod();
    if (!pod) return;
    this.#options.promises.calm.clear();
    this.#options.note(`delete pod ${pod.metadata.name}`);
    await this.#client.delete(Pod, pod.metadata, { gracePeriodSeconds: this.#random.below(10) });
  }

  async #evict(): Promise<void> {
    const client = this.#client;
    const budgets = (await client.list(PodDisruptionBudget, { namespace })).items;
    const budgetOf = (pod: Shared<Pod>) =>
      budgets.find(({ metadata }) => metadata.name === pod.metadata.labels?.['app']);
    // Mostly pods that a budget protects.
    const pod = await this.#somePod(
      this.#random.below(4) ? (candidate) => budgetOf(candidate) !== undefined : undefined,
    );
    if (!pod) return;
    const app = pod.metadata.labels?.['app'] ?? '';
    const budget = budgetOf(pod);
    const isKnown = this.#options.lostAgoMs(app) > budgetDelayMs;
    this.#options.note(`evict ${pod.metadata.name}`);
    this.#options.promises.calm.clear();
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
    if (!budget || !isKnown || isOver(pod) || !isReady(pod)) return;
    const pods = (await client.list(Pod, { namespace })).items;
    const broken = budgetBroken(budget.spec.selector, Number(budget.spec.minAvailable), {
      pods,
      evicted: pod.metadata.name,
    });
    if (broken) this.#options.broken(broken);
  }

  async #remove(): Promise<void> {
    const client = this.#client;
    const kinds = [Deployment, StatefulSet, Job, CronJob, DaemonSet, Service] as const;
    const kind = kinds[this.#random.below(kinds.length)]!;
    const object = this.#oneOf((await client.list<KubeObject>(kind as KindRef, { namespace })).items);
    if (!object) return;
    const propagationPolicy = this.#random.below(2) ? 'Foreground' : 'Background';
    this.#options.note(`delete ${object.kind} ${object.metadata.name} (${propagationPolicy})`);
    await client.delete(kind as KindRef, { namespace, name: object.metadata.name }, { propagationPolicy });
  }
}
