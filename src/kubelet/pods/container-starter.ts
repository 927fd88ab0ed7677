/** Bringing one container up: its image, its configuration, create, start, and its postStart hook. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Service } from '../../api/core/service.ts';
import type { Shared } from '../../api/kind.ts';
import type { Container, EphemeralContainer, Pod } from '../../api/types/core-v1.ts';
import type { Sent } from '../../cri/types.ts';
import { containerFieldPath, ImageError } from '../images/image-puller.ts';
import type { MountedVolume } from '../volumes/volume.ts';
import { containerConfig } from './container-config.ts';
import { ContainerConfigError, makeEnvironment } from './environment.ts';
import { runHook } from './lifecycle-hooks.ts';
import { podLogDir } from './pod-dirs.ts';
import { type PodKit, podSources } from './pod-kit.ts';
import { volumeMounts } from './volume-mounts.ts';

/** Why a container did not start: the reason that its status shows while it waits. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly reason: string;
  /** When to try again; the pod's usual backoff when undefined. */
  readonly retryAfterMs: number | undefined;
  constructor(reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface StartRequest {
  readonly pod: Shared<Pod>;
  readonly container: Shared<Container | EphemeralContainer>;
  readonly sandboxId: string;
  readonly sandboxConfig: Sent<'PodSandboxConfig'>;
  readonly restartCount: number;
  readonly podIps: readonly string[];
  readonly volumes: ReadonlyMap<string, MountedVolume>;
  readonly targetContainerId?: string | undefined;
  readonly signal: AbortSignal;
}

/** Starts a container and returns its id. Rejects with {@link StartError}. */
export async function startContainer(kit: PodKit, request: StartRequest): Promise<string> {
  const { context } = kit;
  const { pod, container } = request;
  const details = { fieldPath: containerFieldPath(pod, container.name) };
  const say = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    context.events.event(pod as never, type, reason, message, details);
  const fail = (reason: string, message: string): never => {
    say('Warning', 'Failed', `Error: ${message}`);
    throw new StartError(reason, message);
  };

  const ensured = kit.images.ensure({
    pod,
    container,
    secrets: await pullSecrets(kit, pod),
    sandboxConfig: request.sandboxConfig,
  });
  // A pod that is deleted does not wait for a registry; the pull may still serve another pod.
  const image = await unlessAborted(ensured, request.signal).catch((error: unknown): never => {
    if (error instanceof ImageError) {
      if (error.reason === 'ImagePullBackOff') say('Warning', 'Failed', 'Error: ImagePullBackOff');
      throw new StartError(error.reason, error.message, error.retryAfterMs);
    }
    throw error;
  });
  request.signal.throwIfAborted();

  const sources = podSources(kit, pod, request.podIps);
  let config: Sent<'ContainerConfig'>;
  try {
    const services = context.informers.informer(Service);
    const environment = await makeEnvironment(pod, container, {
      ...sources,
      services: [
        ...services.list(pod.metadata.namespace),
        ...(pod.metadata.namespace === 'default' ? [] : services.list('default')),
      ],
    });
    config = containerConfig(context, pod, container, {
      restartCount: request.restartCount,
      environment,
      volumeMounts: await volumeMounts(pod, container, {
        rootDir: context.rootDir,
        environment,
        volumes: request.volumes,
      }),
      imageRef: image.ref,
      imageUser: image,
      nodeMemoryBytes: kit.nodeMemoryBytes,
      targetContainerId: request.targetContainerId,
    });
  } catch (error) {
    if (error instanceof ContainerConfigError) return fail('CreateContainerConfigError', error.message);
    throw error;
  }

  mkdirSync(dirname(join(podLogDir(context.logDir, pod), config.log_path!)), { recursive: true, mode: 0o755 });
  const { container_id: id } = await context.runtime.runtime
    .createContainer({ pod_sandbox_id: request.sandboxId, config, sandbox_config: request.sandboxConfig })
    .catch((error: Error) => fail('CreateContainerError', error.message));
  say('Normal', 'Created', 'Container created');
  await context.runtime.runtime
    .startContainer({ container_id: id })
    .catch((error: Error) => fail('RunContainerError', error.message));
  say('Normal', 'Started', 'Container started');

  const postStart = container.lifecycle?.postStart;
  if (postStart) {
    const target = { pod, container, containerId: id, podIp: request.podIps[0] ?? '127.0.0.1' };
    try {
      await runHook(context, postStart, { target, signal: request.signal });
    } catch (error) {
      const message = `PostStartHook failed: ${(error as Error).message}`;
      // What the hook said may hold secrets: events are for everyone in the namespace.
      say('Warning', 'FailedPostStartHook', 'PostStartHook failed');
      say('Normal', 'Killing', 'FailedPostStartHook');
      await context.runtime.runtime.stopContainer({
        container_id: id,
        timeout: pod.spec.terminationGracePeriodSeconds ?? 30,
      });
      throw new StartError('PostStartHookError', message);
    }
  }
  return id;
}

function unlessAborted<T>(wanted: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    wanted.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

async function pullSecrets(kit: PodKit, pod: Shared<Pod>) {
  const found = await Promise.all(
    (pod.spec.imagePullSecrets ?? []).map(({ name }) =>
      name ? kit.secrets.get(pod.metadata.uid!, pod.metadata.namespace!, name).catch(() => undefined) : undefined,
    ),
  );
  return found.filter((secret) => secret !== undefined);
}
