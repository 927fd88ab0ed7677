/** One step in the life of a simulated pod: from its status and the time to its next status. Pure, so it can be repeated. */
import type { Shared } from '../../api/kind.ts';
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from '../../api/types/core-v1.ts';
import { formatTime, parseTime } from '../../base/clock.ts';
import { podConditions, podPhase } from '../pods/pod-phase.ts';
import { type PodScript, podScript } from './script.ts';

/** What is due for a pod: a new status, its removal, or nothing before `dueInMs`. */
export type Step =
  | { readonly kind: 'status'; readonly status: PodStatus }
  | { readonly kind: 'remove' }
  | { readonly kind: 'wait'; readonly dueInMs: number | undefined };

export interface StepInput {
  /** By the node's clock. */
  readonly now: number;
  /** How far the node's clock is ahead of the server's. */
  readonly skewMs?: number;
  readonly podIp: string;
  readonly hostIp: string;
}

const waitFor = (ms: number): Step => ({ kind: 'wait', dueInMs: Math.max(1, ms) });
const idle: Step = { kind: 'wait', dueInMs: undefined };
const maxBackoffMs = 300_000;

export const isFinished = (pod: Shared<Pod>): boolean =>
  pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';

/** The next step of a pod on a simulated node. */
export function nextStep(pod: Shared<Pod>, input: StepInput): Step {
  const script = podScript(pod);
  if (pod.metadata.deletionTimestamp) return stopStep(pod, script, input);
  if (isFinished(pod)) return idle;
  if (!pod.status.startTime) return acceptStep(pod, script, input);
  const started = parseTime(pod.status.startTime);
  const deadline =
    pod.spec.activeDeadlineSeconds === undefined
      ? Number.POSITIVE_INFINITY
      : started + Number(pod.spec.activeDeadlineSeconds) * 1000;
  if (input.now >= deadline) {
    const status = withContainers(pod, input, { main: stopped(pod, input.now, 137, 'Error') });
    return {
      kind: 'status',
      status: {
        ...status,
        phase: 'Failed',
        reason: 'DeadlineExceeded',
        message: 'Pod was active on the node longer than the specified deadline',
      },
    };
  }
  const step = lifeStep(pod, script, input);
  if (step.kind !== 'wait' || deadline === Number.POSITIVE_INFINITY) return step;
  return waitFor(Math.min(step.dueInMs ?? Number.POSITIVE_INFINITY, deadline - input.now));
}

/** A pod whose start takes no time runs at once; another is first seen creating its containers. */
function acceptStep(pod: Shared<Pod>, script: PodScript, input: StepInput): Step {
  const immediate =
    script.startDelayMs === 0 &&
    (script.initDurationMs === 0 || !pod.spec.initContainers?.length) &&
    script.initExitCode === 0;
  const at = formatTime(input.now);
  const begun = { ...pod, status: { ...pod.status, startTime: at } } as Shared<Pod>;
  if (immediate)
    return {
      kind: 'status',
      status: withContainers(begun, input, {
        init: initDone(pod, script, input.now),
        main: running(pod, script, input.now),
      }),
    };
  const waiting = (containers: readonly Shared<Container>[] | undefined, reason: string) =>
    (containers ?? []).map((c) => containerStatus(c, { state: { waiting: { reason } } }));
  return {
    kind: 'status',
    status: withContainers(begun, input, {
      init: waiting(pod.spec.initContainers, 'PodInitializing'),
      main: waiting(pod.spec.containers, pod.spec.initContainers?.length ? 'PodInitializing' : 'ContainerCreating'),
    }),
  };
}

function lifeStep(pod: Shared<Pod>, script: PodScript, input: StepInput): Step {
  const { now } = input;
  const statuses = pod.status.containerStatuses ?? [];
  const first = statuses[0];
  if (!first || (first.state?.waiting && first.restartCount === 0 && !first.lastState?.terminated)) {
    const ordinary = (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy !== 'Always').length;
    const due = parseTime(pod.status.startTime!) + script.startDelayMs + script.initDurationMs * ordinary;
    if (now < due) return waitFor(due - now);
    const init = initDone(pod, script, now);
    if (script.initExitCode !== 0) return initFailed(pod, input, init);
    return { kind: 'status', status: withContainers(pod, input, { init, main: running(pod, script, now) }) };
  }
  if (first.state?.running) {
    const startedAt = parseTime(first.state.running.startedAt!);
    const readyAt = script.ready ? startedAt + script.readyDelayMs : Number.POSITIVE_INFINITY;
    const endAt = script.runDurationMs === undefined ? Number.POSITIVE_INFINITY : startedAt + script.runDurationMs;
    if (now >= endAt) return ended(pod, script, input);
    if (now >= readyAt && !first.ready)
      return {
        kind: 'status',
        status: withContainers(pod, input, { main: statuses.map((s) => ({ ...s, ready: true }) as ContainerStatus) }),
      };
    const refreshed = refresh(pod, input);
    if (refreshed) return refreshed;
    const next = Math.min(endAt, first.ready ? Number.POSITIVE_INFINITY : readyAt);
    return next === Number.POSITIVE_INFINITY ? idle : waitFor(next - now);
  }
  const finishedAt = first.lastState?.terminated?.finishedAt;
  if (first.state?.waiting && finishedAt) {
    const due = parseTime(finishedAt) + backoffMs(first.restartCount + 1);
    if (now < due) return waitFor(due - now);
    return { kind: 'status', status: withContainers(pod, input, { main: running(pod, script, now, statuses) }) };
  }
  return idle;
}

