/** What must be true of a cluster: at every moment, and once nothing more is to happen. */
import type { Job } from '../../src/api/batch/job.ts';
import type { Node } from '../../src/api/core/node.ts';
import type { Pod } from '../../src/api/core/pod.ts';
import type { KubeObject, Shared } from '../../src/api/kind.ts';
import { Quantity } from '../../src/api/machinery/quantity.ts';
import { labelSelectorMatcher } from '../../src/api/machinery/selectors.ts';
import { parseTime } from '../../src/base/clock.ts';
import { controllerOf, isGoing, isOver, isReady, nameOf, podsOf, surgeOf, type World } from './world.ts';

/** What the world does not tell by itself. */
export interface Knowledge {
  readonly now: number;
  /** How far the clocks of processes and nodes are from the server's at most. */
  readonly maxSkewMs: number;
  /** By deployment: the most pods that it was allowed since it last was as desired. It follows wishes with delay. */
  readonly allowed: ReadonlyMap<string, number>;
  /** By owner: pods that it does not know to have made. */
  readonly lostPods: ReadonlyMap<string, number>;
  /** Nodes that are silent, or were a while ago. */
  readonly shaky: ReadonlySet<string>;
  /** Config maps with a finalizer of ours: they stay until it is taken away. */
  readonly held: ReadonlySet<string>;
  /** How many pods of a job ended well, by what was written. */
  succeeded(job: string): number;
}

/** Broken rules of a moment. */
export function violationsNow(world: World, known: Knowledge): string[] {
  return [
    ...addressesTwice(world),
    ...nodesOverfull(world),
    ...world.deployments.flatMap((deployment) => tooManyPods(world, deployment, known)),
    ...world.statefulSets.flatMap((set) => ordinalsTwice(world, set)),
    ...world.jobs.flatMap((job) => jobCountsNow(world, job, known)),
    ...world.cronJobs.flatMap((cronJob) => forbiddenOverlap(world, cronJob)),
    ...quotasExceeded(world),
    ...nodesGivenUp(world, known),
    ...finalizersSkipped(world, known),
  ];
}

/** Broken rules of a cluster that has had time to come to rest, with all nodes well. */
export function violationsWhenQuiet(world: World, known: Knowledge): string[] {
  const found = [...orphans(world), ...world.jobs.flatMap((job) => jobCountsAtRest(world, job, known))];
  // Work that does not fit on the nodes or into the quota waits for room, and others for it: then no more can be asked.
  if (quotaIsUsedUp(world) || world.pods.some((pod) => !isOver(pod) && waitsForRoom(pod))) return found;
  return [
    ...found,
    ...world.deployments.flatMap((deployment) => deploymentAtRest(world, deployment)),
    ...world.statefulSets.flatMap((set) => statefulSetAtRest(world, set)),
    ...world.daemonSets.flatMap((set) => daemonSetAtRest(world, set)),
    ...world.jobs.flatMap((job) => doesNotEnd(job, known)),
    ...world.cronJobs.flatMap((cronJob) => scheduleMissed(cronJob, known)),
    ...world.services.flatMap((service) => endpointsAtRest(world, service)),
  ];
}

function twice(what: string, values: readonly (string | number | undefined)[]): string[] {
  const seen = new Set<string | number>();
  const found: string[] = [];
  for (const value of values) {
    if (value === undefined || value === 'None' || value === '') continue;
    if (seen.has(value)) found.push(`${what} ${value} is given twice`);
    seen.add(value);
  }
  return found;
}

const living = (world: World) => world.pods.filter((pod) => !isOver(pod));

function addressesTwice(world: World): string[] {
  const pods = living(world);
  const hostPorts = (node: Shared<Node>) =>
    pods
      .filter((pod) => pod.spec.nodeName === node.metadata.name)
      .flatMap((pod) => pod.spec.containers.flatMap((c) => (c.ports ?? []).map((port) => port.hostPort)));
  return [
    ...twice(
      'pod address',
      pods.map((pod) => pod.status.podIP),
    ),
    ...twice(
      'service address',
      world.services.map((service) => service.spec.clusterIP),
    ),
    ...twice(
      'node port',
      world.services.flatMap((service) => (service.spec.ports ?? []).map((port) => port.nodePort)),
    ),
    ...world.nodes.flatMap((node) => twice(`host port of ${node.metadata.name}`, hostPorts(node))),
  ];
}

function nodesOverfull(world: World): string[] {
  const pods = living(world);
  return world.nodes.flatMap((node) => {
    const there = pods.filter((pod) => pod.spec.nodeName === node.metadata.name);
    const { name } = node.metadata;
    const allocatable = (resource: string) =>
      Number(Quantity.parse(node.status.allocatable?.[resource] ?? '0').milliValue());
    const cpu = there.reduce((sum, pod) => sum + milliCpu(pod), 0);
    return [
      ...(cpu > allocatable('cpu') ? [`node ${name} has ${cpu}m of ${allocatable('cpu')}m cpu given away`] : []),
      ...(there.length * 1000 > allocatable('pods') ? [`node ${name} has ${there.length} pods, too many`] : []),
    ];
  });
}

