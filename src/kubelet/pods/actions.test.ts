import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Container, Pod } from '../../api/types/core-v1.ts';
import { computeActions, type ProbeVerdicts } from './actions.ts';
import type { RuntimeContainer, RuntimePod } from './pod-runtime.ts';
import { containerHash } from './runtime-labels.ts';

const calm: ProbeVerdicts = { liveness: () => 'unknown', startup: () => 'unknown' };

const container = (name: string, more: Partial<Container> = {}): Container => ({
  name,
  image: 'web:1',
  resources: {},
  ...more,
});

function podOf(spec: Partial<Pod['spec']>): Shared<Pod> {
  return {
    metadata: { name: 'p', namespace: 'default', uid: 'u' },
    spec: { containers: [container('main')], restartPolicy: 'Always', ...spec },
    status: {},
  } as unknown as Shared<Pod>;
}

function ran(name: string, more: Partial<RuntimeContainer> = {}): RuntimeContainer {
  return {
    id: `id-${name}`,
    name,
    sandboxId: 's',
    state: 'running',
    createdAt: 1,
    startedAt: 2,
    finishedAt: 0,
    exitCode: 0,
    reason: '',
    message: '',
    image: 'web:1',
    imageRef: 'sha256:1',
    hash: containerHash(container(name)),
    restartCount: 0,
    logPath: '',
    annotations: {},
    resources: undefined,
    user: undefined,
    ...more,
  };
}

const runtime = (containers: RuntimeContainer[], ready = true): RuntimePod => ({
  uid: 'u',
  sandboxes: [{ id: 's', ready, attempt: 0, createdAt: 1, ips: ['10.0.0.2'], hostNetwork: false }],
  containers,
});
const names = (list: readonly { name: string }[]) => list.map(({ name }) => name);

