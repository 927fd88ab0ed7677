/** What the runtime says of one pod: its sandboxes and containers, as the agent looks at them. */
import type { CriRuntime } from '../../cri/runtime.ts';
import { isCriNotFound } from '../../cri/runtime.ts';
import type { Received } from '../../cri/types.ts';
import { annotationNames, labelNames } from './runtime-labels.ts';

export type ContainerRunState = 'created' | 'running' | 'exited' | 'unknown';

/** One container as it is in the runtime. Times are milliseconds since the epoch, 0 when they have not come. */
export interface RuntimeContainer {
  readonly id: string;
  readonly name: string;
  readonly sandboxId: string;
  readonly state: ContainerRunState;
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly image: string;
  readonly imageRef: string;
  readonly hash: string;
  readonly restartCount: number;
  readonly logPath: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly resources: Received<'LinuxContainerResources'> | undefined;
  readonly user: Received<'LinuxContainerUser'> | undefined;
}

export interface RuntimeSandbox {
  readonly id: string;
  readonly ready: boolean;
  readonly attempt: number;
  readonly createdAt: number;
  readonly ips: readonly string[];
  readonly hostNetwork: boolean;
}

/** A pod in the runtime; the newest sandbox and, per name, the newest container come first. */
export interface RuntimePod {
  readonly uid: string;
  readonly sandboxes: readonly RuntimeSandbox[];
  readonly containers: readonly RuntimeContainer[];
}

export const emptyRuntimePod = (uid: string): RuntimePod => ({ uid, sandboxes: [], containers: [] });

const states: Record<Received<'ContainerStatus'>['state'], ContainerRunState> = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
  CONTAINER_UNKNOWN: 'unknown',
};

const toMs = (nanos: number) => (nanos > 0 ? nanos / 1e6 : 0);

/** A container's status as the agent keeps it. */
export function toRuntimeContainer(status: Received<'ContainerStatus'>, sandboxId: string): RuntimeContainer {
  return {
    id: status.id,
    name: status.labels[labelNames.containerName] ?? status.metadata?.name ?? '',
    sandboxId,
    state: states[status.state],
    createdAt: toMs(status.created_at),
    startedAt: toMs(status.started_at),
    finishedAt: toMs(status.finished_at),
    exitCode: status.exit_code,
    reason: status.reason,
    message: status.message,
    image: status.image?.user_specified_image || status.image?.image || '',
    imageRef: status.image_ref,
    hash: status.annotations[annotationNames.hash] ?? '',
    restartCount: Number(status.annotations[annotationNames.restartCount] ?? status.metadata?.attempt ?? 0),
    logPath: status.log_path,
    annotations: status.annotations,
    resources: status.resources?.linux,
    user: status.user?.linux,
  };
}

function toRuntimeSandbox(status: Received<'PodSandboxStatus'>): RuntimeSandbox {
  const network = status.network;
  return {
    id: status.id,
    ready: status.state === 'SANDBOX_READY',
    attempt: status.metadata?.attempt ?? 0,
    createdAt: toMs(status.created_at),
    ips: network ? [network.ip, ...network.additional_ips.map((extra) => extra.ip)].filter((ip) => ip !== '') : [],
    hostNetwork: status.linux?.namespaces?.options?.network === 'NODE',
  };
}

/** Reads a pod's state from the runtime. What vanishes while reading is left out. */
export async function readRuntimePod(runtime: CriRuntime, uid: string): Promise<RuntimePod> {
  const selector = { label_selector: { [labelNames.podUid]: uid } };
  const [sandboxes, containers] = await Promise.all([
    runtime.runtime.listPodSandbox({ filter: selector }),
    runtime.runtime.listContainers({ filter: selector }),
  ]);
  const [sandboxStates, containerStates] = await Promise.all([
    Promise.all(
      sandboxes.items.map((item) =>
        present(runtime.runtime.podSandboxStatus({ pod_sandbox_id: item.id }).then((answer) => answer.status)),
      ),
    ),
    Promise.all(
      containers.containers.map((item) =>
        present(
          runtime.runtime
            .containerStatus({ container_id: item.id })
            .then((answer) => (answer.status ? toRuntimeContainer(answer.status, item.pod_sandbox_id) : undefined)),
        ),
      ),
    ),
  ]);
  return {
    uid,
    sandboxes: sandboxStates
      .filter((status) => status !== undefined)
      .map(toRuntimeSandbox)
      .sort((a, b) => b.attempt - a.attempt || b.createdAt - a.createdAt),
    containers: containerStates
      .filter((container) => container !== undefined)
      .sort((a, b) => b.createdAt - a.createdAt),
  };
}

async function present<T>(wanted: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await wanted;
  } catch (error) {
    if (isCriNotFound(error)) return undefined;
    throw error;
  }
}

/** The newest container of a name. */
export function latestContainer(pod: RuntimePod, name: string): RuntimeContainer | undefined {
  return pod.containers.find((container) => container.name === name);
}
