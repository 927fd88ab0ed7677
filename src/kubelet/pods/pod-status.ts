/** A pod's status, from what the runtime says of it. Pure: the same input gives the same status. */
import { podQosClass } from '../../api/core/pod-qos.ts';
import type { Shared } from '../../api/kind.ts';
import type {
  Container,
  ContainerState,
  ContainerStatus,
  EphemeralContainer,
  Pod,
  PodCondition,
  PodStatus,
} from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { mutableCopy } from '../../base/deep.ts';
import { shouldStart } from './actions.ts';
import { type Phase, podConditions, podPhase } from './pod-phase.ts';
import type { RuntimeContainer, RuntimePod } from './pod-runtime.ts';

/** Why a container waits: a failed start, a pull, a backoff. */
export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

/** Why the agent ends a pod by itself. */
export interface PodFailure extends WaitingReason {
  /** It makes room for others: said by the condition that jobs' failure policies look at. */
  readonly disruption?: boolean;
  /** Seconds that its containers get to stop, where that is less than the pod's own. */
  readonly graceSeconds?: number;
}

export interface StatusInput {
  readonly pod: Shared<Pod>;
  readonly runtime: RuntimePod;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly hostIps: readonly string[];
  readonly podIps: readonly string[];
  /** By container name. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  readonly isReady: (container: RuntimeContainer) => boolean;
  readonly isStarted: (container: RuntimeContainer) => boolean;
  /** The text that a container left behind, by its id. */
  readonly terminationMessage: (container: RuntimeContainer) => string;
  /** Scheme of container ids, `containerd`. */
  readonly runtimeName: string;
  /** Set when the agent ended the pod for a reason of its own (eviction, deadline): it fails. */
  readonly failure?: PodFailure | undefined;
  /** Set when the spec's resources are not in force: the status goes on to show what was. */
  readonly keepResources?: boolean;
  /** Why they are not. */
  readonly resize?: (Pick<PodCondition, 'type' | 'status'> & Partial<PodCondition>) | undefined;
  /** All containers are being removed, to be started over. */
  readonly restartingAll?: boolean;
  /** The pod was deleted or failed and all is stopped: nothing may seem to wait any more. */
  readonly finished?: boolean;
}

type AnyContainer = Shared<Container | EphemeralContainer>;

/** The whole status; times of conditions are kept where nothing changed. */
export function makePodStatus(input: StatusInput): PodStatus {
  const { pod, now } = input;
  const old = pod.status;
  const waitsForInit = (pod.spec.initContainers ?? []).length > 0;
  // A pod that was refused never had containers.
  if (input.failure && !old.containerStatuses && input.runtime.containers.length === 0) return refusedStatus(input);
  const statusesOf = (containers: readonly AnyContainer[] | undefined, fallback: string) =>
    (containers ?? []).map((container) => containerStatus(input, container, fallback));
  const init = statusesOf(pod.spec.initContainers, 'PodInitializing');
  const main = statusesOf(
    pod.spec.containers,
    waitsForInit && !isInitialized(pod, init) ? 'PodInitializing' : 'ContainerCreating',
  );
  const ephemeral = statusesOf(pod.spec.ephemeralContainers, 'ContainerCreating');
  const phase = finalPhase(input, podPhase(pod, { init, main }), { init, main });
  const sandbox = input.runtime.sandboxes[0];
  const sandboxReady = sandbox?.ready === true && (sandbox.hostNetwork || sandbox.ips.length > 0);
  const conditions = mergeConditions(
    old.conditions ?? [],
    [
      ...podConditions(pod, {
        statuses: { init, main },
        phase,
        sandboxReady,
        restartingAll: input.restartingAll,
      }),
      ...(input.resize ? [input.resize] : []),
      ...disruptionCondition(input.failure),
    ],
    { now, generation: pod.metadata.generation },
  );
  const failure =
    input.failure ??
    (old.phase === 'Failed' && old.reason ? { reason: old.reason, message: old.message ?? '' } : undefined);
  return {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions,
    ...(failure ? { reason: failure.reason, message: failure.message } : {}),
    ...(input.hostIps[0] ? { hostIP: input.hostIps[0], hostIPs: input.hostIps.map((ip) => ({ ip })) } : {}),
    ...(input.podIps[0] ? { podIP: input.podIps[0], podIPs: input.podIps.map((ip) => ({ ip })) } : {}),
    startTime: old.startTime ?? formatTime(now),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: main,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    qosClass: old.qosClass ?? podQosClass(pod.spec),
  };
}

