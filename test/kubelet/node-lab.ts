/** A real node for tests: an API server in memory, our own containerd, a pod network, the agent, and a shell image. */
import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Event } from '../../src/api/core/event.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import type { Shared } from '../../src/api/kind.ts';
import { loopbackUser, roleUser } from '../../src/apiserver/user.ts';
import { realClock } from '../../src/base/clock.ts';
import { createLogger, silentLogger } from '../../src/base/log.ts';
import { realRandom } from '../../src/base/random.ts';
import type { Client, Draft } from '../../src/client/client.ts';
import { type ControlPlane, startControlPlane } from '../../src/cluster/control-plane.ts';
import { renderKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { createPki, issueKubeletServer, servingNames } from '../../src/cluster/pki.ts';
import { type Containerd, superviseContainerd } from '../../src/cri/containerd.ts';
import { findProgram } from '../../src/cri/machine.ts';
import { unmountAll } from '../../src/cri/mounts.ts';
import { childrenOf, endProcess, findProcesses } from '../../src/cri/processes.ts';
import { type Agent, type AgentOptions, startAgent } from '../../src/kubelet/agent.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { packShellImage } from '../images/web-image.ts';
import { claimLab, type LabClaim } from './lab-claim.ts';

/** Why these tests cannot run here, or undefined. */
export function missingForRealNode(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'real containers need root on Linux';
  const missing = ['containerd', 'ctr', 'runc', 'busybox'].filter((program) => !findProgram(program));
  return missing.length > 0 ? `install ${missing.join(', ')}` : undefined;
}

const cniDirs = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];
const nodeName = 'lab-node';

export interface NodeLab {
  readonly client: Client;
  readonly plane: ControlPlane;
  readonly containerd: Containerd;
  readonly agent: Agent;
  readonly dataDir: string;
  readonly cgroupRoot: string;
  readonly kubeconfig: string;
  /** Ends the agent, without ending containers, and starts another. */
  restartAgent(options?: { between?: () => Promise<void> }): Promise<void>;
  /** What a reboot does to a node: every process, mount and network namespace of it is gone. */
  reboot(): Promise<void>;
  /** Creates a pod bound to the node. */
  run(name: string, spec: Draft<Pod>['spec'], metadata?: Draft<Pod>['metadata']): Promise<Shared<Pod>>;
  get(name: string): Promise<Shared<Pod>>;
  /** Waits until a pod satisfies a condition; the error shows the pod's status. */
  until(name: string, condition: (pod: Shared<Pod>) => boolean, timeoutMs?: number): Promise<Shared<Pod>>;
  untilGone(name: string, timeoutMs?: number): Promise<void>;
  events(name: string): Promise<string[]>;
  /** Runs a command in a pod's first container. */
  exec(name: string, ...command: string[]): Promise<void>;
  close(): Promise<void>;
}

/** A line of a script that waits until the test makes the file `/go`. */
export const untilGo = 'until [ -e /go ]; do sleep 0.1; done';
/** The command of a container that runs a script and ends at once on SIGTERM. */
export const script = (text: string): string[] => ['/bin/sh', '-c', text];
export const shellImage = 'shell:1';
/** A container that waits. */
export const waiting = { name: 'main', image: shellImage, command: script('trap "exit 0" TERM; sleep 1000000 & wait') };

