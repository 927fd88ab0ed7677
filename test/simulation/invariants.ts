/** What must be true of a cluster: at every moment, and once nothing more is to happen. */

import { DaemonSet } from '../../src/api/apps/daemon-set.ts';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import { StatefulSet } from '../../src/api/apps/stateful-set.ts';
import { CronJob } from '../../src/api/batch/cron-job.ts';
import { Job } from '../../src/api/batch/job.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ResourceQuota } from '../../src/api/core/resource-quota.ts';
import { Service } from '../../src/api/core/service.ts';
import type { KindRef, KubeObject, Shared } from '../../src/api/kind.ts';
import { scaledValue } from '../../src/api/machinery/int-or-string.ts';
import { Quantity } from '../../src/api/machinery/quantity.ts';
import { labelSelectorMatcher } from '../../src/api/machinery/selectors.ts';
import type { Client } from '../../src/client/client.ts';

export const namespace = 'sim';

export interface World {
  readonly pods: readonly Shared<Pod>[];
  readonly nodes: readonly Shared<Node>[];
  readonly deployments: readonly Shared<Deployment>[];
  readonly replicaSets: readonly Shared<ReplicaSet>[];
  readonly statefulSets: readonly Shared<StatefulSet>[];
  readonly daemonSets: readonly Shared<DaemonSet>[];
  readonly jobs: readonly Shared<Job>[];
  readonly cronJobs: readonly Shared<CronJob>[];
  readonly services: readonly Shared<Service>[];
  readonly quotas: readonly Shared<ResourceQuota>[];
}

export async function look(client: Client): Promise<World> {
  const items = async <T extends KubeObject>(kind: KindRef<T>) => (await client.list(kind, { namespace })).items;
  return {
    pods: await items(Pod),
    nodes: (await client.list(Node)).items,
    deployments: await items(Deployment),
    replicaSets: await items(ReplicaSet),
    statefulSets: await items(StatefulSet),
    daemonSets: await items(DaemonSet),
    jobs: await items(Job),
    cronJobs: await items(CronJob),
    services: await items(Service),
    quotas: await items(ResourceQuota),
  };
}

export const isOver = (pod: Shared<Pod>): boolean => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
export const isGoing = (pod: Shared<Pod>): boolean => pod.metadata.deletionTimestamp !== undefined;
export const isReady = (pod: Shared<Pod>): boolean =>
  pod.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
const controllerOf = (object: Shared<KubeObject>) => object.metadata.ownerReferences?.find((o) => o.controller);
const nameOf = (object: Shared<KubeObject>) => `${object.kind} ${object.metadata.name}`;

/** The pods of a deployment through its replica sets. */
export function podsOf(world: World, deployment: Shared<Deployment>): readonly Shared<Pod>[] {
  const sets = new Set(
    world.replicaSets
      .filter((set) => controllerOf(set)?.uid === deployment.metadata.uid)
      .map((set) => set.metadata.uid),
  );
  return world.pods.filter((pod) => sets.has(controllerOf(pod)?.uid ?? ''));
}

/** The most pods that a deployment was allowed since it last was as desired: it follows wishes with delay. */
export type Allowed = Map<string, number>;

export function surgeOf(deployment: Shared<Deployment>): number {
  const replicas = deployment.spec.replicas ?? 1;
  if (deployment.spec.strategy?.type === 'Recreate') return replicas;
  return (
    replicas + scaledValue(deployment.spec.strategy?.rollingUpdate?.maxSurge ?? '25%', replicas, { roundUp: true })
  );
}

/** Broken rules of a moment. */
export function violationsNow(world: World, allowed: Allowed, lostPods: ReadonlyMap<string, number>): string[] {
  const found: string[] = [];
  const duplicates = (what: string, values: readonly (string | number | undefined)[]) => {
    const seen = new Set<string | number>();
    for (const value of values) {
      if (value === undefined || value === 'None' || value === '') continue;
      if (seen.has(value)) found.push(`${what} ${value} is given twice`);
      seen.add(value);
    }
  };
  const living = world.pods.filter((pod) => !isOver(pod));
  duplicates(
    'pod address',
    living.map((pod) => pod.status.podIP),
  );
  duplicates(
    'service address',
    world.services.map((service) => service.spec.clusterIP),
  );
  duplicates(
    'node port',
    world.services.flatMap((s) => (s.spec.ports ?? []).map((p) => p.nodePort)),
  );

  for (const node of world.nodes) {
    const there = living.filter((pod) => pod.spec.nodeName === node.metadata.name);
    const cpu = there.reduce((sum, pod) => sum + milliCpu(pod), 0);
    const allocatable = Number(Quantity.parse(node.status.allocatable?.['cpu'] ?? '0').milliValue());
    if (cpu > allocatable) found.push(`node ${node.metadata.name} has ${cpu}m of ${allocatable}m cpu given away`);
  }
  for (const deployment of world.deployments) {
    const pods = podsOf(world, deployment).filter((pod) => !isGoing(pod) && !isOver(pod));
    const lost = world.replicaSets
      .filter((set) => controllerOf(set)?.uid === deployment.metadata.uid)
      .reduce((sum, set) => sum + (lostPods.get(set.metadata.uid) ?? 0), 0);
    const most = Math.max(allowed.get(deployment.metadata.uid) ?? 0, surgeOf(deployment)) + lost;
    if (pods.length > most)
      found.push(`deployment ${deployment.metadata.name} has ${pods.length} pods, at most ${most} are allowed`);
  }
  for (const set of world.statefulSets) {
    const mine = world.pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
    duplicates(
      `ordinal of ${set.metadata.name}`,
      mine.map((pod) => pod.metadata.labels?.['apps.kubernetes.io/pod-index']),
    );
  }
  for (const job of world.jobs) {
    const active = world.pods.filter(
      (pod) => controllerOf(pod)?.uid === job.metadata.uid && !isOver(pod) && !isGoing(pod),
    ).length;
    const lost = lostPods.get(job.metadata.uid) ?? 0;
    const parallelism = (job.spec.parallelism ?? 1) + lost;
    if (active > parallelism)
      found.push(`job ${job.metadata.name} has ${active} pods at once, ${parallelism} are wanted`);
    const completions = job.spec.completions ?? 1;
    if ((job.status.succeeded ?? 0) > completions + lost)
      found.push(`job ${job.metadata.name} counts ${job.status.succeeded} of ${completions} completions`);
  }
  for (const quota of world.quotas) {
    const hard = Number(quota.spec.hard?.['pods'] ?? Number.POSITIVE_INFINITY);
    if (living.length > hard) found.push(`quota ${quota.metadata.name}: ${living.length} pods, ${hard} are allowed`);
  }
  return found;
}