function refusedStatus({ pod, failure, now }: StatusInput): PodStatus {
  const old = pod.status;
  return {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase: 'Failed',
    reason: failure!.reason,
    message: failure!.message,
    conditions: mergeConditions(old.conditions ?? [], disruptionCondition(failure), {
      now,
      generation: pod.metadata.generation,
    }),
    startTime: old.startTime ?? formatTime(now),
    qosClass: old.qosClass ?? podQosClass(pod.spec),
  };
}

const disruptionCondition = (failure: PodFailure | undefined) =>
  failure?.disruption
    ? [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message: failure.message } as const]
    : [];

function isInitialized(pod: Shared<Pod>, init: readonly ContainerStatus[]): boolean {
  return (pod.spec.initContainers ?? []).every((container, i) =>
    container.restartPolicy === 'Always' ? init[i]!.started : init[i]!.state.terminated?.exitCode === 0,
  );
}

/** A phase never leaves Succeeded or Failed, and a pod that the agent had to end has failed. */
function finalPhase(
  input: StatusInput,
  phase: Phase,
  statuses: { init: readonly ContainerStatus[]; main: readonly ContainerStatus[] },
): Phase {
  const before = input.pod.status.phase;
  if (before === 'Failed' || before === 'Succeeded') return before as Phase;
  if (input.failure) return 'Failed';
  if (!input.finished || phase === 'Failed' || phase === 'Succeeded') return phase;
  const all = [...statuses.init, ...statuses.main];
  return all.every((status) => status.state.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
}

function containerStatus(input: StatusInput, container: AnyContainer, fallbackReason: string): ContainerStatus {
  const { pod, runtime } = input;
  const history = runtime.containers.filter((candidate) => candidate.name === container.name);
  const old = oldStatus(pod, container.name);
  const [latest, previous] = history;
  const wait = input.waiting.get(container.name);
  const isMain = pod.spec.containers.some((candidate) => candidate.name === container.name);
  const isSidecar = (container as Shared<Container>).restartPolicy === 'Always' && !isMain;

  if (!latest) {
    // The container was removed from the runtime (or the machine lost it): what was known of it stays true.
    if (old?.state.terminated) return mutableCopy(old);
    const lost = old?.state.running ? lostState(old, input) : undefined;
    if (lost && input.finished) return { ...mutableCopy(old!), state: lost, ready: false, started: false };
    const state: ContainerState = input.finished
      ? {
          terminated: {
            exitCode: 137,
            reason: 'ContainerStatusUnknown',
            message: 'The container could not be located when the pod was terminated',
          },
        }
      : {
          waiting: wait
            ? { reason: wait.reason, ...(wait.message ? { message: wait.message } : {}) }
            : { reason: fallbackReason },
        };
    return {
      name: container.name,
      state,
      lastState: lost ?? mutableCopy(old?.lastState ?? {}),
      ready: false,
      restartCount: old?.restartCount ?? 0,
      image: container.image ?? '',
      imageID: '',
      started: false,
    };
  }

  const current = stateOf(latest, input);
  const status: ContainerStatus = {
    name: container.name,
    state: current,
    lastState: previous?.state === 'exited' ? stateOf(previous, input) : lastKnownState(old, latest, input),
    ready: false,
    restartCount: latest.restartCount,
    image: latest.image || container.image || '',
    imageID: latest.imageRef,
    containerID: `${input.runtimeName}://${latest.id}`,
    started: latest.state === 'running' && input.isStarted(latest),
  };
  if (
    latest.state === 'exited' &&
    wait &&
    !input.finished &&
    shouldStart(pod, container as Shared<Container>, latest)
  ) {
    // It ended and waits to be started again: what it did is its last state.
    status.lastState = current;
    status.state = { waiting: { reason: wait.reason, ...(wait.message ? { message: wait.message } : {}) } };
    delete status.containerID;
    if (status.lastState.terminated?.containerID) status.containerID = status.lastState.terminated.containerID;
  } else if (latest.state === 'created') {
    status.state = wait
      ? { waiting: { reason: wait.reason, ...(wait.message ? { message: wait.message } : {}) } }
      : { waiting: { reason: fallbackReason } };
  }
  const runs = latest.state === 'running';
  const hasEndedWell = !runs && status.state.terminated?.exitCode === 0;
  status.ready = isMain || isSidecar ? runs && input.isReady(latest) : hasEndedWell;
  if (!isMain && !isSidecar && !isInit(pod, container.name)) status.ready = false;
  addResources(status, container, { latest, old, keep: input.keepResources ?? false });
  const stopSignal = runs ? container.lifecycle?.stopSignal : undefined;
  if (stopSignal) status.stopSignal = stopSignal;
  if (container.volumeMounts?.length) {
    status.volumeMounts = container.volumeMounts.map((mount) => ({
      name: mount.name,
      mountPath: mount.mountPath,
      ...(mount.readOnly
        ? { readOnly: true, recursiveReadOnly: mount.recursiveReadOnly === 'Enabled' ? 'Enabled' : 'Disabled' }
        : {}),
    }));
  }
  if (latest.user) {
    status.user = {
      linux: {
        uid: latest.user.uid,
        gid: latest.user.gid,
        ...(latest.user.supplemental_groups.length ? { supplementalGroups: latest.user.supplemental_groups } : {}),
      },
    };
  }
  return status;
}

/** What a container did before that the runtime no longer has: the API still tells. */
function lastKnownState(
  old: Shared<ContainerStatus> | undefined,
  latest: RuntimeContainer,
  input: StatusInput,
): ContainerState {
  const before = old?.state.terminated;
  const isOther = before?.containerID && before.containerID !== `${input.runtimeName}://${latest.id}`;
  return mutableCopy(isOther ? { terminated: before } : (old?.lastState ?? {}));
}

const isInit = (pod: Shared<Pod>, name: string) => (pod.spec.initContainers ?? []).some((c) => c.name === name);

function addResources(
  status: ContainerStatus,
  container: AnyContainer,
  at: { latest: RuntimeContainer; old: Shared<ContainerStatus> | undefined; keep: boolean },
): void {
  const { latest, old } = at;
  if (latest.state !== 'running' && latest.state !== 'created') return;
  if (at.keep && old?.resources) {
    status.resources = mutableCopy(old.resources);
    if (old.allocatedResources) status.allocatedResources = { ...old.allocatedResources };
    return;
  }
  const { requests, limits } = container.resources ?? {};
  status.resources = {
    ...(limits ? { limits: { ...limits } } : {}),
    ...(requests ? { requests: { ...requests } } : {}),
  };
  if (requests) status.allocatedResources = { ...requests };
}

function oldStatus(pod: Shared<Pod>, name: string): Shared<ContainerStatus> | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status;
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    (status) => status.name === name,
  );
}

