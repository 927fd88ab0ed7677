/** The node's server on real pods. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Shared } from '../../api/kind.ts';
import type { ContainerStatus, Pod, PodStatus } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { kubeletConfiguration } from '../node/kubelet-configuration.ts';
import { podLogDir } from '../pods/pod-dirs.ts';
import type { PodKit } from '../pods/pod-kit.ts';
import { type RuntimeContainer, readRuntimePod } from '../pods/pod-runtime.ts';
import type { PodWorker } from '../pods/pod-worker.ts';
import type { PodWorkers } from '../pods/pod-workers.ts';
import { nodeMetrics } from '../stats/node-metrics.ts';
import { nodeSummary } from '../stats/summary.ts';
import { readLog } from './log-reader.ts';
import { type ContainerRef, type NodeBackend, NodeRequestError } from './node-backend.ts';

/** The backend of a node with a container runtime. */
export function podBackend(kit: PodKit, workers: PodWorkers): NodeBackend {
  const { context } = kit;
  const { runtime } = context.runtime;

  const workerOf = ({ namespace, pod, uid }: Omit<ContainerRef, 'container'>): PodWorker => {
    const worker = uid ? workers.byUid(uid) : workers.find(namespace, pod);
    if (!worker) throw new NodeRequestError(404, `pod does not exist: ${namespace}/${pod}`);
    return worker;
  };
  const runningContainer = async (ref: ContainerRef): Promise<RuntimeContainer> => {
    const worker = workerOf(ref);
    const find = (containers: readonly RuntimeContainer[]) =>
      containers.find(({ name, state }) => name === ref.container && state === 'running');
    const found =
      find(worker.runtimePod.containers) ?? find((await readRuntimePod(context.runtime, worker.uid)).containers);
    if (!found) throw new NodeRequestError(404, `container not found ("${ref.container}")`);
    return found;
  };

  return {
    pods: () => workers.all().map((worker) => worker.pod),
    async runningPods() {
      return workers.all().flatMap((worker) => runningPod(worker) ?? []);
    },
    systemLogDir: context.settings.enableSystemLogHandler ? '/var/log' : undefined,
    configuration: () => kubeletConfiguration(context.settings),
    async checkpoint(ref) {
      const { id } = await runningContainer(ref);
      const dir = join(context.rootDir, 'checkpoints');
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      const name = `checkpoint-${ref.pod}_${ref.namespace}-${ref.container}-${formatTime(context.clock.now())}.tar`;
      const location = join(dir, name);
      try {
        await runtime.checkpointContainer({ container_id: id, location, timeout: 0 });
      } catch (error) {
        const what = `${ref.namespace}/${ref.pod}/${ref.container}`;
        throw new NodeRequestError(500, `checkpointing of ${what} failed (${(error as Error).message})`);
      }
      return location;
    },
    async log(ref, query, signal) {
      const worker = workerOf(ref);
      const { container } = ref;
      const containers = (await readRuntimePod(context.runtime, worker.uid)).containers.filter(
        (candidate) => candidate.name === container && candidate.state !== 'created',
      );
      // One that ended and waits to be started again is the previous one already, and still the one there is to show.
      const waits =
        containers[0]?.state === 'exited' && statusOf(kit.statuses.latest(worker.pod), container)?.state?.waiting;
      const chosen = query.previous && !waits ? containers[1] : containers[0];
      if (!chosen) throw logRefusal(worker.pod, container, query.previous);
      const source = {
        path: chosen.logPath || join(podLogDir(context.logDir, worker.pod), container, `${chosen.restartCount}.log`),
        running: async () => {
          const { status } = await runtime
            .containerStatus({ container_id: chosen.id })
            .catch(() => ({ status: undefined }));
          return status?.state === 'CONTAINER_RUNNING';
        },
      };
      return readLog(source, query, { clock: context.clock, signal });
    },
    async execUrl(ref, { command, ...options }) {
      const { id } = await runningContainer(ref);
      return (await runtime.exec({ container_id: id, cmd: command, ...options })).url;
    },
    async attachUrl(ref, options) {
      const { id } = await runningContainer(ref);
      return (await runtime.attach({ container_id: id, ...options })).url;
    },
    async portForwardUrl(ref, ports) {
      const worker = workerOf(ref);
      const sandbox = worker.runtimePod.sandboxes.find(({ ready }) => ready);
      if (!sandbox) throw new NodeRequestError(404, `pod ${ref.namespace}/${ref.pod} has no running sandbox`);
      return (await runtime.portForward({ pod_sandbox_id: sandbox.id, port: ports })).url;
    },
    async run(ref, command) {
      const { id } = await runningContainer(ref);
      const answer = await runtime.execSync({ container_id: id, cmd: command, timeout: 0 });
      return Buffer.concat([answer.stdout, answer.stderr]);
    },
    summary: () => nodeSummary(kit, workers),
    metrics: (which) => nodeMetrics(kit, workers, which),
  };
}

/** A pod as the runtime knows it: its name, and the containers that run. */
function runningPod(worker: PodWorker): object | undefined {
  const containers = worker.runtimePod.containers.filter(({ state }) => state === 'running');
  if (containers.length === 0) return undefined;
  const { namespace, name } = worker.pod.metadata;
  return {
    metadata: { namespace: namespace!, name: name!, uid: worker.uid },
    spec: {
      containers: containers.map((container) => ({ name: container.name, image: container.image, resources: {} })),
    },
    status: {},
  };
}

function statusOf(status: Shared<PodStatus>, name: string): Shared<ContainerStatus> | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status;
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    (one) => one.name === name,
  );
}

/** Why there is no log, in upstream's words. */
function logRefusal(pod: Shared<Pod>, name: string, previous: boolean): NodeRequestError {
  const status = statusOf(pod.status, name);
  const known = [...pod.spec.containers, ...(pod.spec.initContainers ?? []), ...(pod.spec.ephemeralContainers ?? [])];
  if (!known.some((container) => container.name === name)) {
    return new NodeRequestError(404, `container "${name}" in pod "${pod.metadata.name}" is not available`);
  }
  if (previous) {
    return new NodeRequestError(400, `previous terminated container "${name}" in pod "${pod.metadata.name}" not found`);
  }
  const reason = status?.state?.waiting?.reason ?? 'ContainerCreating';
  const why =
    reason === 'ErrImagePull' || reason === 'ImagePullBackOff'
      ? `trying and failing to pull image`
      : `waiting to start: ${reason}`;
  return new NodeRequestError(400, `container "${name}" in pod "${pod.metadata.name}" is ${why}`);
}
