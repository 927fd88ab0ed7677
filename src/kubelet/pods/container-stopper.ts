/** Ending containers as upstream does: preStop hook, the stop signal, the grace period, SIGKILL; sidecars last. */
import type { Shared } from '../../api/kind.ts';
import type { Container, EphemeralContainer, LifecycleHandler, Pod } from '../../api/types/core-v1.ts';
import { isCriNotFound } from '../../cri/runtime.ts';
import type { KubeletContext } from '../context.ts';
import { containerFieldPath } from '../images/image-puller.ts';
import { runHook } from './lifecycle-hooks.ts';
import type { RuntimeContainer, RuntimePod } from './pod-runtime.ts';
import { annotationNames } from './runtime-labels.ts';
import { signalContainer } from './stop-signal.ts';

/** What a container gets to stop after its preStop hook has used up its grace. */
const minimumGraceSeconds = 2;

export interface StopRequest {
  readonly pod: Shared<Pod>;
  readonly container: RuntimeContainer;
  readonly graceSeconds: number;
  /** For the event; `Stopping container NAME` when absent. */
  readonly message?: string;
  readonly podIp: string;
  /** Aborted when a shorter grace takes over. */
  readonly signal?: AbortSignal;
  /** The event has been recorded by an earlier attempt. */
  readonly quiet?: boolean;
}

type Stopping = Pick<KubeletContext, 'runtime' | 'clock' | 'events' | 'log'>;

/** Stops a container and resolves when it has stopped. */
export async function stopContainer(context: Stopping, request: StopRequest): Promise<void> {
  const { pod, container, signal } = request;
  const details = { fieldPath: containerFieldPath(pod, container.name) };
  const start = context.clock.monotonic();
  if (!request.quiet) {
    const message = request.message ?? `Stopping container ${container.name}`;
    context.events.event(pod as never, 'Normal', 'Killing', message, details);
  }
  let graceSeconds = request.graceSeconds;
  const preStop = preStopOf(pod, container);
  if (preStop && graceSeconds > 0 && container.state === 'running') {
    const spec = specOf(pod, container.name) ?? ({ name: container.name } as Container);
    const target = { pod, container: spec, containerId: container.id, podIp: request.podIp };
    const over = new AbortController();
    const timer = context.clock.after(graceSeconds * 1000, () => over.abort(new Error('the grace period is over')));
    const limit = AbortSignal.any([...(signal ? [signal] : []), over.signal]);
    try {
      await runHook(context, preStop, { target, timeoutMs: graceSeconds * 1000, signal: limit });
    } catch (error) {
      signal?.throwIfAborted();
      // What the hook said may hold secrets: events are for everyone in the namespace.
      context.events.event(pod as never, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', details);
      context.log.info('a preStop hook failed', { pod: pod.metadata.name, container: container.name, error });
    } finally {
      timer.cancel();
    }
    graceSeconds -= Math.floor((context.clock.monotonic() - start) / 1000);
    graceSeconds = Math.max(graceSeconds, minimumGraceSeconds);
  }
  const ownSignal = specOf(pod, container.name)?.lifecycle?.stopSignal;
  try {
    if (ownSignal && graceSeconds > 0 && container.state === 'running') {
      await signalContainer(context, container.id, { name: ownSignal, graceMs: graceSeconds * 1000, signal });
      graceSeconds = 0;
    }
    await context.runtime.runtime.stopContainer(
      { container_id: container.id, timeout: graceSeconds },
      { timeoutMs: graceSeconds * 1000 + 120_000, ...(signal ? { signal } : {}) },
    );
  } catch (error) {
    if (!isCriNotFound(error)) throw error;
  }
}

function specOf(pod: Shared<Pod>, name: string): Shared<Container | EphemeralContainer> | undefined {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  return [...containers, ...initContainers, ...ephemeralContainers].find((container) => container.name === name);
}

/** From the spec, or from what the container was made with when its pod is no longer known. */
function preStopOf(pod: Shared<Pod>, container: RuntimeContainer): Shared<LifecycleHandler> | undefined {
  const spec = specOf(pod, container.name);
  if (spec) return spec.lifecycle?.preStop;
  const kept = container.annotations[annotationNames.preStop];
  return kept ? (JSON.parse(kept) as LifecycleHandler) : undefined;
}

/** Ends all running containers of a pod: main and ephemeral ones together, then sidecars from the last to the first. */
export async function stopAllContainers(
  context: Stopping,
  pod: Shared<Pod>,
  options: {
    readonly current: RuntimePod;
    readonly graceSeconds: number;
    readonly podIp: string;
    readonly message?: string;
    readonly signal?: AbortSignal;
    readonly quiet?: boolean;
  },
): Promise<void> {
  const { current, graceSeconds, ...rest } = options;
  const start = context.clock.monotonic();
  const sidecarNames = (pod.spec.initContainers ?? [])
    .filter((container) => container.restartPolicy === 'Always')
    .map((container) => container.name);
  const running = current.containers.filter(
    (container) => container.state === 'running' || container.state === 'unknown',
  );
  const left = () => {
    const spent = Math.floor((context.clock.monotonic() - start) / 1000);
    return graceSeconds === 0 ? 0 : Math.max(minimumGraceSeconds, graceSeconds - spent);
  };
  const stop = (container: RuntimeContainer, seconds: number) =>
    stopContainer(context, { ...rest, pod, container, graceSeconds: seconds });
  await Promise.all(
    running.filter(({ name }) => !sidecarNames.includes(name)).map((container) => stop(container, graceSeconds)),
  );
  for (const name of sidecarNames.reverse()) {
    for (const container of running.filter((candidate) => candidate.name === name)) await stop(container, left());
  }
}
