/** The table of pods: the status text that kubectl users know. */
import { parseTime } from '../../base/clock.ts';
import type { DeepReadonly } from '../../base/deep.ts';
import type { Column } from '../kind.ts';
import { ageOf } from '../machinery/duration.ts';
import type { ContainerStateTerminated, ContainerStatus, Pod } from '../types/core-v1.ts';
import { ageColumn, nameColumn, textColumn } from './columns.ts';

type SharedPod = DeepReadonly<Pod>;

/** What the columns Ready, Status and Restarts say. */
export interface PodSummary {
  ready: number;
  total: number;
  status: string;
  restarts: number;
  /** When a container last ended before a restart. */
  lastRestart: string | undefined;
}

/** Condenses a pod's statuses as `kubectl get pods` shows them. */
export function summarizePod(pod: SharedPod): PodSummary {
  const { spec, status } = pod;
  const sidecars = new Set((spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const summary: PodSummary = {
    ready: 0,
    total: spec.containers.length + sidecars.size,
    status: status.reason || status.phase || '',
    restarts: 0,
    lastRestart: undefined,
  };
  const conditions = status.conditions ?? [];
  if (conditions.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated')) {
    summary.status = 'SchedulingGated';
  }
  const initializing = summarizeInitContainers(pod, sidecars, summary);
  if (!initializing || conditions.some((c) => c.type === 'Initialized' && c.status === 'True')) {
    summarizeContainers(pod, sidecars, summary);
  }
  if (pod.metadata.deletionTimestamp) {
    if (status.reason === 'NodeLost') summary.status = 'Unknown';
    else if (status.phase !== 'Failed' && status.phase !== 'Succeeded') summary.status = 'Terminating';
  }
  return summary;
}

function countRestarts(container: DeepReadonly<ContainerStatus>, summary: PodSummary): void {
  summary.restarts += container.restartCount;
  const finished = container.lastState.terminated?.finishedAt;
  if (finished && (!summary.lastRestart || parseTime(finished) > parseTime(summary.lastRestart))) {
    summary.lastRestart = finished;
  }
}

function terminatedText(terminated: DeepReadonly<ContainerStateTerminated>): string {
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

/** Returns whether an init container still runs or failed. */
function summarizeInitContainers(pod: SharedPod, sidecars: ReadonlySet<string>, summary: PodSummary): boolean {
  for (const [i, container] of (pod.status.initContainerStatuses ?? []).entries()) {
    countRestarts(container, summary);
    const { terminated, waiting } = container.state;
    if (terminated?.exitCode === 0) continue;
    if (sidecars.has(container.name) && container.started) {
      if (container.ready) summary.ready++;
      continue;
    }
    if (terminated) summary.status = `Init:${terminatedText(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') summary.status = `Init:${waiting.reason}`;
    else summary.status = `Init:${i}/${pod.spec.initContainers?.length ?? 0}`;
    return true;
  }
  return false;
}

function summarizeContainers(pod: SharedPod, sidecars: ReadonlySet<string>, summary: PodSummary): void {
  summary.restarts = 0;
  summary.lastRestart = undefined;
  for (const container of pod.status.initContainerStatuses ?? []) {
    if (sidecars.has(container.name)) countRestarts(container, summary);
  }
  let running = false;
  for (const container of (pod.status.containerStatuses ?? []).toReversed()) {
    countRestarts(container, summary);
    const { state } = container;
    if (state.waiting?.reason) summary.status = state.waiting.reason;
    else if (state.terminated) summary.status = terminatedText(state.terminated);
    else if (container.ready && state.running) {
      running = true;
      summary.ready++;
    }
  }
  if (summary.status !== 'Completed' || !running) return;
  const ready = (pod.status.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True');
  summary.status = ready ? 'Running' : 'NotReady';
}

function restartsText(pod: SharedPod, now: number): string {
  const { restarts, lastRestart } = summarizePod(pod);
  return restarts && lastRestart ? `${restarts} (${ageOf(lastRestart, now)} ago)` : String(restarts);
}

function readinessGatesText(pod: SharedPod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const met = gates.filter((gate) =>
    pod.status.conditions?.some((c) => c.type === gate.conditionType && c.status === 'True'),
  );
  return `${met.length}/${gates.length}`;
}

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  textColumn('Ready', (pod) => {
    const { ready, total } = summarizePod(pod);
    return `${ready}/${total}`;
  }),
  textColumn('Status', (pod) => summarizePod(pod).status),
  textColumn('Restarts', restartsText),
  ageColumn,
  textColumn('IP', (pod) => pod.status.podIPs?.[0]?.ip || '<none>', 1),
  textColumn('Node', (pod) => pod.spec.nodeName || '<none>', 1),
  textColumn('Nominated Node', (pod) => pod.status.nominatedNodeName || '<none>', 1),
  textColumn('Readiness Gates', readinessGatesText, 1),
];
