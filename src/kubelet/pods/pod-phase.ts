/** The phase and conditions of a pod, from its container statuses. */
import type { Shared } from '../../api/kind.ts';
import type { Container, ContainerStatus, Pod, PodCondition } from '../../api/types/core-v1.ts';
import { restartsAfter } from './actions.ts';
import { mayRestartAll } from './restart-all.ts';

type Statuses = readonly Shared<ContainerStatus>[];
export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

const find = (statuses: Statuses, name: string) => statuses.find((status) => status.name === name);

/** Upstream's getPhase. */
export function podPhase(pod: Shared<Pod>, statuses: { init: Statuses; main: Statuses }): Phase {
  const policy = pod.spec.restartPolicy ?? 'Always';
  let pendingInit = 0;
  let failedInit = 0;
  let restartingInit = 0;
  const countFailedInit = (container: Shared<Container>, exitCode: number) => {
    if (restartsAfter(pod, container, exitCode)) restartingInit++;
    else failedInit++;
  };
  for (const container of pod.spec.initContainers ?? []) {
    const status = find(statuses.init, container.name);
    if (container.restartPolicy === 'Always') {
      if (!status?.started) pendingInit++;
      continue;
    }
    const { state = {}, lastState = {} } = status ?? {};
    if (state.running) pendingInit++;
    else if (state.terminated) {
      if (state.terminated.exitCode !== 0) countFailedInit(container, state.terminated.exitCode);
    } else if (state.waiting && lastState.terminated) {
      if (lastState.terminated.exitCode !== 0) countFailedInit(container, lastState.terminated.exitCode);
    } else pendingInit++;
  }
  let running = 0;
  let waiting = 0;
  let stopped = 0;
  let succeeded = 0;
  let unknown = 0;
  let restarting = 0;
  for (const container of pod.spec.containers) {
    const status = find(statuses.main, container.name);
    if (!status) unknown++;
    else if (status.state?.running) running++;
    else if (status.state?.terminated) {
      const { exitCode } = status.state.terminated;
      stopped++;
      if (exitCode === 0) succeeded++;
      if (restartsAfter(pod, container, exitCode)) restarting++;
    } else if (status.state?.waiting) {
      if (status.lastState?.terminated) {
        stopped++;
        restarting++;
      } else waiting++;
    } else unknown++;
  }
  if (failedInit > 0) return 'Failed';
  // A sidecar that restarts does not make a pod that has run pending again.
  const mainStarted = running + stopped > 0;
  if (pendingInit > 0 && !mainStarted) return 'Pending';
  if (restartingInit > 0 && !mainStarted) return 'Pending';
  if (waiting > 0) return 'Pending';
  if (running > 0 && unknown === 0) return 'Running';
  if (running === 0 && stopped > 0 && unknown === 0) {
    if (policy === 'Always' || restarting > 0) return 'Running';
    if (stopped === succeeded) return 'Succeeded';
    return policy === 'Never' ? 'Failed' : 'Running';
  }
  return 'Pending';
}

interface ConditionInput {
  readonly statuses: { readonly init: Statuses; readonly main: Statuses };
  readonly phase: Phase;
  readonly sandboxReady: boolean;
  /** All containers are being removed, to be started over. */
  readonly restartingAll?: boolean | undefined;
}

type Draft = Pick<PodCondition, 'type' | 'status'> & Partial<PodCondition>;

/** The conditions that the agent owns, without times: those are set where they change. */
export function podConditions(pod: Shared<Pod>, input: ConditionInput): Draft[] {
  const containersReady = containersReadyCondition(pod, input);
  return [
    { type: 'PodReadyToStartContainers', status: input.sandboxReady ? 'True' : 'False' },
    initializedCondition(pod, input),
    readyCondition(pod, containersReady),
    containersReady,
    { type: 'PodScheduled', status: 'True' },
    ...(mayRestartAll(pod) ? [restartingCondition(input)] : []),
  ];
}

function restartingCondition({ phase, restartingAll }: ConditionInput): Draft {
  const type = 'AllContainersRestarting';
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  if (!restartingAll) return { type, status: 'False' };
  const message = 'container exited with restart policy rule';
  return { type, status: 'True', reason: 'RestartAllContainersStarted', message };
}

function initializedCondition(pod: Shared<Pod>, { statuses, phase }: ConditionInput): Draft {
  const type = 'Initialized';
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of pod.spec.initContainers ?? []) {
    const status = find(statuses.init, container.name);
    if (!status) unknown.push(container.name);
    else if (container.restartPolicy === 'Always' ? !status.started : !status.ready) incomplete.push(container.name);
  }
  if (phase === 'Succeeded' && unknown.length === 0) return { type, status: 'True', reason: 'PodCompleted' };
  const mainStarted = statuses.main.some(
    (status) => status.state?.running || status.state?.terminated || status.lastState?.terminated,
  );
  if (mainStarted || (unknown.length === 0 && incomplete.length === 0)) return { type, status: 'True' };
  return {
    type,
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: notReadyMessage(unknown, incomplete, 'incomplete'),
  };
}

function containersReadyCondition(pod: Shared<Pod>, { statuses, phase }: ConditionInput): Draft {
  const type = 'ContainersReady';
  const unknown: string[] = [];
  const unready: string[] = [];
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...sidecars, ...pod.spec.containers]) {
    const status = find(statuses.main, container.name) ?? find(statuses.init, container.name);
    if (!status) unknown.push(container.name);
    else if (!status.ready) unready.push(container.name);
  }
  if (phase === 'Succeeded' && unknown.length === 0) return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  if (unknown.length === 0 && unready.length === 0) return { type, status: 'True' };
  return { type, status: 'False', reason: 'ContainersNotReady', message: notReadyMessage(unknown, unready, 'unready') };
}

function readyCondition(pod: Shared<Pod>, containersReady: Draft): Draft {
  const type = 'Ready';
  if (containersReady.status !== 'True') return { ...containersReady, type };
  const messages: string[] = [];
  for (const gate of pod.spec.readinessGates ?? []) {
    const condition = pod.status.conditions?.find((candidate) => candidate.type === gate.conditionType);
    if (!condition)
      messages.push(`corresponding condition of pod readiness gate "${gate.conditionType}" does not exist.`);
    else if (condition.status !== 'True') {
      messages.push(`the status of pod readiness gate "${gate.conditionType}" is not "True", but ${condition.status}`);
    }
  }
  if (messages.length === 0) return { type, status: 'True' };
  return { type, status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

function notReadyMessage(unknown: readonly string[], unready: readonly string[], word: string): string {
  const parts: string[] = [];
  if (unknown.length > 0) parts.push(`containers with unknown status: [${unknown.join(' ')}]`);
  if (unready.length > 0) parts.push(`containers with ${word} status: [${unready.join(' ')}]`);
  return parts.join(', ');
}
