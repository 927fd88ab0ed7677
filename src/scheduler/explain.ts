/** Why a pod has no node: every filter asked about every node, and what would have to change for it to fit. */
import { Node } from '../api/core/node.ts';
import { Pod } from '../api/core/pod.ts';
import type { Shared } from '../api/kind.ts';
import type { Clock } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { createInformerSet } from '../client/informer-set.ts';
import { SchedulerCache } from './cache.ts';
import { watchDevices } from './devices/devices.ts';
import { type ActivePlugin, type CycleState, createFramework, type Verdict } from './framework.ts';
import { type NodeInfo, podInfo } from './node-info.ts';
import { Nominator } from './nominator.ts';
import { builtinSchedulerPlugins } from './plugins.gen.ts';
import { formatResource } from './resources.ts';
import { firstUntolerated } from './tolerations.ts';

/** What one plugin has against one node. */
export interface Objection {
  readonly plugin: string;
  /** In upstream's words. */
  readonly reasons: readonly string[];
  /** What would have to change. */
  readonly remedies: readonly string[];
}

export interface NodeExplanation {
  readonly node: string;
  /** None: the pod fits. */
  readonly objections: readonly Objection[];
}

export interface PlacementExplanation {
  /** What speaks against the pod whatever the node. */
  readonly everywhere: readonly Objection[];
  readonly nodes: readonly NodeExplanation[];
}

export interface ExplainEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Logger;
}

/** Asks the default profile's filters about a pod, with the cluster as it is now. */
export async function explainPlacement(
  client: Client,
  pod: Shared<Pod>,
  { clock, random, log = silentLogger }: ExplainEnvironment,
): Promise<PlacementExplanation> {
  const informers = createInformerSet(client, { clock, log, random });
  const devices = watchDevices(informers);
  try {
    const cache = new SchedulerCache();
    const framework = createFramework({ schedulerName: 'default-scheduler' }, builtinSchedulerPlugins, {
      client,
      informers,
      lister: (kind) => informers.informer(kind),
      cache,
      nominator: new Nominator(() => {}),
      devices,
      events: { event() {} },
      clock,
      random,
      log,
      metrics: new MetricsRegistry(),
    });
    const [nodes, pods] = [informers.informer(Node), informers.informer(Pod)];
    await informers.whenSynced();
    for (const node of nodes.list()) cache.setNode(node);
    for (const other of pods.list())
      if (other.spec.nodeName && other.status.phase !== 'Succeeded' && other.status.phase !== 'Failed')
        cache.setPod(other);

    const everywhere: Objection[] = [];
    for (const { running } of framework.preEnqueue) {
      const verdict = running.preEnqueue!(pod);
      if (verdict) everywhere.push({ ...verdict, remedies: remediesBefore[verdict.plugin] ?? [] });
    }
    const state: CycleState = new Map();
    const skipped = new Set<string>();
    for (const { definition, running } of framework.preFilter) {
      const result = running.preFilter!(state, pod);
      if (!result || !('code' in result)) continue;
      skipped.add(definition.name);
      if (result.code !== 'Skip' && !everywhere.some(({ plugin }) => plugin === result.plugin))
        everywhere.push(objectionOf(result, pod, undefined));
    }
    state.set('skipped', skipped);
    return {
      everywhere,
      nodes: cache.nodes().map((node) => ({
        node: node.name,
        objections: framework.filter
          .filter(({ definition }) => !skipped.has(definition.name))
          .flatMap((plugin) => {
            const verdict = ask(plugin, state, pod, node);
            return verdict ? [objectionOf(verdict, pod, node)] : [];
          }),
      })),
    };
  } finally {
    devices.stop();
    informers.stop();
  }
}

/** A filter's verdict; one that meets an error cannot place the pod there either. */
function ask({ definition, running }: ActivePlugin, state: CycleState, pod: Shared<Pod>, node: NodeInfo) {
  try {
    return running.filter!(state, pod, node);
  } catch (error) {
    return { code: 'Error', plugin: definition.name, reasons: [(error as Error).message] } satisfies Verdict;
  }
}