/** A set's pods beyond its size are on their way out; the ledger tells whether they were ever wanted. */
function tooManyPods(world: World, deployment: World['deployments'][number], known: Knowledge): string[] {
  const { uid, name } = deployment.metadata;
  const pods = podsOf(world, deployment).filter((pod) => !isGoing(pod) && !isOver(pod));
  const sets = world.replicaSets.filter((set) => controllerOf(set)?.uid === uid);
  const count = sets.reduce((sum, set) => {
    const mine = pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid).length;
    return sum + Math.min(mine, set.spec.replicas ?? 1);
  }, 0);
  const most = Math.max(known.allowed.get(uid) ?? 0, surgeOf(deployment));
  return count > most ? [`deployment ${name} has ${count} pods, at most ${most} are allowed`] : [];
}

function ordinalsTwice(world: World, set: World['statefulSets'][number]): string[] {
  const mine = world.pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
  return twice(
    `ordinal of ${set.metadata.name}`,
    mine.map((pod) => pod.metadata.labels?.['apps.kubernetes.io/pod-index']),
  );
}

function jobCountsNow(world: World, job: Shared<Job>, known: Knowledge): string[] {
  const { name, uid } = job.metadata;
  const active = world.pods.filter((pod) => controllerOf(pod)?.uid === uid && !isOver(pod) && !isGoing(pod)).length;
  const lost = known.lostPods.get(uid) ?? 0;
  const parallelism = (job.spec.parallelism ?? 1) + lost;
  const succeeded = job.status.succeeded ?? 0;
  const completions = job.spec.completions ?? 1;
  const ended = known.succeeded(uid);
  return [
    ...(active > parallelism ? [`job ${name} has ${active} pods at once, ${parallelism} are wanted`] : []),
    ...(succeeded > completions + lost ? [`job ${name} counts ${succeeded} of ${completions} completions`] : []),
    ...(succeeded > ended ? [`job ${name} counts ${succeeded} completions, ${ended} pods have succeeded`] : []),
  ];
}

function forbiddenOverlap(world: World, cronJob: World['cronJobs'][number]): string[] {
  if (cronJob.spec.concurrencyPolicy !== 'Forbid') return [];
  const running = world.jobs.filter((job) => controllerOf(job)?.uid === cronJob.metadata.uid && !endOf(job)).length;
  return running > 1 ? [`cron job ${cronJob.metadata.name} has ${running} jobs at once, which it forbids`] : [];
}

const hardPods = (quota: World['quotas'][number]) => Number(quota.spec.hard?.['pods'] ?? Number.POSITIVE_INFINITY);

const quotaIsUsedUp = (world: World) => world.quotas.some((quota) => living(world).length >= hardPods(quota));

function quotasExceeded(world: World): string[] {
  const count = living(world).length;
  return world.quotas.flatMap((quota) => {
    const hard = hardPods(quota);
    return count > hard ? [`quota ${quota.metadata.name}: ${count} pods, ${hard} are allowed`] : [];
  });
}

function nodesGivenUp(world: World, known: Knowledge): string[] {
  return world.nodes
    .filter((node) => !known.shaky.has(node.metadata.name))
    .filter((node) => node.spec.taints?.some((taint) => taint.effect === 'NoExecute'))
    .map((node) => `node ${node.metadata.name} is given up though it answers`);
}

function finalizersSkipped(world: World, known: Knowledge): string[] {
  const present = new Set(world.configMaps.map((map) => map.metadata.name));
  return [...known.held].filter((name) => !present.has(name)).map((name) => `config map ${name} went before its time`);
}

function orphans(world: World): string[] {
  const all = [
    ...world.pods,
    ...world.replicaSets,
    ...world.deployments,
    ...world.statefulSets,
    ...world.daemonSets,
    ...world.jobs,
    ...world.cronJobs,
    ...world.services,
    ...world.slices,
    ...world.revisions,
    ...world.configMaps,
  ] as Shared<KubeObject>[];
  const uids = new Set(all.map((object) => object.metadata.uid));
  return all.flatMap((object) => {
    const owner = controllerOf(object);
    return [
      ...(owner && !uids.has(owner.uid) ? [`${nameOf(object)} outlives its owner ${owner.kind} ${owner.name}`] : []),
      ...(object.metadata.deletionTimestamp
        ? [`${nameOf(object)} does not go: ${object.metadata.finalizers?.join(', ') ?? 'no finalizer'}`]
        : []),
    ];
  });
}

function deploymentAtRest(world: World, deployment: World['deployments'][number]): string[] {
  const { name } = deployment.metadata;
  const wanted = deployment.spec.replicas ?? 1;
  const pods = podsOf(world, deployment).filter((pod) => !isGoing(pod) && !isOver(pod));
  const ready = pods.filter(isReady).length;
  const reported = deployment.status.readyReplicas ?? 0;
  const image = deployment.spec.template.spec.containers[0]?.image;
  const stale = pods.some((pod) => pod.spec.containers[0]?.image !== image);
  return [
    ...(pods.length !== wanted || ready !== wanted
      ? [`deployment ${name} has ${pods.length} pods, ${ready} ready, of ${wanted}`]
      : []),
    ...(reported === wanted ? [] : [`deployment ${name} reports ${reported} of ${wanted}`]),
    ...(stale ? [`deployment ${name} still has pods of an older template`] : []),
  ];
}