describe('what a pod needs next', () => {
  it('begins with a sandbox and the first init container', () => {
    const pod = podOf({ initContainers: [container('one'), container('two')] });
    const actions = computeActions(pod, { uid: 'u', sandboxes: [], containers: [] }, calm);
    expect(actions).toMatchObject({ createSandbox: true, attempt: 0 });
    expect(names(actions.initContainersToStart)).toEqual(['one']);
    expect(actions.containersToStart).toEqual([]);
  });

  it('starts nothing while an init container runs, and the next one after it succeeded', () => {
    const pod = podOf({ initContainers: [container('one'), container('two')] });
    expect(names(computeActions(pod, runtime([ran('one')]), calm).initContainersToStart)).toEqual([]);
    const done = runtime([ran('one', { state: 'exited' })]);
    expect(names(computeActions(pod, done, calm).initContainersToStart)).toEqual(['two']);
  });

  it('starts the main containers after the last init container', () => {
    const pod = podOf({ initContainers: [container('one')] });
    const actions = computeActions(pod, runtime([ran('one', { state: 'exited' })]), calm);
    expect(names(actions.containersToStart)).toEqual(['main']);
  });

  it('does not run init containers again when their containers were removed and a later one exists', () => {
    const pod = podOf({ initContainers: [container('one'), container('two')] });
    const actions = computeActions(pod, runtime([ran('two', { state: 'exited' })]), calm);
    expect(actions.initContainersToStart).toEqual([]);
    expect(names(actions.containersToStart)).toEqual(['main']);
  });

  it('ends the pod when an init container fails and nothing may restart', () => {
    const pod = podOf({ initContainers: [container('one')], restartPolicy: 'Never' });
    const failed = runtime([ran('one', { state: 'exited', exitCode: 1 })]);
    expect(computeActions(pod, failed, calm)).toMatchObject({ killPod: true, createSandbox: false });
    const again = computeActions(podOf({ initContainers: [container('one')] }), failed, calm);
    expect(names(again.initContainersToStart)).toEqual(['one']);
  });

  it('waits for a sidecar to have started, not to have ended', () => {
    const sidecar = container('side', {
      restartPolicy: 'Always',
      startupProbe: { exec: { command: ['true'] } },
    });
    const pod = podOf({ initContainers: [sidecar] });
    expect(computeActions(pod, runtime([ran('side')]), calm).containersToStart).toEqual([]);
    const started = computeActions(pod, runtime([ran('side')]), { ...calm, startup: () => 'success' });
    expect(names(started.containersToStart)).toEqual(['main']);
  });

  it('restarts a sidecar that ended while main containers run, also when the pod never restarts', () => {
    const pod = podOf({ initContainers: [container('side', { restartPolicy: 'Always' })], restartPolicy: 'Never' });
    const actions = computeActions(pod, runtime([ran('side', { state: 'exited' }), ran('main')]), calm);
    expect(names(actions.initContainersToStart)).toEqual(['side']);
    expect(actions.killPod).toBe(false);
  });

  it('ends sidecars when all main containers are done', () => {
    const pod = podOf({ initContainers: [container('side', { restartPolicy: 'Always' })], restartPolicy: 'Never' });
    const actions = computeActions(pod, runtime([ran('side'), ran('main', { state: 'exited' })]), calm);
    expect(actions.killPod).toBe(true);
  });

  it.each([
    ['Always', 0, true],
    ['Always', 1, true],
    ['OnFailure', 0, false],
    ['OnFailure', 1, true],
    ['Never', 1, false],
  ])('with restartPolicy %s an exit with %i is followed by a start: %s', (restartPolicy, exitCode, starts) => {
    const actions = computeActions(
      podOf({ restartPolicy }),
      runtime([ran('main', { state: 'exited', exitCode })]),
      calm,
    );
    expect(actions.containersToStart.length > 0).toBe(starts);
    expect(actions.killPod).toBe(!starts);
  });

  it('follows restart rules by exit code before the policy', () => {
    const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];
    const pod = podOf({
      restartPolicy: 'Never',
      containers: [container('main', { restartPolicy: 'Never', restartPolicyRules: rules as never })],
    });
    const exits = (exitCode: number) =>
      computeActions(pod, runtime([ran('main', { state: 'exited', exitCode })]), calm).containersToStart.length;
    expect([exits(42), exits(1)]).toEqual([1, 0]);
  });

  it('replaces a container whose image changed', () => {
    const actions = computeActions(podOf({}), runtime([ran('main', { hash: 'other' })]), calm);
    expect(actions.containersToKill).toMatchObject([
      { reason: 'changed', message: 'Container main definition changed, will be restarted' },
    ]);
    expect(names(actions.containersToStart)).toEqual(['main']);
  });

  it('kills after a failed liveness probe, and restarts unless the pod never restarts', () => {
    const probe = { livenessProbe: { exec: { command: ['true'] } } };
    const sick: ProbeVerdicts = { ...calm, liveness: () => 'failure' };
    const restarted = computeActions(podOf({ containers: [container('main', probe)] }), runtime([ran('main')]), sick);
    expect(restarted.containersToKill[0]?.message).toBe('Container main failed liveness probe, will be restarted');
    const never = podOf({ containers: [container('main', probe)], restartPolicy: 'Never' });
    expect(computeActions(never, runtime([ran('main')]), sick)).toMatchObject({ killPod: true, createSandbox: false });
  });

  it('makes a new sandbox with a higher attempt when the old one died, and runs init containers again', () => {
    const pod = podOf({ initContainers: [container('one')] });
    const actions = computeActions(pod, runtime([ran('main', { state: 'exited', exitCode: 137 })], false), calm);
    expect(actions).toMatchObject({ killPod: true, createSandbox: true, attempt: 1 });
    expect(names(actions.initContainersToStart)).toEqual(['one']);
  });

  it('does not start a pod anew that never restarts and has lost its sandbox', () => {
    const actions = computeActions(
      podOf({ restartPolicy: 'Never' }),
      runtime([ran('main', { state: 'exited' })], false),
      calm,
    );
    expect(actions).toMatchObject({ killPod: true, createSandbox: false });
  });

  it('starts ephemeral containers once', () => {
    const pod = podOf({ ephemeralContainers: [{ name: 'debug', resources: {} }] as never });
    expect(names(computeActions(pod, runtime([ran('main')]), calm).ephemeralContainersToStart)).toEqual(['debug']);
    const ended = runtime([ran('main'), ran('debug', { state: 'exited' })]);
    expect(computeActions(pod, ended, calm).ephemeralContainersToStart).toEqual([]);
  });
});
