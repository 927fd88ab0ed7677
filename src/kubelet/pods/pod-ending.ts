/** Ending a pod: its containers within their grace, its sandboxes, what the node lent it, its object in the API. */
import { rmSync } from 'node:fs';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import { isCriNotFound } from '../../cri/runtime.ts';
import { tearDownVolumes } from '../volumes/pod-volumes.ts';
import type { ContainerToKill } from './actions.ts';
import { stopAllContainers } from './container-stopper.ts';
import { podLogDir } from './pod-dirs.ts';
import type { PodKit } from './pod-kit.ts';
import { type RuntimePod, readRuntimePod } from './pod-runtime.ts';
import { podCgroup } from './resources.ts';

/** What a stop is about. */
export interface StopInput {
  readonly current: RuntimePod;
  readonly graceSeconds: () => number;
  readonly podIps: readonly string[];
  /** The pod ends for good: said in events once. */
  readonly ending: boolean;
}

/** Stops what a pod runs; a grace period that gets shorter meanwhile takes over. */
export class PodStopper {
  readonly #kit: PodKit;
  #stopping = new AbortController();
  #graceSeconds = Number.POSITIVE_INFINITY;
  #saidKilling = false;
  #closed = false;

  constructor(kit: PodKit) {
    this.#kit = kit;
  }

  /** The pod is to end within this long. */
  within(graceSeconds: number): void {
    if (graceSeconds >= this.#graceSeconds) return;
    const wasStopping = this.#graceSeconds !== Number.POSITIVE_INFINITY;
    this.#graceSeconds = graceSeconds;
    if (!wasStopping) return;
    this.#stopping.abort(new Error('a shorter grace period'));
    this.#stopping = new AbortController();
  }

  /** Gives up waiting; what was told to stop goes on to stop. */
  close(): void {
    this.#closed = true;
    this.#stopping.abort(new Error('the agent stops'));
  }

  /** Stops all containers and sandboxes of a pod. */
  async stop(pod: Shared<Pod>, input: StopInput): Promise<void> {
    const { context } = this.#kit;
    const { current, podIps } = input;
    const quiet = this.#saidKilling;
    this.#saidKilling = input.ending;
    const { signal } = this.#stopping;
    const [address] = podIps;
    if (address && !quiet && input.graceSeconds() > 0 && !pod.spec.hostNetwork) await context.whenDrained?.(address);
    try {
      await stopAllContainers(context, pod, {
        current,
        graceSeconds: input.graceSeconds(),
        podIp: address ?? '127.0.0.1',
        signal,
        quiet,
      });
    } catch (error) {
      if (!signal.aborted || this.#closed) throw error;
      // A shorter grace came while waiting: begin anew with it.
      return this.stop(pod, { ...input, current: await readRuntimePod(context.runtime, current.uid) });
    }
    for (const sandbox of current.sandboxes) {
      try {
        await context.runtime.runtime.stopPodSandbox({ pod_sandbox_id: sandbox.id });
      } catch (error) {
        if (!isCriNotFound(error)) throw error;
      }
    }
  }
}

/** Seconds that a pod has to end. What the API let go of before it had ended was deleted by force. */
export function podGraceSeconds(pod: Shared<Pod>, gone: boolean): number {
  if (gone) return 1;
  const { deletionGracePeriodSeconds, deletionTimestamp } = pod.metadata;
  const own = pod.spec.terminationGracePeriodSeconds ?? 30;
  return Math.max(1, Number(deletionTimestamp ? (deletionGracePeriodSeconds ?? own) : own));
}

/** Seconds that a container gets that is replaced: those of the probe that failed, where it has its own. */
export function probeGraceSeconds(pod: Shared<Pod>, name: string, reason: ContainerToKill['reason']): number {
  const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((one) => one.name === name);
  const probe =
    reason === 'liveness' ? container?.livenessProbe : reason === 'startup' ? container?.startupProbe : undefined;
  return probe?.terminationGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
}

/** Takes back all that the node lent a pod, but its containers and logs: those stay for looking at until it is deleted. */
export function releasePod(kit: PodKit, pod: Shared<Pod>): void {
  const uid = pod.metadata.uid!;
  tearDownVolumes(kit.context.rootDir, uid);
  kit.cgroups.remove(podCgroup(kit.context.settings.cgroupRoot, pod));
  kit.configMaps.release(uid);
  kit.secrets.release(uid);
  kit.tokens.release(uid);
  kit.images.forget(uid);
  kit.restarts.forget(`${uid}_`);
}

/** Deletes the object of a pod that has ended; true when it (this very pod) is not there any more. */
export async function deleteFromApi(kit: PodKit, pod: Shared<Pod>): Promise<boolean> {
  const { namespace, name, uid } = pod.metadata;
  try {
    await kit.context.client.delete(
      Pod,
      { namespace: namespace!, name: name! },
      { gracePeriodSeconds: 0, preconditions: { uid: uid! } },
    );
    // A finalizer may hold it yet: the informer tells when it goes.
    return false;
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return true;
    throw error;
  }
}

/** Removes a pod's sandboxes and with them its containers. */
export async function removeFromRuntime(kit: Pick<PodKit, 'context'>, uid: string): Promise<void> {
  const { runtime } = kit.context.runtime;
  const current = await readRuntimePod(kit.context.runtime, uid);
  for (const sandbox of current.sandboxes) {
    await runtime.stopPodSandbox({ pod_sandbox_id: sandbox.id });
    await runtime.removePodSandbox({ pod_sandbox_id: sandbox.id });
  }
}

/** Removes the last of a pod that the API has let go of. */
export async function forgetPod(kit: PodKit, pod: Shared<Pod>): Promise<void> {
  await removeFromRuntime(kit, pod.metadata.uid!);
  rmSync(podLogDir(kit.context.logDir, pod), { recursive: true, force: true });
  kit.statuses.forget(pod.metadata.uid!);
}