/**
 * The status anew where its Ready condition is not what the containers make it: readiness gates have changed, or the node
 * was silent for a while and the pod was marked unready by another.
 */
function refresh(pod: Shared<Pod>, input: StepInput): Step | undefined {
  const ready = (conditions: readonly Pick<PodCondition, 'type' | 'status'>[] | undefined) =>
    conditions?.find((c) => c.type === 'Ready')?.status;
  const known = ready(pod.status.conditions);
  if (
    !pod.spec.readinessGates?.length &&
    known === (pod.status.containerStatuses?.every((s) => s.ready) ? 'True' : 'False')
  )
    return undefined;
  const status = withContainers(pod, input, {});
  return ready(status.conditions) === known ? undefined : { kind: 'status', status };
}

/** The containers' run is over: they end for good, or wait for their restart. */
function ended(pod: Shared<Pod>, script: PodScript, input: StepInput): Step {
  const { now } = input;
  const policy = pod.spec.restartPolicy ?? 'Always';
  const run = pod.status.containerStatuses?.[0]?.restartCount ?? 0;
  const code = script.exitCodes[Math.min(run, script.exitCodes.length - 1)] ?? 0;
  const main = stopped(pod, now, code, code === 0 ? 'Completed' : 'Error');
  if (policy === 'Never' || (policy === 'OnFailure' && code === 0))
    return { kind: 'status', status: withContainers(pod, input, { main }) };
  if (backoffMs(run + 1) === 0)
    return {
      kind: 'status',
      status: withContainers(pod, input, { main: running(pod, script, now, main.map(toLastState)) }),
    };
  const message = `back-off ${backoffMs(run + 1) / 1000}s restarting failed container`;
  return {
    kind: 'status',
    status: withContainers(pod, input, {
      main: main.map((s) => ({ ...toLastState(s), state: { waiting: { reason: 'CrashLoopBackOff', message } } })),
    }),
  };
}

function initFailed(pod: Shared<Pod>, input: StepInput, init: ContainerStatus[]): Step {
  const main = pod.spec.containers.map((c) =>
    containerStatus(c, { state: { waiting: { reason: 'PodInitializing' } } }),
  );
  if (pod.spec.restartPolicy === 'Never') return { kind: 'status', status: withContainers(pod, input, { init, main }) };
  const already = pod.status.initContainerStatuses?.some((s) => s.lastState?.terminated);
  if (already) return idle;
  return {
    kind: 'status',
    status: withContainers(pod, input, {
      init: init.map((s) => ({ ...toLastState(s), state: { waiting: { reason: 'CrashLoopBackOff' } } })),
      main,
    }),
  };
}

/** The kubelet's back-off: the first restart at once, then 10 s doubling to 5 min. */
function backoffMs(restart: number): number {
  return restart <= 1 ? 0 : Math.min(maxBackoffMs, 10_000 * 2 ** Math.min(restart - 2, 10));
}

