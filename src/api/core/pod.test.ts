import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems } from '../admitted.ts';
import type * as core from '../types/core-v1.ts';
import { Pod } from './pod.ts';

const pod = (spec: object = {}, rest: object = {}) =>
  admitted(Pod, { ...rest, spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec } });

const container = (fields: object = {}) => ({ containers: [{ name: 'c', image: 'nginx', ...fields }] });

describe('Pod defaults', () => {
  it('fill what the user left out', () => {
    expect(pod()).toMatchObject({
      spec: {
        dnsPolicy: 'ClusterFirst',
        restartPolicy: 'Always',
        schedulerName: 'default-scheduler',
        securityContext: {},
        terminationGracePeriodSeconds: 30,
        enableServiceLinks: true,
        containers: [
          {
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
          },
        ],
      },
      status: { phase: 'Pending', qosClass: 'BestEffort' },
    });
  });

  it.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.27', 'IfNotPresent'],
    ['registry.example:5000/nginx', 'Always'],
    ['registry.example:5000/nginx:1', 'IfNotPresent'],
    ['nginx@sha256:0123456789abcdef', 'IfNotPresent'],
    ['nginx:latest@sha256:0123456789abcdef', 'Always'],
  ])('pull %s %s', (image, policy) => {
    expect(pod(container({ image })).spec.containers[0]!.imagePullPolicy).toBe(policy);
  });

  it('take requests from limits', () => {
    const resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } };
    expect(pod(container({ resources })).spec.containers[0]!.resources.requests).toEqual({
      cpu: '500m',
      memory: '1Gi',
    });
  });

  it('give probes and their HTTP requests numbers', () => {
    const { livenessProbe } = pod(container({ livenessProbe: { httpGet: { port: 80 } } })).spec.containers[0]!;
    expect(livenessProbe).toEqual({
      httpGet: { path: '/', port: 80, scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    });
  });

  it('make a volume without source an empty directory, and give files a mode', () => {
    const volumes = [{ name: 'a' }, { name: 'b', secret: { secretName: 's' } }];
    expect(pod({ volumes }).spec.volumes).toEqual([
      { name: 'a', emptyDir: {} },
      { name: 'b', secret: { secretName: 's', defaultMode: 420 } },
    ]);
  });

  it('open the container ports on the node when the pod is on its network', () => {
    const spec = { hostNetwork: true, ...container({ ports: [{ containerPort: 80 }] }) };
    expect(pod(spec).spec.containers[0]!.ports).toEqual([{ containerPort: 80, hostPort: 80, protocol: 'TCP' }]);
  });

  it('keep the deprecated name of the service account equal', () => {
    expect(pod({ serviceAccount: 'a' }).spec).toMatchObject({ serviceAccountName: 'a', serviceAccount: 'a' });
  });
});

describe('Pod quality of service', () => {
  const both = (cpu: string, memory: string) => ({ cpu, memory });
  it.each([
    ['nothing asked for', {}, 'BestEffort'],
    ['limits on all', { limits: both('1', '1Gi') }, 'Guaranteed'],
    [
      'requests equal to limits in other words',
      { limits: both('1', '1Gi'), requests: both('1000m', '1024Mi') },
      'Guaranteed',
    ],
    ['a limit on one resource only', { limits: { cpu: '1' } }, 'Burstable'],
    ['requests below limits', { limits: both('1', '1Gi'), requests: both('500m', '1Gi') }, 'Burstable'],
    ['zero', { requests: both('0', '0') }, 'BestEffort'],
  ])('%s', (_, resources, qosClass) => {
    expect(pod(container({ resources })).status.qosClass).toBe(qosClass);
  });
});

describe('Pod creation', () => {
  it('says that gates hold scheduling back', () => {
    expect(pod({ schedulingGates: [{ name: 'example.com/wait' }] }).status.conditions).toEqual([
      expect.objectContaining({ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }),
    ]);
  });

  it('merges matchLabelKeys into the selector of spread constraints', () => {
    const constraint = {
      maxSkew: 1,
      topologyKey: 'zone',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: {},
      matchLabelKeys: ['pod-template-hash', 'missing'],
    };
    const object = pod(
      { topologySpreadConstraints: [constraint] },
      { metadata: { labels: { 'pod-template-hash': 'h' } } },
    );
    expect(object.spec.topologySpreadConstraints![0]!.labelSelector).toEqual({
      matchExpressions: [{ key: 'pod-template-hash', operator: 'In', values: ['h'] }],
    });
    expect(createProblems(Pod, object)).toEqual([]);
  });

  it('lets pods go at once that never ran or have ended', () => {
    const grace = Pod.gracePeriodSeconds!;
    const running = pod({ nodeName: 'n', terminationGracePeriodSeconds: 7 });
    expect(grace(running)).toBe(7);
    expect(grace(pod())).toBeUndefined();
    running.status.phase = 'Succeeded';
    expect(grace(running)).toBeUndefined();
  });
});

