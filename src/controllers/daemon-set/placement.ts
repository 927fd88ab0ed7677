/** Which nodes should have a daemon pod, and what the pod of a node looks like. Pure functions. */
import { DaemonSet } from '../../api/apps/daemon-set.ts';
import type { Node } from '../../api/core/node.ts';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import type { Affinity, PodSpec, Toleration } from '../../api/types/core-v1.ts';
import type { Draft } from '../../client/client.ts';
import { revisionHashLabel } from '../controller-revisions.ts';
import { wantsNode } from '../node-affinity.ts';
import { podFromTemplate, podNamePrefix } from '../pods/control.ts';
import { untolerated } from '../taints.ts';

export interface Verdict {
  /** A pod is to be made when there is none. */
  readonly shouldRun: boolean;
  /** A pod that is there may stay. */
  readonly mayStay: boolean;
}

const no: Verdict = { shouldRun: false, mayStay: false };

/** Daemon pods stay on nodes in trouble: these taints are tolerated without being asked for. */
function defaultTolerations(spec: Shared<PodSpec>): Toleration[] {
  const noSchedule = ['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'];
  if (spec.hostNetwork) noSchedule.push('network-unavailable');
  return [
    ...['not-ready', 'unreachable'].map((name) => toleration(name, 'NoExecute')),
    ...noSchedule.map((name) => toleration(name, 'NoSchedule')),
  ];
}

const toleration = (name: string, effect: string): Toleration => ({
  key: `node.kubernetes.io/${name}`,
  operator: 'Exists',
  effect,
});

/** Whether a node should have a pod of the set. */
export function verdictOn(set: Shared<DaemonSet>, node: Shared<Node>): Verdict {
  const { spec } = set.spec.template;
  if (spec.nodeName && spec.nodeName !== node.metadata.name) return no;
  if (!wantsNode(spec, node)) return no;
  const tolerations = [...(spec.tolerations ?? []), ...defaultTolerations(spec)];
  if (!untolerated(node.spec.taints, tolerations, ['NoSchedule', 'NoExecute']))
    return { shouldRun: true, mayStay: true };
  return { shouldRun: false, mayStay: !untolerated(node.spec.taints, tolerations, ['NoExecute']) };
}

/** The node that a daemon pod is for: where it is, or where its affinity sends it. */
export function nodeOf(pod: Shared<Pod>): string | undefined {
  if (pod.spec.nodeName) return pod.spec.nodeName;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const term of required?.nodeSelectorTerms ?? []) {
    for (const field of term.matchFields ?? []) {
      if (field.key === 'metadata.name' && field.operator === 'In' && field.values?.length === 1)
        return field.values[0];
    }
  }
  return undefined;
}

/** The pod of a node: bound to it by affinity, so that the scheduler still decides when. */
export function podForNode(set: Shared<DaemonSet>, node: string, hash: string): Draft<Pod> {
  const draft = podFromTemplate(set.spec.template, set, DaemonSet);
  const own = set.spec.template.spec;
  draft.metadata!.generateName = podNamePrefix(set.metadata.name);
  draft.metadata!.labels = { ...draft.metadata!.labels, [revisionHashLabel]: hash };
  const generation = set.metadata.annotations?.['deprecated.daemonset.template.generation'];
  if (generation) draft.metadata!.labels['pod-template-generation'] = generation;
  const tolerations = [...((own.tolerations as Toleration[] | undefined) ?? [])];
  for (const wanted of defaultTolerations(own)) {
    const same = (one: Toleration) =>
      one.key === wanted.key && one.effect === wanted.effect && one.operator === 'Exists';
    if (!tolerations.some(same)) tolerations.push(wanted);
  }
  draft.spec = { ...draft.spec, affinity: pinned(own.affinity as Affinity | undefined, node), tolerations };
  return draft;
}

function pinned(affinity: Affinity | undefined, node: string): Affinity {
  const required = {
    nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
  };
  return {
    ...affinity,
    nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required },
  };
}
