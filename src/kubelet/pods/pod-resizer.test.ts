import { expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodKit } from './pod-kit.ts';
import { PodResizer } from './pod-resizer.ts';

const podOf = (generation: number) =>
  ({ metadata: { name: 'p', uid: 'u', generation }, spec: { containers: [] }, status: {} }) as unknown as Shared<Pod>;

it('takes what a pod asks for to be in force only when it has judged that version of it', async () => {
  const resizer = new PodResizer({} as PodKit);
  expect(resizer.isInForce(podOf(1))).toBe(true);
  await resizer.sync(podOf(1), { current: { uid: 'u', sandboxes: [], containers: [] }, others: [] });
  expect(resizer.isInForce(podOf(1))).toBe(true);
  expect(resizer.isInForce(podOf(2))).toBe(false);
});

it('gives the pod as a whole more when that alone grows', async () => {
  const withCpu = (generation: number, cpu: string) => {
    const pod = structuredClone(podOf(generation)) as Pod;
    pod.spec.resources = { requests: { cpu, memory: '1Gi' }, limits: { cpu, memory: '1Gi' } };
    return pod as Shared<Pod>;
  };
  const applied: unknown[] = [];
  const kit = {
    allocatable: { cpu: '4', memory: '8Gi' },
    cgroups: { applyUnlessBusy: (_group: string, limits: unknown) => applied.push(limits) },
    context: { settings: { cgroupRoot: '' } },
  } as unknown as PodKit;
  const resizer = new PodResizer(kit);
  const sync = (pod: Shared<Pod>) =>
    resizer.sync(pod, { current: { uid: 'u', sandboxes: [], containers: [] }, others: [] });
  expect(await sync(withCpu(1, '1'))).toEqual({ changed: false });
  expect(applied).toEqual([]);
  expect(await sync(withCpu(2, '2'))).toEqual({ changed: true });
  expect(applied.at(-1)).toMatchObject({ cpuQuota: 200_000 });
  expect(await sync(withCpu(2, '2'))).toEqual({ changed: false });
});
