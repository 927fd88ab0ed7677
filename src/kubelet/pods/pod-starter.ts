/** Carries out what a pod needs to run: volumes, group, sandbox, hosts file, containers in their order. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Shared } from '../../api/kind.ts';
import { RuntimeClass } from '../../api/node/runtime-class.ts';
import type { Container, EphemeralContainer, Pod } from '../../api/types/core-v1.ts';
import type { Sent } from '../../cri/types.ts';
import { containerFieldPath } from '../images/image-puller.ts';
import { setUpVolumes } from '../volumes/pod-volumes.ts';
import { type MountedVolume, VolumeError } from '../volumes/volume.ts';
import type { PodActions } from './actions.ts';
import { StartError, startContainer } from './container-starter.ts';
import { hostNetworkHostsFile, podHostname, podHostsFile } from './hosts-file.ts';
import { hostsFile, podDir, podLogDir } from './pod-dirs.ts';
import { type PodKit, podFullName, podSources } from './pod-kit.ts';
import { latestContainer, type RuntimePod } from './pod-runtime.ts';
import type { WaitingReason } from './pod-status.ts';
import { podCgroup, podCgroupLimits } from './resources.ts';
import { goDuration } from './restart-backoff.ts';
import { containerHash } from './runtime-labels.ts';
import { sandboxConfig } from './sandbox-config.ts';

export interface StartResult {
  /** Something was made in the runtime: look again at once. */
  readonly changed: boolean;
  readonly retryAfterMs: number | undefined;
}

interface StartInput {
  readonly actions: PodActions;
  readonly current: RuntimePod;
  readonly signal: AbortSignal;
}

const retryMs = 1000;
const mountRetryMs = [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 122_000];

export class PodStarter {
  readonly #kit: PodKit;
  readonly #waiting: Map<string, WaitingReason>;
  #mountFailures = 0;

  /** @param waiting where the reasons go that containers wait for */
  constructor(kit: PodKit, waiting: Map<string, WaitingReason>) {
    this.#kit = kit;
    this.#waiting = waiting;
  }

  async run(pod: Shared<Pod>, input: StartInput): Promise<StartResult> {
    const { context, hostDns } = this.#kit;
    const { actions, current, signal } = input;
    const sandbox = current.sandboxes[0];
    let ips = pod.spec.hostNetwork ? context.settings.nodeIps : (sandbox?.ips ?? []);

    const due = this.#due(pod, input);
    if (!actions.createSandbox && due.containers.length === 0) return { changed: false, retryAfterMs: due.waitMs };

    mkdirSync(podDir(context.rootDir, pod.metadata.uid!), { recursive: true, mode: 0o750 });
    mkdirSync(podLogDir(context.logDir, pod), { recursive: true, mode: 0o755 });
    let volumes: Map<string, MountedVolume>;
    try {
      volumes = await setUpVolumes(context, pod, { sources: podSources(this.#kit, pod, ips) });
      this.#mountFailures = 0;
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      context.events.event(pod as never, 'Warning', 'FailedMount', error.message);
      const delay = mountRetryMs[Math.min(this.#mountFailures++, mountRetryMs.length - 1)]!;
      return { changed: false, retryAfterMs: delay };
    }
    signal.throwIfAborted();

    const config = sandboxConfig(context, pod, { attempt: actions.attempt, hostDns });
    let sandboxId = sandbox?.id ?? '';
    if (actions.createSandbox) {
      sandboxId = await this.#createSandbox(pod, config);
      const { status } = await context.runtime.runtime.podSandboxStatus({ pod_sandbox_id: sandboxId });
      if (!pod.spec.hostNetwork) {
        const network = status?.network;
        ips = network ? [network.ip, ...network.additional_ips.map((extra) => extra.ip)].filter(Boolean) : [];
      }
      signal.throwIfAborted();
    }
    this.#writeHosts(pod, ips);

    let retryAfterMs = due.waitMs;
    let changed = actions.createSandbox;
    for (const container of due.containers) {
      const outcome = await this.#start(pod, container, { sandboxId, config, ips, volumes, input });
      if (outcome.made) changed = true;
      if (outcome.retryAfterMs !== undefined) {
        retryAfterMs = Math.min(retryAfterMs ?? outcome.retryAfterMs, outcome.retryAfterMs);
      }
      signal.throwIfAborted();
    }
    return { changed, retryAfterMs };
  }

  /** The containers whose backoff is over; the others get their reason to wait. */
  #due(
    pod: Shared<Pod>,
    { actions, current }: StartInput,
  ): { containers: Shared<Container | EphemeralContainer>[]; waitMs: number | undefined } {
    const { context, restarts } = this.#kit;
    const now = context.clock.now();
    const containers: Shared<Container | EphemeralContainer>[] = [];
    let waitMs: number | undefined;
    for (const container of [
      ...actions.ephemeralContainersToStart,
      ...actions.initContainersToStart,
      ...actions.containersToStart,
    ]) {
      const last = latestContainer(current, container.name);
      if (last?.state === 'exited') {
        const key = backoffKey(pod, container);
        const wait = restarts.waitMs(key, last.finishedAt, now);
        if (wait > 0) {
          this.#sayBackOff(pod, container.name, restarts.delayMs(key));
          waitMs = Math.min(waitMs ?? wait, wait);
          continue;
        }
      }
      containers.push(container);
    }
    return { containers, waitMs };
  }

  #sayBackOff(pod: Shared<Pod>, name: string, delayMs: number): void {
    const message = `back-off ${goDuration(delayMs)} restarting failed container=${name} pod=${podFullName(pod)}`;
    if (this.#waiting.get(name)?.message !== message) {
      this.#kit.context.events.event(
        pod as never,
        'Warning',
        'BackOff',
        `Back-off restarting failed container ${name} in pod ${podFullName(pod)}`,
        { fieldPath: containerFieldPath(pod, name) },
      );
    }
    this.#waiting.set(name, { reason: 'CrashLoopBackOff', message });
  }

  async #start(
    pod: Shared<Pod>,
    container: Shared<Container | EphemeralContainer>,
    at: {
      sandboxId: string;
      config: Sent<'PodSandboxConfig'>;
      ips: readonly string[];
      volumes: ReadonlyMap<string, MountedVolume>;
      input: StartInput;
    },
  ): Promise<{ made: boolean; retryAfterMs?: number }> {
    const { context, restarts } = this.#kit;
    const last = latestContainer(at.input.current, container.name);
    const target = (container as Shared<EphemeralContainer>).targetContainerName;
    const { containerStatuses = [], initContainerStatuses = [] } = this.#kit.statuses.latest(pod);
    const known = [...containerStatuses, ...initContainerStatuses];
    const counted = known.find((status) => status.name === container.name);
    try {
      await startContainer(this.#kit, {
        pod,
        container,
        sandboxId: at.sandboxId,
        sandboxConfig: at.config,
        // A container that the runtime has lost counts as restarted, too.
        restartCount: last ? last.restartCount + 1 : counted?.containerID ? counted.restartCount + 1 : 0,
        podIps: at.ips,
        volumes: at.volumes,
        targetContainerId: target ? latestContainer(at.input.current, target)?.id : undefined,
        signal: at.input.signal,
      });
      this.#waiting.delete(container.name);
      if (last) restarts.next(backoffKey(pod, container), last.finishedAt, context.clock.now());
      return { made: true };
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#waiting.set(container.name, { reason: error.reason, message: error.message });
      // A container that was made and did not start is there to be looked at: it counts as ended.
      const made = error.reason === 'RunContainerError' || error.reason === 'PostStartHookError';
      if (made) {
        const now = context.clock.now();
        restarts.next(backoffKey(pod, container), last?.finishedAt ?? now, now);
      }
      return { made, retryAfterMs: error.retryAfterMs ?? retryMs };
    }
  }