function objectionOf(verdict: Verdict, pod: Shared<Pod>, node: NodeInfo | undefined): Objection {
  return { plugin: verdict.plugin, reasons: verdict.reasons, remedies: remediesOf(verdict, pod, node) };
}

type Remedy = (pod: Shared<Pod>, node: NodeInfo) => string[];

/** What helps a pod that is not even queued. */
const remediesBefore: Readonly<Record<string, readonly string[]>> = {
  SchedulingGates: ['remove the gates from spec.schedulingGates'],
  DynamicResources: ['create the claims or claim templates that spec.resourceClaims names'],
};

const hardEffects = ['NoSchedule', 'NoExecute'];

const remedies: Readonly<Record<string, Remedy>> = {
  NodeResourcesFit(pod, node) {
    const out: string[] = [];
    if (node.pods.size + 1 > node.allowedPods)
      out.push(`remove one of its ${node.pods.size} pods (${node.allowedPods} are allowed)`);
    for (const [resource, wanted] of podInfo(pod).requests) {
      const allocatable = node.allocatable.get(resource) ?? 0;
      const free = allocatable - (node.requested.get(resource) ?? 0);
      if (wanted <= 0 || wanted <= free) continue;
      const show = (value: number) => formatResource(resource, value);
      out.push(
        wanted > allocatable
          ? `request at most ${show(allocatable)} ${resource}, all that the node has (the pod wants ${show(wanted)})`
          : `free ${show(wanted - free)} more ${resource} (${show(Math.max(0, free))} of ${show(allocatable)} are free, the pod wants ${show(wanted)})`,
      );
    }
    return out;
  },
  TaintToleration(pod, node) {
    const taints = (node.node.spec.taints ?? []).filter((taint) =>
      firstUntolerated([taint], pod.spec.tolerations, hardEffects),
    );
    return taints.map(
      ({ key, value, effect }) =>
        `tolerate the taint ${key}${value ? `=${value}` : ''}:${effect}, or take it from the node`,
    );
  },
  NodeUnschedulable: (_pod, node) => [`kubectl uncordon ${node.name}`],
  NodeName: (pod) => [`the pod asks for the node ${pod.spec.nodeName ?? ''}`],
  NodeAffinity(pod, node) {
    const labels = node.node.metadata.labels ?? {};
    const missing = Object.entries(pod.spec.nodeSelector ?? {}).filter(([key, value]) => labels[key] !== value);
    return missing.length
      ? missing.map(
          ([key, value]) =>
            `label the node ${key}=${value}${labels[key] === undefined ? '' : ` (it is ${labels[key]})`}`,
        )
      : ["change the pod's required node affinity, or the node's labels"];
  },
  NodePorts: (pod) => [
    `free the host port ${podInfo(pod)
      .hostPorts.map((p) => `${p.port}/${p.protocol}`)
      .join(' or ')} on the node`,
  ],
  PodTopologySpread: () => ['even out the matching pods over the topology domains, or raise maxSkew'],
  InterPodAffinity: () => ["change the pods' labels or their affinity terms"],
  VolumeBinding: () => ['bind or create the volumes of its claims where the node can reach them'],
  VolumeZone: () => ["run it on a node in the volumes' zone"],
  VolumeRestrictions: () => ['end the pod that uses the ReadWriteOncePod claim'],
  DynamicResources: () => [
    'publish devices that its claims select on the node, or free those that others hold (kubectl get resourceclaims -A)',
  ],
  NodeDeclaredFeatures: () => ['run it on a node whose kubelet has the feature (status.declaredFeatures)'],
  NodeVolumeLimits: () => ['move a pod with volumes of this driver to another node'],
};

function remediesOf(verdict: Verdict, pod: Shared<Pod>, node: NodeInfo | undefined): string[] {
  return node ? (remedies[verdict.plugin]?.(pod, node) ?? []) : [];
}
