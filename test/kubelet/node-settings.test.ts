/** What a node is set to do, and what its server tells of it, with real containers. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Node } from '../../src/api/core/node.ts';
import { Quantity } from '../../src/api/machinery/quantity.ts';
import { stockClients } from '../clients/stock-clients.ts';
import { firstState, missingForRealNode, type NodeLab, script, shellImage, startNodeLab, waiting } from './node-lab.ts';

const missing = missingForRealNode();

describe.skipIf(missing)(`a node with settings of its own${missing ? ` (${missing})` : ''}`, () => {
  let lab: NodeLab;
  let kubectlPath: string;
  beforeAll(async () => {
    ({ kubectl: kubectlPath } = await stockClients());
    lab = await startNodeLab({
      podPidsLimit: 24,
      seccompDefault: true,
      systemReserved: { cpu: '100m', memory: '64Mi' },
    });
  });
  afterAll(async () => {
    await lab?.close();
  });
  const lastWords = async (name: string, text: string, container: object = {}) => {
    await lab.run(name, {
      restartPolicy: 'Never',
      containers: [
        { name: 'main', image: shellImage, command: script(`{ ${text}; } > /dev/termination-log 2>&1`), ...container },
      ],
    });
    const pod = await lab.until(name, ({ status }) => status.phase === 'Succeeded' || status.phase === 'Failed');
    return firstState(pod)?.terminated?.message ?? '';
  };
  /** What the node's server answers through the API server. */
  const raw = (verb: 'get' | 'create', path: string, ...rest: string[]) => {
    const url = `/api/v1/nodes/lab-node/proxy/${path}`;
    const kubectl = promisify(execFile)(kubectlPath, ['--kubeconfig', lab.kubeconfig, verb, '--raw', url, ...rest]);
    kubectl.child.stdin!.end();
    return kubectl.then(
      ({ stdout }) => stdout,
      (error: { stderr: string }) => error.stderr,
    );
  };
  const ask = (path: string) => raw('get', path);
  const post = (path: string) => raw('create', path, '-f', '-');

  it('lets a pod have so many processes and no more', async () => {
    const said = await lastWords('many', 'for i in $(seq 60); do sleep 5 & done; wait');
    expect(said).toMatch(/can't fork|Resource temporarily unavailable/);
    expect(await lastWords('few', 'for i in $(seq 5); do sleep 0 & done; wait; echo fine')).toBe('fine\n');
  });

  it('puts containers that name no seccomp profile under the runtime’s', async () => {
    const mode = 'grep Seccomp: /proc/self/status | cut -f2';
    const unconfined = { securityContext: { seccompProfile: { type: 'Unconfined' } } };
    expect(await lastWords('by-default', mode)).toBe('2\n');
    expect(await lastWords('unconfined', mode, unconfined)).toBe('0\n');
  });

  it('ends a pod whose volume outgrows its limit, at once and without calling it a disruption', async () => {
    await lab.run('hoarder', {
      terminationGracePeriodSeconds: 600,
      volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '1Mi' } }],
      containers: [
        {
          name: 'main',
          image: shellImage,
          // Deaf to SIGTERM.
          command: script('trap "" TERM; head -c 3000000 /dev/zero > /scratch/file; while true; do sleep 1; done'),
          volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
        },
      ],
    });
    const { status } = await lab.until('hoarder', (pod) => firstState(pod)?.terminated !== undefined, 60_000);
    expect(status).toMatchObject({
      phase: 'Failed',
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ',
    });
    expect(status.conditions?.map(({ type }) => type)).not.toContain('DisruptionTarget');
    await expect
      .poll(() => lab.events('hoarder'))
      .toContain('Warning Evicted: Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ');
  });

  it('keeps what is reserved from its pods', async () => {
    const { status } = await lab.client.get(Node, { name: 'lab-node' });
    const left = (name: string) =>
      Number(Quantity.parse(status.capacity![name]!).milliValue()) -
      Number(Quantity.parse(status.allocatable![name]!).milliValue());
    expect(left('cpu')).toBe(100);
    // What eviction keeps free comes on top.
    expect(left('memory') / 1000).toBe((64 + 100) * 1024 * 1024);
  });

  it('says in events that it has started and is ready', async () => {
    await expect
      .poll(() => lab.events('lab-node'))
      .toEqual(
        expect.arrayContaining([
          'Normal Starting: Starting kubelet.',
          'Normal NodeHasSufficientMemory: Node lab-node status is now: NodeHasSufficientMemory',
          'Normal NodeReady: Node lab-node status is now: NodeReady',
        ]),
      );
  });

  it('tells its configuration and what runs', async () => {
    await lab.run('steady', { containers: [waiting] });
    await lab.until('steady', ({ status }) => status.phase === 'Running');
    expect(JSON.parse(await ask('configz')).kubeletconfig).toMatchObject({
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      podPidsLimit: 24,
      seccompDefault: true,
      systemReserved: { cpu: '100m', memory: '64Mi' },
      clusterDomain: 'cluster.local',
    });
    await expect
      .poll(async () => JSON.parse(await ask('runningpods/')).items)
      .toContainEqual(
        expect.objectContaining({
          metadata: expect.objectContaining({ namespace: 'default', name: 'steady' }),
          spec: { containers: [expect.objectContaining({ name: 'main', image: expect.stringContaining(shellImage) })] },
        }),
      );
    expect(await ask('healthz')).toBe('ok');
  });

  it('says that its runtime cannot write checkpoints, or writes one', async () => {
    expect(await post('checkpoint/default/steady/main')).toMatch(
      /checkpointing of default\/steady\/main failed|"items":\["\/.*checkpoint-steady_default-main-/,
    );
    expect(await post('checkpoint/default/steady/none')).toMatch(/^Error from server \(NotFound\)/);
  });
});
