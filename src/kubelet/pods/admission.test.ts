import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { admitPod } from './admission.ts';
import { probeGraceSeconds } from './pod-ending.ts';
import type { PodKit } from './pod-kit.ts';
import type { PodWorker } from './pod-worker.ts';

const podOf = (spec: object = {}, resources: object = {}) =>
  ({
    metadata: { name: 'p', namespace: 'default', uid: 'u' },
    spec: { containers: [{ name: 'main', resources }], ...spec },
    status: {},
  }) as unknown as Shared<Pod>;

describe('a node', () => {
  const refusal = (pod: Shared<Pod>, { pressures = [] as string[], others = [] as Shared<Pod>[] } = {}) => {
    const kit = {
      context: { settings: { maxPods: 3, allowedUnsafeSysctls: [] } },
      allocatable: { cpu: '2', memory: '1Gi', 'ephemeral-storage': '1000' },
      pressures: { current: () => pressures },
    } as unknown as PodKit;
    const workers = others.map((other) => ({ uid: 'other', active: true, pod: other }) as unknown as PodWorker);
    return admitPod(kit, pod, workers);
  };
  const requests = (amounts: object) => podOf({}, { requests: amounts });

  it('takes a pod that it has room for', () => {
    expect(refusal(podOf())).toBeUndefined();
    expect(
      refusal(requests({ cpu: '1', 'ephemeral-storage': '600' }), { others: [requests({ cpu: '1' })] }),
    ).toBeUndefined();
  });

  it.each([
    [requests({ cpu: '1500m' }), 'OutOfcpu', 'cpu, requested: 1500, used: 1000, capacity: 2000'],
    [requests({ memory: '1Gi' }), 'OutOfmemory', 'memory, requested: 1073741824, used: 1, capacity: 1073741824'],
    [
      requests({ 'ephemeral-storage': '600' }),
      'OutOfephemeral-storage',
      'ephemeral-storage, requested: 600, used: 500, capacity: 1000',
    ],
  ])('refuses a pod that asks for more', (pod, reason, message) => {
    const others = [requests({ cpu: '1', memory: '1', 'ephemeral-storage': '500' })];
    expect(refusal(pod, { others })).toEqual({ reason, message: `Node didn't have enough resource: ${message}` });
  });

  it('refuses a pod for another system', () => {
    expect(refusal(podOf({ os: { name: 'linux' } }))).toBeUndefined();
    expect(refusal(podOf({ os: { name: 'windows' } }))).toMatchObject({ reason: 'PodOSNotSupported' });
  });

  it('that is short of memory takes those alone that asked for theirs, tolerate it, or are critical', () => {
    const pressures = ['MemoryPressure'];
    expect(refusal(podOf(), { pressures })).toEqual({
      reason: 'Evicted',
      message: 'The node had condition: [MemoryPressure]. ',
    });
    expect(refusal(requests({ memory: '1Mi' }), { pressures })).toBeUndefined();
    const tolerations = [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }];
    expect(refusal(podOf({ tolerations }), { pressures })).toBeUndefined();
    expect(refusal(podOf({ priority: 2_000_000_000 }), { pressures })).toBeUndefined();
  });

  it('that is short of disk takes critical ones alone', () => {
    const pressures = ['MemoryPressure', 'DiskPressure'];
    const tolerations = [{ operator: 'Exists' }];
    expect(refusal(podOf({ tolerations }, { requests: { memory: '1Mi' } }), { pressures })).toEqual({
      reason: 'Evicted',
      message: 'The node had condition: [MemoryPressure DiskPressure]. ',
    });
    expect(refusal(podOf({ priority: 2_000_001_000 }), { pressures })).toBeUndefined();
  });
});

describe('the grace of a container that is replaced', () => {
  const container = {
    name: 'main',
    livenessProbe: { terminationGracePeriodSeconds: 3 },
    startupProbe: { terminationGracePeriodSeconds: 7 },
  };
  const grace = (reason: Parameters<typeof probeGraceSeconds>[2], one: object = container) =>
    probeGraceSeconds(podOf({ terminationGracePeriodSeconds: 60, containers: [one] }), 'main', reason);

  it('is that of the probe that failed, else the pod’s', () => {
    expect([grace('liveness'), grace('startup'), grace('changed'), grace('unknown')]).toEqual([3, 7, 60, 60]);
    expect(grace('startup', { name: 'main', livenessProbe: { terminationGracePeriodSeconds: 3 } })).toBe(60);
  });
});