function statefulSetAtRest(world: World, set: World['statefulSets'][number]): string[] {
  const wanted = set.spec.replicas ?? 1;
  const pods = world.pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
  return pods.length === wanted && pods.filter(isReady).length === wanted
    ? []
    : [`stateful set ${set.metadata.name} has ${pods.length} pods of ${wanted}`];
}

function daemonSetAtRest(world: World, set: World['daemonSets'][number]): string[] {
  const pods = world.pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid && isReady(pod));
  const nodes = new Set(pods.map((pod) => pod.spec.nodeName));
  return nodes.size === world.nodes.length && pods.length === world.nodes.length
    ? []
    : [`daemon set ${set.metadata.name} is ready on ${nodes.size} of ${world.nodes.length} nodes`];
}

const endOf = (job: Shared<Job>) =>
  job.status.conditions?.find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True');

/** Those of a cron job may have begun this moment. */
function doesNotEnd(job: Shared<Job>, { now }: Knowledge): string[] {
  const ageMs = now - parseTime(job.metadata.creationTimestamp);
  return endOf(job) || ageMs < 10 * 60_000 ? [] : [`job ${job.metadata.name} does not end`];
}

/** Every pod that ended well is counted, once; nothing of the counting is left; and what has a time to live goes. */
function jobCountsAtRest(world: World, job: Shared<Job>, known: Knowledge): string[] {
  const { name, uid } = job.metadata;
  const end = endOf(job);
  if (!end) return [];
  const succeeded = job.status.succeeded ?? 0;
  const completions = job.spec.completions ?? 1;
  const ended = known.succeeded(uid);
  const indexed = job.spec.completionMode === 'Indexed';
  const tracked = world.pods.filter((pod) => controllerOf(pod)?.uid === uid && pod.metadata.finalizers?.length).length;
  const uncounted = job.status.uncountedTerminatedPods ?? {};
  const ttl = job.spec.ttlSecondsAfterFinished;
  const endedAgo = known.now - parseTime(end.lastTransitionTime ?? '');
  const found: string[] = [];
  if (end.type === 'Complete' && (indexed ? succeeded !== completions : succeeded < completions))
    found.push(`job ${name} is complete with ${succeeded} of ${completions}`);
  if (!indexed && succeeded !== ended) found.push(`job ${name} counts ${succeeded} of ${ended} pods that succeeded`);
  if (tracked || uncounted.succeeded?.length || uncounted.failed?.length)
    found.push(`job ${name} has ended with ${tracked} pods still to be counted`);
  if (ttl !== undefined && endedAgo > ttl * 1000 + 3 * known.maxSkewMs)
    found.push(`job ${name} is still there ${endedAgo / 1000} s after its end, ${ttl} s are its time to live`);
  return found;
}

/** Five minutes between runs, one more until it is seen, and clocks that disagree. */
function scheduleMissed(cronJob: World['cronJobs'][number], known: Knowledge): string[] {
  const last = cronJob.status.lastScheduleTime ?? cronJob.metadata.creationTimestamp;
  const ago = known.now - parseTime(last);
  return ago > 6 * 60_000 + 2 * known.maxSkewMs
    ? [`cron job ${cronJob.metadata.name} last ran ${ago / 1000} s ago`]
    : [];
}

function endpointsAtRest(world: World, service: World['services'][number]): string[] {
  const { name, uid } = service.metadata;
  const slices = world.slices.filter((slice) => controllerOf(slice)?.uid === uid);
  const listed = slices
    .flatMap((slice) => slice.endpoints.filter((e) => e.conditions?.ready).map((e) => e.targetRef?.uid ?? ''))
    .sort();
  const matcher = labelSelectorMatcher({ matchLabels: service.spec.selector ?? {} });
  const ready = world.pods
    .filter((pod) => matcher.matches(pod.metadata.labels ?? {}) && isReady(pod) && !isGoing(pod))
    .map((pod) => pod.metadata.uid)
    .sort();
  return listed.join() === ready.join()
    ? []
    : [`service ${name} leads to ${listed.length} pods, ${ready.length} are ready`];
}

const waitsForRoom = (pod: Shared<Pod>) =>
  pod.status.conditions?.some(
    (c) => c.type === 'PodScheduled' && c.status === 'False' && /Insufficient|free ports/.test(c.message ?? ''),
  ) ?? false;

function milliCpu(pod: Shared<Pod>): number {
  return pod.spec.containers.reduce(
    (sum, c) => sum + Number(Quantity.parse(c.resources?.requests?.['cpu'] ?? '0').milliValue()),
    0,
  );
}

/** Whether an eviction that was granted broke a budget: `pods` are those after it. */
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