describe('Pod columns', () => {
  const show = (status: Partial<core.PodStatus>, spec: object = {}, metadata: object = {}) => {
    const object = pod(spec, { metadata: { creationTimestamp: '2025-12-31T23:00:00Z', ...metadata } });
    object.status = { ...object.status, ...status };
    return cells(Pod, object);
  };
  const state = (fields: object): core.ContainerStatus =>
    ({
      name: 'c',
      ready: false,
      restartCount: 0,
      image: '',
      imageID: '',
      state: {},
      lastState: {},
      ...fields,
    }) as core.ContainerStatus;
  const running = state({ ready: true, state: { running: {} } });

  it('shows a running pod', () => {
    expect(
      show({ phase: 'Running', containerStatuses: [running], podIPs: [{ ip: '10.0.0.1' }] }, { nodeName: 'n' }),
    ).toEqual({
      Name: 'x',
      Ready: '1/1',
      Status: 'Running',
      Restarts: '0',
      Age: '60m',
      IP: '10.0.0.1',
      Node: 'n',
      'Nominated Node': '<none>',
      'Readiness Gates': '<none>',
    });
  });

  it.each<[string, Partial<core.PodStatus>, object, object, string]>([
    [
      'waiting',
      { containerStatuses: [state({ state: { waiting: { reason: 'CrashLoopBackOff' } } })] },
      {},
      {},
      'CrashLoopBackOff',
    ],
    ['exit code', { containerStatuses: [state({ state: { terminated: { exitCode: 3 } } })] }, {}, {}, 'ExitCode:3'],
    [
      'signal',
      { containerStatuses: [state({ state: { terminated: { exitCode: 0, signal: 9 } } })] },
      {},
      {},
      'Signal:9',
    ],
    [
      'init progress',
      { initContainerStatuses: [state({ name: 'i', state: { running: {} } })] },
      { initContainers: [{ name: 'i', image: 'i' }] },
      {},
      'Init:0/1',
    ],
    [
      'init failure',
      { initContainerStatuses: [state({ name: 'i', state: { terminated: { exitCode: 1, reason: 'Error' } } })] },
      { initContainers: [{ name: 'i', image: 'i' }] },
      {},
      'Init:Error',
    ],
    [
      'gated',
      { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
      {},
      {},
      'SchedulingGated',
    ],
    ['evicted', { phase: 'Failed', reason: 'Evicted' }, {}, {}, 'Evicted'],
    [
      'deleted',
      { phase: 'Running', containerStatuses: [running] },
      {},
      { deletionTimestamp: '2026-01-01T00:00:00Z' },
      'Terminating',
    ],
    [
      'deleted on a lost node',
      { phase: 'Running', reason: 'NodeLost' },
      {},
      { deletionTimestamp: '2026-01-01T00:00:00Z' },
      'Unknown',
    ],
    [
      'completed with a container left',
      {
        phase: 'Running',
        containerStatuses: [state({ state: { terminated: { exitCode: 0, reason: 'Completed' } } }), running],
      },
      {},
      {},
      'NotReady',
    ],
  ])('status: %s', (_, status, spec, metadata, text) => {
    expect(show(status, spec, metadata).Status).toBe(text);
  });

  it('counts sidecars among the containers and says when a container restarted last', () => {
    const sidecar = state({ name: 's', ready: true, started: true, restartCount: 2, state: { running: {} } });
    const restarted = {
      ...running,
      restartCount: 3,
      lastState: { terminated: { exitCode: 1, finishedAt: '2025-12-31T23:58:00Z' } },
    };
    const spec = { initContainers: [{ name: 's', image: 's', restartPolicy: 'Always' }] };
    expect(
      show({ phase: 'Running', initContainerStatuses: [sidecar], containerStatuses: [restarted] }, spec),
    ).toMatchObject({
      Ready: '2/2',
      Restarts: '5 (2m ago)',
    });
  });
});
