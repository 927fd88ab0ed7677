/** What outlives what: containers outlive the agent and containerd; pods deleted meanwhile do not. */
import { readdirSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import {
  firstState,
  missingForRealNode,
  type NodeLab,
  script,
  shellImage,
  startNodeLab,
  until,
  untilGo,
  waiting,
} from './node-lab.ts';

const missing = missingForRealNode();

describe.skipIf(missing)(`survival${missing ? ` (${missing})` : ''}`, () => {
  let lab: NodeLab;
  beforeAll(async () => {
    lab = await startNodeLab();
  });
  afterAll(async () => {
    await lab?.close();
  });
  const sandboxNames = async () => {
    const { items } = await lab.containerd.runtime.runtime.listPodSandbox({});
    return items.map((item) => item.metadata?.name);
  };

  it('adopts running pods without a restart, and keeps ready what was ready', async () => {
    await lab.run('kept', {
      containers: [
        { ...waiting, readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1, timeoutSeconds: 30 } },
      ],
    });
    const before = await lab.until('kept', ({ status }) => status.containerStatuses?.[0]?.ready ?? false);
    const readyChanges: string[] = [];
    const watch = lab.client.watch(
      Pod,
      { namespace: 'default', fieldSelector: 'metadata.name=kept' },
      {
        onEvents: (events) => {
          for (const { object } of events) readyChanges.push(String(object.status.containerStatuses?.[0]?.ready));
        },
        onEnd() {},
      },
    );
    await lab.restartAgent();
    const after = await lab.until('kept', ({ status }) => status.phase === 'Running');
    expect(after.status.containerStatuses?.[0]).toMatchObject({
      restartCount: 0,
      containerID: before.status.containerStatuses?.[0]?.containerID,
    });
    await lab.run('next', { containers: [waiting] });
    await lab.until('next', ({ status }) => status.phase === 'Running');
    watch.close();
    expect(readyChanges).not.toContain('false');
  });

  it('notices what happened while no agent ran', async () => {
    await lab.run('deleted', { containers: [waiting] });
    await lab.run('ended', {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: shellImage, command: script(`${untilGo}; exit 4`) }],
    });
    await lab.until('deleted', ({ status }) => status.phase === 'Running');
    await lab.until('ended', ({ status }) => status.phase === 'Running');
    await lab.restartAgent({
      between: async () => {
        await lab.client.delete(Pod, { namespace: 'default', name: 'deleted' }, { gracePeriodSeconds: 0 });
        await lab.exec('ended', 'touch', '/go');
        await until(async () => {
          const { containers } = await lab.containerd.runtime.runtime.listContainers({});
          return containers.some(
            (c) => c.labels['io.kubernetes.pod.name'] === 'ended' && c.state === 'CONTAINER_EXITED',
          );
        });
      },
    });
    await until(async () => !(await sandboxNames()).includes('deleted'));
    const ended = await lab.until('ended', ({ status }) => status.phase === 'Failed');
    expect(firstState(ended)?.terminated?.exitCode).toBe(4);
  });

  it('keeps containers running while containerd is killed and started again', async () => {
    await lab.run('steady', { containers: [waiting] });
    const before = await lab.until('steady', ({ status }) => status.phase === 'Running');
    const killed = lab.containerd.pid;
    process.kill(killed, 'SIGKILL');
    await until(async () => lab.containerd.pid !== killed);
    await lab.run('after', { containers: [waiting] });
    await lab.until('after', ({ status }) => status.phase === 'Running');
    expect((await lab.get('steady')).status.containerStatuses?.[0]).toMatchObject({
      restartCount: 0,
      containerID: before.status.containerStatuses?.[0]?.containerID,
    });
    const node = await lab.client.get(Node, { name: 'lab-node' });
    expect(node.status.nodeInfo.containerRuntimeVersion).toMatch(/^containerd:\/\/1\./);
  });

  it('makes a new sandbox for a pod whose sandbox was killed', async () => {
    await lab.run('sandboxed', { containers: [waiting] });
    await lab.until('sandboxed', ({ status }) => status.phase === 'Running');
    const { items } = await lab.containerd.runtime.runtime.listPodSandbox({});
    const sandbox = items.find((item) => item.metadata?.name === 'sandboxed')!;
    await lab.containerd.runtime.runtime.stopPodSandbox({ pod_sandbox_id: sandbox.id });
    await lab.until(
      'sandboxed',
      ({ status }) => status.containerStatuses?.[0]?.restartCount === 1 && status.phase === 'Running',
    );
  });

  it('brings pods up again after the machine was rebooted', async () => {
    await lab.run('rebooted', { containers: [waiting] });
    const before = await lab.until('rebooted', ({ status }) => status.phase === 'Running');
    await lab.reboot();
    const after = await lab.until(
      'rebooted',
      ({ status }) =>
        status.containerStatuses?.[0]?.state?.running !== undefined && status.containerStatuses[0].restartCount === 1,
    );
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status.phase).toBe('Running');
  });

  it('ends a pod at once when its grace is cut short', async () => {
    const deaf = { name: 'main', image: shellImage, command: script('trap "" TERM; while true; do sleep 0.1; done') };
    await lab.run('deaf', { terminationGracePeriodSeconds: 600, containers: [deaf] });
    await lab.until('deaf', ({ status }) => status.phase === 'Running');
    await lab.client.delete(Pod, { namespace: 'default', name: 'deaf' });
    await lab.until('deaf', ({ metadata }) => metadata.deletionTimestamp !== undefined);
    await lab.client.delete(Pod, { namespace: 'default', name: 'deaf' }, { gracePeriodSeconds: 0 });
    await until(async () => !(await sandboxNames()).includes('deaf'));
  });

  it('says why a command cannot be started', async () => {
    await lab.run('typo', {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: shellImage, command: ['/no/such'] }],
    });
    const pod = await lab.until('typo', ({ status }) => status.phase === 'Failed');
    expect(firstState(pod)?.terminated).toMatchObject({ exitCode: 128, reason: 'StartError' });
    expect(firstState(pod)?.terminated?.message).toContain('no such file or directory');
  });

  it('rotates a log that has grown, and goes on with a new one', async () => {
    const small = await startNodeLab({
      containerLogMaxSizeBytes: 1000,
      containerLogMaxFiles: 3,
      containerLogMonitorIntervalMs: 500,
    });
    try {
      await small.run('chatty', {
        containers: [
          {
            name: 'main',
            image: shellImage,
            command: script('while true; do echo 0123456789012345678901234567890123456789; sleep 0.05; done'),
          },
        ],
      });
      const { metadata } = await small.until('chatty', ({ status }) => status.phase === 'Running');
      const dir = `${small.dataDir}/pod-logs/default_chatty_${metadata.uid}/main`;
      await until(async () => readdirSync(dir).some((name) => /^0\.log\.\d{8}-\d{6}$/.test(name)));
      await until(async () => statSync(`${dir}/0.log`, { throwIfNoEntry: false })?.size !== 0);
    } finally {
      await small.close();
    }
  });

  it('registers the node anew when it was deleted, and renews its lease', async () => {
    const { Lease } = await import('../../src/api/coordination/lease.ts');
    const lease = await lab.client.get(Lease, { namespace: 'kube-node-lease', name: 'lab-node' });
    expect(lease.spec.holderIdentity).toBe('lab-node');
    const node = await lab.client.get(Node, { name: 'lab-node' });
    expect(node.status.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'True',
      reason: 'KubeletReady',
    });
    expect(node.metadata.labels).toMatchObject({ 'kubernetes.io/hostname': 'lab-node', 'kubernetes.io/os': 'linux' });
  });
});