/** A pod that is asked to go: it stops after its delay, gets a final phase where somebody keeps it, and is removed. */
function stopStep(pod: Shared<Pod>, script: PodScript, input: StepInput): Step {
  const graceMs = Number(pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  const askedAt = parseTime(pod.metadata.deletionTimestamp!) - graceMs;
  // Deletion times are the server's; a kubelet measures the grace period itself.
  const leftMs = askedAt + Math.min(graceMs, script.stopDelayMs) - (input.now - (input.skewMs ?? 0));
  if (leftMs > 0) return waitFor(leftMs);
  if (pod.metadata.finalizers?.length && !isFinished(pod)) {
    const code = script.runDurationMs === undefined ? 0 : 143;
    const status = withContainers(pod, input, {
      main: stopped(pod, input.now, code, code === 0 ? 'Completed' : 'Error'),
    });
    return { kind: 'status', status: { ...status, phase: code === 0 ? 'Succeeded' : 'Failed' } };
  }
  return { kind: 'remove' };
}

type Sketch = Pick<ContainerStatus, 'state'> & Partial<ContainerStatus>;

function containerStatus(container: Shared<Container>, sketch: Sketch): ContainerStatus {
  return {
    name: container.name,
    image: container.image ?? '',
    imageID: '',
    ready: false,
    restartCount: 0,
    started: false,
    lastState: {},
    ...sketch,
  } as ContainerStatus;
}

const imageIdOf = (image: string | undefined) => `sim://${image ?? ''}`;

function running(
  pod: Shared<Pod>,
  script: PodScript,
  now: number,
  before?: readonly Shared<ContainerStatus>[],
): ContainerStatus[] {
  return pod.spec.containers.map((container, i) => {
    const old = before?.[i];
    const restartCount = old ? old.restartCount + 1 : 0;
    return containerStatus(container, {
      state: { running: { startedAt: formatTime(now) } },
      lastState: (old?.lastState ?? {}) as ContainerState,
      ready: script.ready && script.readyDelayMs === 0,
      started: true,
      restartCount,
      imageID: imageIdOf(container.image),
      containerID: `sim://${pod.metadata.uid}/${container.name}/${restartCount}`,
    });
  });
}

function stopped(pod: Shared<Pod>, now: number, exitCode: number, reason: string): ContainerStatus[] {
  return pod.spec.containers.map((container, i) => {
    const old = pod.status.containerStatuses?.[i];
    const startedAt = old?.state?.running?.startedAt ?? formatTime(now);
    const containerID = old?.containerID;
    return containerStatus(container, {
      ...(old as ContainerStatus | undefined),
      state: {
        terminated: {
          exitCode,
          reason,
          startedAt,
          finishedAt: formatTime(now),
          ...(containerID ? { containerID } : {}),
        },
      },
      ready: false,
      started: false,
    });
  });
}

const toLastState = (status: ContainerStatus): ContainerStatus => ({ ...status, lastState: status.state ?? {} });

function initDone(pod: Shared<Pod>, script: PodScript, now: number): ContainerStatus[] {
  const at = formatTime(now);
  return (pod.spec.initContainers ?? []).map((container) => {
    const containerID = `sim://${pod.metadata.uid}/${container.name}/0`;
    if (container.restartPolicy === 'Always')
      return containerStatus(container, {
        state: { running: { startedAt: at } },
        ready: true,
        started: true,
        containerID,
        imageID: imageIdOf(container.image),
      });
    const { initExitCode: exitCode } = script;
    return containerStatus(container, {
      state: {
        terminated: {
          exitCode,
          reason: exitCode === 0 ? 'Completed' : 'Error',
          startedAt: at,
          finishedAt: at,
          containerID,
        },
      },
      ready: exitCode === 0,
      containerID,
      imageID: imageIdOf(container.image),
    });
  });
}

/** The pod's whole status with new container statuses: phase and conditions follow from them. */
function withContainers(
  pod: Shared<Pod>,
  input: StepInput,
  changes: { init?: ContainerStatus[]; main?: ContainerStatus[] },
): PodStatus {
  const init = changes.init ?? ((pod.status.initContainerStatuses ?? []) as ContainerStatus[]);
  const main = changes.main ?? ((pod.status.containerStatuses ?? []) as ContainerStatus[]);
  const phase = podPhase(pod, { init, main });
  const begun = main.some((s) => s.state?.running || s.state?.terminated || s.lastState?.terminated);
  return {
    ...(pod.status as PodStatus),
    phase,
    conditions: mergeConditions(
      pod,
      podConditions(pod, { statuses: { init, main }, phase, sandboxReady: begun && phase === 'Running' }),
      input.now,
    ),
    hostIP: input.hostIp,
    hostIPs: [{ ip: input.hostIp }],
    ...(begun ? { podIP: pod.status.podIP ?? input.podIp, podIPs: [{ ip: pod.status.podIP ?? input.podIp }] } : {}),
    ...(init.length ? { initContainerStatuses: init } : {}),
    containerStatuses: main,
  };
}

/** Others' conditions stay; ours keep the time of their last change. */
function mergeConditions(pod: Shared<Pod>, ours: ReturnType<typeof podConditions>, now: number): PodCondition[] {
  const old = pod.status.conditions ?? [];
  const types = new Set(ours.map((c) => c.type));
  const at = formatTime(now);
  return [
    ...ours.map((condition) => {
      const before = old.find((c) => c.type === condition.type);
      const lastTransitionTime =
        before?.status === condition.status && before.lastTransitionTime ? before.lastTransitionTime : at;
      return {
        ...condition,
        observedGeneration: pod.metadata.generation,
        lastProbeTime: null,
        lastTransitionTime,
      } as unknown as PodCondition;
    }),
    ...(old.filter((c) => !types.has(c.type)) as PodCondition[]),
  ];
}
