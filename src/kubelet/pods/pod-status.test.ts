import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Pod, PodStatus } from '../../api/types/core-v1.ts';
import { findGarbage } from './container-gc.ts';
import type { RuntimeContainer, RuntimePod, RuntimeSandbox } from './pod-runtime.ts';
import { makePodStatus, type StatusInput } from './pod-status.ts';
import { statusPatch } from './status-writer.ts';

const now = Date.UTC(2026, 0, 1, 12);

function podOf(spec: Partial<Pod['spec']> = {}, status: Partial<PodStatus> = {}): Shared<Pod> {
  return {
    metadata: { name: 'p', namespace: 'default', uid: 'u', generation: 3 },
    spec: { containers: [{ name: 'main', image: 'web:1', resources: {} }], restartPolicy: 'Always', ...spec },
    status,
  } as unknown as Shared<Pod>;
}

const sandbox: RuntimeSandbox = {
  id: 's',
  ready: true,
  attempt: 0,
  createdAt: 1,
  ips: ['10.0.0.2'],
  hostNetwork: false,
};
const ran = (name: string, more: Partial<RuntimeContainer> = {}): RuntimeContainer => ({
  id: `id-${name}`,
  name,
  sandboxId: 's',
  state: 'running',
  createdAt: now - 2000,
  startedAt: now - 1000,
  finishedAt: 0,
  exitCode: 0,
  reason: '',
  message: '',
  image: 'web:1',
  imageRef: 'sha256:1',
  hash: '',
  restartCount: 0,
  logPath: '',
  annotations: {},
  resources: undefined,
  user: undefined,
  ...more,
});

function statusOf(pod: Shared<Pod>, containers: RuntimeContainer[], more: Partial<StatusInput> = {}): PodStatus {
  const runtime: RuntimePod = { uid: 'u', sandboxes: [sandbox], containers };
  return makePodStatus({
    pod,
    runtime,
    now,
    hostIps: ['192.0.2.1'],
    podIps: ['10.0.0.2'],
    waiting: new Map(),
    isReady: () => true,
    isStarted: () => true,
    terminationMessage: () => '',
    runtimeName: 'containerd',
    ...more,
  });
}
const condition = (status: PodStatus, type: string) => status.conditions?.find((one) => one.type === type);