export async function startNodeLab(settings: AgentOptions['settings'] = {}): Promise<NodeLab> {
  const claim = await claimLab();
  const undo: (() => unknown)[] = [() => claim.release()];
  /** Takes everything back, the last first, and fails afterwards with what went wrong. */
  const close = async () => {
    const problems: unknown[] = [];
    for (let step = undo.pop(); step; step = undo.pop()) {
      try {
        await step();
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) throw problems.length === 1 ? problems[0] : new AggregateError(problems);
  };
  try {
    return await startLab(settings, { claim, undo, close });
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

async function startLab(
  settings: AgentOptions['settings'],
  { claim, undo, close }: { claim: LabClaim; undo: (() => unknown)[]; close: () => Promise<void> },
): Promise<NodeLab> {
  const { dataDir, number, cgroupRoot } = claim;
  const cniConfDir = join(dataDir, 'cni');
  mkdirSync(cniConfDir, { recursive: true });
  writeFileSync(
    join(cniConfDir, '10-lab.conflist'),
    JSON.stringify({
      cniVersion: '1.0.0',
      name: `lab${number}`,
      plugins: [
        {
          type: 'ptp',
          ipam: {
            type: 'host-local',
            dataDir: join(dataDir, 'ipam'),
            ranges: [[{ subnet: `10.199.${number}.0/24` }]],
            routes: [{ dst: '0.0.0.0/0' }],
          },
        },
      ],
    }),
  );
  const log = process.env['LAB_LOG'] ? createLogger({ level: 'info' }) : silentLogger;
  const boot = () => superviseContainerd({ dataDir, cniConfDir, cniBinDirs: cniDirs.filter((dir) => existsSync(dir)) });
  let containerd = await boot();
  undo.push(() => containerd.purge());
  await containerd.importImages(
    (async function* () {
      yield packShellImage();
    })(),
  );
  const networks = { podCidr: '10.199.0.0/16', serviceCidr: '10.198.0.0/16', clusterDomain: 'cluster.local' };
  const pki = createPki(servingNames({ ...networks, nodeIp: '127.0.0.1' }), realClock.now());
  const plane = await startControlPlane({
    ...networks,
    store: await openMemoryStore(),
    clock: realClock,
    random: realRandom,
    log: silentLogger,
    pki,
    clusterName: 'lab',
    nodePortRange: [30000, 32767],
    disable: ['load-balancer'],
    freeze: true,
  });
  undo.push(() => plane.stop());
  const client = plane.clientAs(loopbackUser);
  const { url } = await plane.listen({ host: '127.0.0.1', port: 0 });
  const kubeconfig = join(dataDir, 'kubeconfig');
  writeFileSync(kubeconfig, renderKubeconfig({ name: 'lab', server: url, ca: pki.ca.cert, ...pki.admin }));
  const serving = issueKubeletServer(pki.ca, nodeName, ['127.0.0.1'], realClock.now());
  const start = () =>
    startAgent({
      client: plane.clientAs(roleUser(`system:node:${nodeName}`, ['system:nodes', 'system:masters']), 'kubelet'),
      nodeName,
      runtime: containerd.runtime,
      dataDir,
      clock: realClock,
      random: realRandom,
      log,
      nodeIps: ['127.0.0.1'],
      tls: { ...serving, clientCa: pki.ca.cert },
      settings: { cgroupRoot, ...settings },
    });
  let agent = await start();
  undo.push(() => agent.close());
  await until(async () => (await client.find(ServiceAccount, { namespace: 'default', name: 'default' })) !== undefined);

  const get = (name: string) => client.get(Pod, { namespace: 'default', name });
  const lab: NodeLab = {
    client,
    plane,
    get containerd() {
      return containerd;
    },
    dataDir,
    cgroupRoot,
    kubeconfig,
    get agent() {
      return agent;
    },
    async restartAgent(options) {
      await agent.close();
      await options?.between?.();
      agent = await start();
    },
    async reboot() {
      await agent.close();
      const { items } = await containerd.runtime.runtime.listPodSandbox({});
      const namespaces = await Promise.all(
        items.map(async ({ id }) => {
          const { info } = await containerd.runtime.runtime.podSandboxStatus({ pod_sandbox_id: id, verbose: true });
          return (
            JSON.parse(info['info'] ?? '{}') as { runtimeSpec?: { linux?: { namespaces?: { path?: string }[] } } }
          ).runtimeSpec?.linux?.namespaces?.find(({ path }) => path?.includes('/netns/'))?.path;
        }),
      );
      await containerd.stop();
      for (const shim of findProcesses((args) => args.includes(containerd.socket))) {
        for (const child of childrenOf(shim.pid)) await endProcess(child, realClock, 0);
        await endProcess(shim, realClock, 0);
      }
      unmountAll(dataDir);
      for (const path of namespaces) {
        if (!path || !existsSync(path)) continue;
        unmountAll(realpathSync(path));
        rmSync(path, { force: true });
      }
      writeFileSync(join(dataDir, 'containerd/boot-id'), 'another');
      containerd = await boot();
      agent = await start();
    },
    run: (name, spec, metadata) =>
      client.create(Pod, {
        metadata: { namespace: 'default', ...metadata, name },
        spec: { terminationGracePeriodSeconds: 2, nodeName, automountServiceAccountToken: false, ...spec },
      } as Draft<Pod>),
    get,
    async until(name, condition, timeoutMs = 60_000) {
      let last: Shared<Pod> | undefined;
      const deadline = realClock.monotonic() + timeoutMs;
      while (realClock.monotonic() < deadline) {
        last = await get(name);
        if (condition(last)) return last;
        await pause(10);
      }
      const events = await lab.events(name);
      throw new Error(
        `pod ${name} did not get there: ${JSON.stringify(last?.status, undefined, 1)}\n${events.join('\n')}`,
      );
    },
    untilGone: (name, timeoutMs = 60_000) =>
      until(async () => (await client.find(Pod, { namespace: 'default', name })) === undefined, timeoutMs),
    async events(name) {
      const { items } = await client.list(Event, { namespace: 'default' });
      return items
        .filter((event) => event.involvedObject.name === name)
        .map((event) => `${event.type} ${event.reason}: ${event.message}`);
    },
    async exec(name, ...command) {
      const { runtime } = containerd.runtime;
      const { containers } = await runtime.listContainers({
        filter: { label_selector: { 'io.kubernetes.pod.name': name }, state: { state: 'CONTAINER_RUNNING' } },
      });
      const { exit_code } = await runtime.execSync({ container_id: containers[0]!.id, cmd: command, timeout: 0 });
      if (exit_code !== 0) throw new Error(`${command.join(' ')} ended with ${exit_code} in pod ${name}`);
    },
    close,
  };
  return lab;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for a condition of the outside world. */
export async function until(condition: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = realClock.monotonic() + timeoutMs;
  while (!(await condition())) {
    if (realClock.monotonic() > deadline) throw new Error(`it did not happen within ${timeoutMs} ms`);
    await pause(10);
  }
}

/** The state of a pod's first container. */
export const firstState = (pod: Shared<Pod>) => pod.status.containerStatuses?.[0]?.state;