function lostState(old: Shared<ContainerStatus>, input: StatusInput): ContainerState {
  return {
    terminated: {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was deleted.  The container used to be Running',
      ...(old.state.running?.startedAt ? { startedAt: old.state.running.startedAt } : {}),
      finishedAt: formatTime(input.now),
      ...(old.containerID ? { containerID: old.containerID } : {}),
    },
  };
}

function stateOf(container: RuntimeContainer, input: StatusInput): ContainerState {
  if (container.state === 'running') return { running: { startedAt: formatTime(container.startedAt) } };
  if (container.state === 'exited') {
    const message = input.terminationMessage(container) || container.message;
    return {
      terminated: {
        exitCode: container.exitCode,
        reason: container.reason || (container.exitCode === 0 ? 'Completed' : 'Error'),
        ...(message ? { message } : {}),
        startedAt: formatTime(container.startedAt || container.createdAt),
        finishedAt: formatTime(container.finishedAt || container.createdAt),
        containerID: `${input.runtimeName}://${container.id}`,
      },
    };
  }
  return { waiting: { reason: 'ContainerCreating' } };
}

/** New conditions over old ones: a transition time changes with the status alone; conditions of others stay as they are. */
function mergeConditions(
  old: readonly Shared<PodCondition>[],
  drafts: readonly (Pick<PodCondition, 'type' | 'status'> & Partial<PodCondition>)[],
  context: { readonly now: number; readonly generation: number | undefined },
): PodCondition[] {
  const own = drafts.map((draft) => {
    const before = old.find((condition) => condition.type === draft.type);
    const generation = context.generation === undefined ? {} : { observedGeneration: context.generation };
    const next: PodCondition = {
      ...draft,
      ...generation,
      lastTransitionTime:
        before?.status === draft.status && before.lastTransitionTime
          ? before.lastTransitionTime
          : formatTime(context.now),
    };
    return next;
  });
  const others = old.filter(
    ({ type }) =>
      !own.some((mine) => mine.type === type) && type !== 'PodResizePending' && type !== 'PodResizeInProgress',
  );
  return [...own, ...others.map((condition) => mutableCopy(condition))];
}