describe('the status of a pod', () => {
  it('shows the resources that were in force while those of the spec are not', () => {
    const of = (cpu: string) => ({ limits: { cpu }, requests: { cpu } });
    const pod = podOf(
      { containers: [{ name: 'main', image: 'web:1', resources: of('900') } as Pod['spec']['containers'][0]] },
      {
        containerStatuses: [{ name: 'main', state: {}, resources: of('1'), allocatedResources: { cpu: '1' } } as never],
      },
    );
    expect(statusOf(pod, [ran('main')]).containerStatuses?.[0]).toMatchObject({ resources: of('900') });
    expect(statusOf(pod, [ran('main')], { keepResources: true }).containerStatuses?.[0]).toMatchObject({
      resources: of('1'),
      allocatedResources: { cpu: '1' },
    });
  });

  it('is pending while containers are being created', () => {
    const status = statusOf(podOf(), []);
    expect(status).toMatchObject({ phase: 'Pending', observedGeneration: 3, startTime: '2026-01-01T12:00:00Z' });
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
    expect(condition(status, 'Ready')).toMatchObject({ status: 'False', reason: 'ContainersNotReady' });
  });

  it('is running and ready when its containers are', () => {
    const status = statusOf(podOf(), [ran('main')]);
    expect(status).toMatchObject({ phase: 'Running', podIP: '10.0.0.2', hostIP: '192.0.2.1' });
    expect(status.containerStatuses?.[0]).toMatchObject({
      ready: true,
      started: true,
      containerID: 'containerd://id-main',
    });
    for (const type of ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']) {
      expect(condition(status, type)?.status).toBe('True');
    }
  });

  it('keeps the times of conditions that did not change, and conditions of others', () => {
    const old = '2026-01-01T10:00:00Z';
    const conditions = [
      { type: 'Ready', status: 'True', lastTransitionTime: old },
      { type: 'example.com/gate', status: 'True' },
    ];
    const status = statusOf(podOf({}, { conditions }), [ran('main')]);
    expect(condition(status, 'Ready')?.lastTransitionTime).toBe(old);
    expect(condition(status, 'example.com/gate')?.status).toBe('True');
    const unready = statusOf(podOf({}, { conditions }), [ran('main')], { isReady: () => false });
    expect(condition(unready, 'Ready')?.lastTransitionTime).toBe('2026-01-01T12:00:00Z');
  });

  it('says that init containers are not done', () => {
    const pod = podOf({ initContainers: [{ name: 'init', resources: {} }] });
    const status = statusOf(pod, [ran('init')]);
    expect(status.phase).toBe('Pending');
    expect(status.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
    expect(condition(status, 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [init]',
    });
  });

  it('shows a crash loop as waiting, with what happened last', () => {
    const waiting = new Map([['main', { reason: 'CrashLoopBackOff', message: 'back-off' }]]);
    const ended = ran('main', { state: 'exited', exitCode: 1, finishedAt: now, restartCount: 2 });
    const status = statusOf(podOf(), [ended], { waiting });
    expect(status.phase).toBe('Running');
    expect(status.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
      restartCount: 2,
      ready: false,
    });
  });

  it.each([
    ['Never', 0, 'Succeeded'],
    ['Never', 1, 'Failed'],
    ['OnFailure', 0, 'Succeeded'],
    ['OnFailure', 1, 'Running'],
    ['Always', 0, 'Running'],
  ])('with restartPolicy %s and exit code %i is %s', (restartPolicy, exitCode, phase) => {
    expect(
      statusOf(podOf({ restartPolicy }), [ran('main', { state: 'exited', exitCode, finishedAt: now })]).phase,
    ).toBe(phase);
  });

  describe('with containers that restart by rules of their own', () => {
    const rule = (action: string, ...values: number[]) => ({ action, exitCodes: { operator: 'In', values } });
    const never = (more: object) => podOf({ restartPolicy: 'Never', ...more });
    const main = (more: object) => ({
      containers: [{ name: 'main', image: 'web:1', resources: {}, ...more }] as never,
    });
    const ended = (name: string, exitCode: number) => ran(name, { state: 'exited', exitCode });

    it.each<[string, Shared<Pod>, number, string]>([
      [
        'a rule that fits',
        never(main({ restartPolicy: 'Never', restartPolicyRules: [rule('Restart', 42)] })),
        42,
        'Running',
      ],
      [
        'a rule that does not fit',
        never(main({ restartPolicy: 'Never', restartPolicyRules: [rule('Restart', 42)] })),
        1,
        'Failed',
      ],
      ['a policy of its own', never(main({ restartPolicy: 'OnFailure' })), 1, 'Running'],
      ['a policy that lets it be', never(main({ restartPolicy: 'OnFailure' })), 0, 'Succeeded'],
      [
        'a rule for all',
        never(main({ restartPolicy: 'Never', restartPolicyRules: [rule('RestartAllContainers', 7)] })),
        7,
        'Running',
      ],
      ['none', never({}), 7, 'Failed'],
    ])('is what becomes of them: %s', (_, pod, exitCode, phase) => {
      expect(statusOf(pod, [ended('main', exitCode)]).phase).toBe(phase);
    });

    it('goes on while one waits for its backoff', () => {
      const pod = never(main({ restartPolicy: 'Never', restartPolicyRules: [rule('Restart', 42)] }));
      const waiting = new Map([['main', { reason: 'CrashLoopBackOff', message: '' }]]);
      expect(statusOf(pod, [ended('main', 42)], { waiting })).toMatchObject({
        phase: 'Running',
        containerStatuses: [{ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: {} } }],
      });
    });

    it('is pending while an init container restarts, and failed when it does not', () => {
      const init = {
        name: 'init',
        image: 'web:1',
        resources: {},
        restartPolicy: 'Never',
        restartPolicyRules: [rule('Restart', 42)],
      };
      const pod = never({ initContainers: [init] });
      expect(statusOf(pod, [ended('init', 42)]).phase).toBe('Pending');
      expect(statusOf(pod, [ended('init', 1)]).phase).toBe('Failed');
    });

    it('says when all of them are restarted', () => {
      const condition = (pod: Shared<Pod>, exitCode: number, restartingAll: boolean) =>
        statusOf(pod, [ended('main', exitCode)], { restartingAll }).conditions?.find(
          ({ type }) => type === 'AllContainersRestarting',
        );
      const pod = never(main({ restartPolicy: 'Never', restartPolicyRules: [rule('RestartAllContainers', 7)] }));
      expect(condition(pod, 7, true)).toMatchObject({ status: 'True', reason: 'RestartAllContainersStarted' });
      expect(condition(pod, 7, false)).toMatchObject({ status: 'False' });
      expect(condition(pod, 0, false)).toMatchObject({ status: 'False', reason: 'PodCompleted' });
      expect(condition(never({}), 7, false)).toBeUndefined();
    });
  });

  it('remembers how a container ended that the runtime has forgotten', () => {
    const terminated = { exitCode: 9, reason: 'Error', containerID: 'containerd://before' };
    const old = {
      name: 'main',
      state: { terminated },
      lastState: {},
      ready: false,
      restartCount: 0,
      image: '',
      imageID: '',
    };
    const pod = podOf({}, { containerStatuses: [{ ...old, containerID: 'containerd://before' }] as never });
    expect(statusOf(pod, [ran('main', { restartCount: 1 })]).containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      state: { running: {} },
      lastState: { terminated },
    });
  });

  it('never leaves a final phase', () => {
    expect(statusOf(podOf({}, { phase: 'Succeeded' }), [ran('main')]).phase).toBe('Succeeded');
  });

  it('is failed, with the reason, when the agent ends the pod', () => {
    const status = statusOf(podOf(), [ran('main')], { failure: { reason: 'Evicted', message: 'low on memory' } });
    expect(status).toMatchObject({ phase: 'Failed', reason: 'Evicted', message: 'low on memory' });
  });

  it('says that it was ended to make room, before it had containers, too', () => {
    const failure = { reason: 'Evicted', message: 'The node was low on resource: memory. ' };
    const types = (status: PodStatus) => status.conditions?.map(({ type }) => type);
    for (const containers of [[ran('main')], []]) {
      const status = statusOf(podOf(), containers, { failure: { ...failure, disruption: true } });
      expect(status.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
        status: 'True',
        reason: 'TerminationByKubelet',
        message: failure.message,
        observedGeneration: 3,
      });
      expect(types(statusOf(podOf(), containers, { failure }))).not.toContain('DisruptionTarget');
    }
  });

  it('owns up to containers that the machine has lost', () => {
    const containerStatuses = [
      {
        name: 'main',
        state: { running: { startedAt: '2026-01-01T11:00:00Z' } },
        lastState: {},
        ready: true,
        restartCount: 1,
        image: 'web:1',
        imageID: '',
        containerID: 'containerd://gone',
      },
    ];
    const status = statusOf(podOf({}, { containerStatuses }), [], { finished: true });
    expect(status.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
    });
    expect(status.phase).toBe('Failed');
  });
});