/** Broken rules of a cluster that has had time to come to rest, with all nodes well. */
export function violationsWhenQuiet(world: World): string[] {
  const found: string[] = [];
  const uids = new Set<string>();
  const all: Shared<KubeObject>[] = [
    ...world.pods,
    ...world.replicaSets,
    ...world.deployments,
    ...world.statefulSets,
    ...world.daemonSets,
    ...world.jobs,
    ...world.cronJobs,
  ] as Shared<KubeObject>[];
  for (const object of all) uids.add(object.metadata.uid);
  for (const object of all) {
    const owner = controllerOf(object);
    if (owner && !uids.has(owner.uid)) found.push(`${nameOf(object)} outlives its owner ${owner.kind} ${owner.name}`);
    if (object.metadata.deletionTimestamp)
      found.push(`${nameOf(object)} does not go: ${object.metadata.finalizers?.join(', ') ?? 'no finalizer'}`);
  }
  // Work that does not fit on the nodes waits for room, and others for it: then only numbers can be held against it.
  const crowded = world.pods.some((pod) => !isOver(pod) && waitsForRoom(pod));
  for (const deployment of world.deployments) {
    const wanted = deployment.spec.replicas ?? 1;
    const pods = podsOf(world, deployment).filter((pod) => !isGoing(pod) && !isOver(pod));
    if (crowded) continue;
    const ready = pods.filter(isReady).length;
    if (pods.length !== wanted || ready !== wanted)
      found.push(`deployment ${deployment.metadata.name} has ${pods.length} pods, ${ready} ready, of ${wanted}`);
    if ((deployment.status.readyReplicas ?? 0) !== wanted)
      found.push(`deployment ${deployment.metadata.name} reports ${deployment.status.readyReplicas ?? 0} of ${wanted}`);
    const image = deployment.spec.template.spec.containers[0]?.image;
    if (pods.some((pod) => pod.spec.containers[0]?.image !== image))
      found.push(`deployment ${deployment.metadata.name} still has pods of an older template`);
  }
  for (const set of world.statefulSets) {
    const wanted = set.spec.replicas ?? 1;
    const pods = world.pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
    if (crowded) continue;
    if (pods.length !== wanted || pods.filter(isReady).length !== wanted)
      found.push(`stateful set ${set.metadata.name} has ${pods.length} pods of ${wanted}`);
  }
  for (const set of world.daemonSets) {
    const pods = world.pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid && isReady(pod));
    if (crowded) continue;
    const nodes = new Set(pods.map((pod) => pod.spec.nodeName));
    if (nodes.size !== world.nodes.length || pods.length !== world.nodes.length)
      found.push(`daemon set ${set.metadata.name} is ready on ${nodes.size} of ${world.nodes.length} nodes`);
  }
  for (const job of world.jobs) {
    const done = job.status.conditions?.some(
      (c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True',
    );
    if (!done && crowded) continue;
    if (!done) {
      found.push(`job ${job.metadata.name} does not end`);
      continue;
    }
    const complete = job.status.conditions?.some((c) => c.type === 'Complete' && c.status === 'True');
    const completions = job.spec.completions ?? 1;
    if (complete && (job.status.succeeded ?? 0) < completions)
      found.push(`job ${job.metadata.name} is complete with ${job.status.succeeded} of ${completions}`);
  }
  return found;
}

const waitsForRoom = (pod: Shared<Pod>) =>
  pod.status.conditions?.some(
    (c) => c.type === 'PodScheduled' && c.status === 'False' && c.message?.includes('Insufficient'),
  ) ?? false;

function milliCpu(pod: Shared<Pod>): number {
  return pod.spec.containers.reduce(
    (sum, c) => sum + Number(Quantity.parse(c.resources?.requests?.['cpu'] ?? '0').milliValue()),
    0,
  );
}

/** Whether an eviction that was granted broke a budget: `before` and `after` are the pods around it. */
export function budgetBroken(
  selector: Parameters<typeof labelSelectorMatcher>[0],
  minAvailable: number,
  { pods, evicted }: { pods: readonly Shared<Pod>[]; evicted: string },
): string | undefined {
  const matcher = labelSelectorMatcher(selector);
  const healthy = pods.filter(
    (pod) =>
      pod.metadata.name !== evicted && !isGoing(pod) && isReady(pod) && matcher.matches(pod.metadata.labels ?? {}),
  ).length;
  return healthy < minAvailable
    ? `evicting ${evicted} left ${healthy} healthy pods, the budget wants ${minAvailable}`
    : undefined;
}
