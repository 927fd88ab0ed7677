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
