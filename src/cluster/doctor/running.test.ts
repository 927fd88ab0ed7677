import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { formatTime } from '../../base/clock.ts';
import { whyStuck } from './running.ts';

const now = 1_800_000_000_000;
const ago = (ms: number) => formatTime(now - ms);

const pod = (status: object, metadata: object = {}): Shared<Pod> =>
  ({
    metadata: { name: 'web', namespace: 'default', creationTimestamp: ago(60_000), ...metadata },
    spec: { containers: [{ name: 'main' }] },
    status: { phase: 'Pending', ...status },
  }) as unknown as Shared<Pod>;
const waiting = (reason: string, message?: string) => ({
  containerStatuses: [{ name: 'main', state: { waiting: { reason, ...(message ? { message } : {}) } } }],
});

describe('a pod is stuck', () => {
  it('when it is not scheduled, for the reason that the scheduler gives', () => {
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes fit' }];
    expect(whyStuck(pod({ conditions }), now)).toBe('Pending: 0/1 nodes fit');
    expect(whyStuck(pod({ conditions }, { creationTimestamp: ago(10_000) }), now)).toBeUndefined();
  });

  it('when a container waits for anything but its start, however young the pod', () => {
    const young = { creationTimestamp: ago(1000) };
    expect(whyStuck(pod(waiting('ImagePullBackOff', 'no such image'), young), now)).toBe(
      'container main: ImagePullBackOff, no such image',
    );
    expect(whyStuck(pod({ phase: 'Running', ...waiting('CrashLoopBackOff') }), now)).toBe(
      'container main: CrashLoopBackOff',
    );
    expect(whyStuck(pod(waiting('ContainerCreating'), young), now)).toBeUndefined();
    expect(whyStuck(pod(waiting('ContainerCreating')), now)).toMatch(/^Pending since /);
  });

  it('when it should have been gone, and says which finalizers hold it', () => {
    const late = { deletionTimestamp: ago(120_000), finalizers: ['example.com/hold'] };
    expect(whyStuck(pod({ phase: 'Running' }, late), now)).toMatch(/^should have been gone .*example\.com\/hold$/);
    expect(whyStuck(pod({ phase: 'Running' }, { deletionTimestamp: ago(1000) }), now)).toBeUndefined();
  });

  it('but not when it runs or has finished', () => {
    expect(whyStuck(pod({ phase: 'Running' }), now)).toBeUndefined();
    expect(whyStuck(pod({ phase: 'Failed', ...waiting('CrashLoopBackOff') }), now)).toBeUndefined();
  });
});
