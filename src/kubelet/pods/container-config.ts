/** A container as the runtime creates it. */
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Shared } from '../../api/kind.ts';
import type { Container, EphemeralContainer, Pod } from '../../api/types/core-v1.ts';
import type { Sent } from '../../cri/types.ts';
import type { KubeletContext } from '../context.ts';
import { expandVariables } from './expansion.ts';
import { containerDir, containerLogPath, hostsFile } from './pod-dirs.ts';
import { containerResources } from './resources.ts';
import { containerAnnotations, containerLabels } from './runtime-labels.ts';
import { seccompDir } from './sandbox-config.ts';
import { checkNonRoot, containerSecurity } from './security.ts';

type AnyContainer = Shared<Container | EphemeralContainer>;

export interface ContainerConfigInput {
  readonly restartCount: number;
  readonly environment: ReadonlyMap<string, string>;
  /** Its volumes' ({@link volumeMounts}). */
  readonly volumeMounts: readonly Sent<'Mount'>[];
  /** What the runtime knows the image by. */
  readonly imageRef: string;
  readonly imageUser: { readonly uid?: number | undefined; readonly username?: string | undefined };
  readonly nodeMemoryBytes: number;
  readonly targetContainerId?: string | undefined;
}

export function containerConfig(
  context: KubeletContext,
  pod: Shared<Pod>,
  container: AnyContainer,
  input: ContainerConfigInput,
): Sent<'ContainerConfig'> {
  const names = {
    pod: `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`,
    container: container.name,
  };
  const security = containerSecurity(pod, container, {
    image: input.imageUser,
    seccompDir: seccompDir(context.rootDir),
    seccompDefault: context.settings.seccompDefault,
    targetContainerId: input.targetContainerId,
  });
  checkNonRoot(
    { ...pod.spec.securityContext, ...container.securityContext } as Parameters<typeof checkNonRoot>[0],
    input.imageUser,
    names,
  );
  const resources = containerResources(pod, container, { memoryBytes: input.nodeMemoryBytes });
  const expand = (list: readonly string[] | undefined) =>
    (list ?? []).map((text) => expandVariables(text, input.environment));
  return {
    metadata: { name: container.name, attempt: input.restartCount },
    image: { image: input.imageRef, user_specified_image: container.image ?? '' },
    command: expand(container.command),
    args: expand(container.args),
    working_dir: container.workingDir ?? '',
    envs: [...input.environment].map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: [
      ...input.volumeMounts,
      ...hostsMount(context, pod, container),
      ...terminationLogMount(context, pod, container, input.restartCount),
    ],
    devices: [],
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, { restartCount: input.restartCount, resources }),
    log_path: containerLogPath(container.name, input.restartCount),
    stdin: container.stdin ?? false,
    stdin_once: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: { resources, security_context: security },
  };
}

function hostsMount(context: KubeletContext, pod: Shared<Pod>, container: AnyContainer): Sent<'Mount'>[] {
  if (container.volumeMounts?.some((mount) => mount.mountPath === '/etc/hosts')) return [];
  return [{ container_path: '/etc/hosts', host_path: hostsFile(context.rootDir, pod.metadata.uid!) }];
}

/** The file on the node that a container writes its termination message to. */
export function terminationLogFile(
  context: Pick<KubeletContext, 'rootDir'>,
  podUid: string,
  container: { readonly name: string; readonly restartCount: number },
): string {
  return join(containerDir(context.rootDir, podUid, container.name), `termination-log-${container.restartCount}`);
}

function terminationLogMount(
  context: KubeletContext,
  pod: Shared<Pod>,
  container: AnyContainer,
  restartCount: number,
): Sent<'Mount'>[] {
  if (!container.terminationMessagePath) return [];
  const uid = pod.metadata.uid!;
  mkdirSync(containerDir(context.rootDir, uid, container.name), { recursive: true });
  const file = terminationLogFile(context, uid, { name: container.name, restartCount });
  closeSync(openSync(file, 'a'));
  chmodSync(file, 0o666);
  return [{ container_path: container.terminationMessagePath, host_path: file }];
}