describe('the patch from one status to another', () => {
  const base: PodStatus = {
    phase: 'Pending',
    conditions: [{ type: 'Ready', status: 'False', reason: 'X' }],
    podIPs: [{ ip: 'a' }],
  };

  it('is nothing when nothing changed', () => {
    expect(statusPatch(base, { ...base })).toBeUndefined();
  });

  it('has what changed, and takes away what is no longer said', () => {
    const patch = statusPatch(
      { ...base, reason: 'Old' },
      { ...base, phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    );
    expect(patch).toEqual({
      phase: 'Running',
      reason: null,
      conditions: [{ type: 'Ready', status: 'True', reason: null, message: null }],
    });
  });

  it('replaces addresses, which the server merges', () => {
    expect(statusPatch(base, { ...base, podIPs: [{ ip: 'b' }] })).toEqual({
      podIPs: [{ ip: 'b' }, { ip: 'a', $patch: 'delete' }],
    });
  });

  it('ends resize conditions', () => {
    const from: PodStatus = { conditions: [{ type: 'PodResizePending', status: 'True' }] };
    expect(statusPatch(from, { conditions: [] })).toEqual({
      conditions: [{ type: 'PodResizePending', $patch: 'delete' }],
    });
  });
});

describe('garbage', () => {
  it('is every dead container but the newest of a name, and dead empty sandboxes', () => {
    const dead = (id: string) => ran('main', { id, state: 'exited' });
    const found = findGarbage({
      uid: 'u',
      sandboxes: [sandbox, { ...sandbox, id: 'old', ready: false }, { ...sandbox, id: 'older', ready: false }],
      containers: [
        ran('main'),
        dead('one'),
        dead('two'),
        ran('side', { id: 'x', state: 'exited', sandboxId: 'older' }),
      ],
    });
    expect(found.containers.map(({ id }) => id)).toEqual(['two']);
    expect(found.sandboxes.map(({ id }) => id)).toEqual(['old']);
  });
});