  async #createSandbox(pod: Shared<Pod>, config: Sent<'PodSandboxConfig'>): Promise<string> {
    const { context, cgroups } = this.#kit;
    if (context.settings.cgroupDriver === 'cgroupfs') {
      const { cgroupRoot, podPidsLimit } = context.settings;
      cgroups.ensure(podCgroup(cgroupRoot, pod), { ...podCgroupLimits(pod), pids: podPidsLimit });
    }
    try {
      if (pod.spec.hostUsers === false) await this.#requireUserNamespaces();
      const handler = await this.#runtimeHandler(pod);
      const { pod_sandbox_id: id } = await context.runtime.runtime.runPodSandbox(
        { config, runtime_handler: handler },
        { timeoutMs: 240_000 },
      );
      return id;
    } catch (error) {
      const message = `Failed to create pod sandbox: ${(error as Error).message}`;
      context.events.event(pod as never, 'Warning', 'FailedCreatePodSandBox', message);
      throw error;
    }
  }

  /** The runtime's name for the pod's runtime class; the default one without a class. */
  async #runtimeHandler(pod: Shared<Pod>): Promise<string> {
    const name = pod.spec.runtimeClassName;
    if (!name) return '';
    const found = await this.#kit.context.client.find(RuntimeClass, { name });
    if (!found) throw new Error(`RuntimeClass "${name}" not found`);
    return found.handler;
  }

  /** A pod that asks not to be the node's root must not silently be it. */
  async #requireUserNamespaces(): Promise<void> {
    const { runtime_handlers: handlers } = await this.#kit.context.runtime.runtime.status({});
    if (!handlers.some(({ features }) => features?.user_namespaces)) {
      throw new Error(
        'hostUsers is false, but the container runtime has no user namespaces: use containerd 2.0 or newer',
      );
    }
  }

  /** Written in place, never replaced: containers have this very file mounted. */
  #writeHosts(pod: Shared<Pod>, ips: readonly string[]): void {
    const { settings, rootDir } = this.#kit.context;
    const path = hostsFile(rootDir, pod.metadata.uid!);
    const aliases = pod.spec.hostAliases ?? [];
    const name = podHostname(pod, { clusterDomain: settings.clusterDomain, nodeHostname: settings.hostname });
    const text = pod.spec.hostNetwork
      ? hostNetworkHostsFile(readFileSync('/etc/hosts', 'utf8'), aliases)
      : podHostsFile(ips, name, aliases);
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text, { mode: 0o644 });
  }
}

const backoffKey = (pod: Shared<Pod>, container: { readonly name: string; readonly image?: string }) =>
  `${pod.metadata.uid}_${container.name}_${containerHash(container)}`;
