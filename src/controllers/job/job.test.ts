import { expect, test } from 'vitest';
import { Job } from '../../api/batch/job.ts';
import { VirtualClock } from '../../base/clock.ts';
import type { ControllerContext } from '../../client/reconcile.ts';
import { jobController } from './job.ts';

const metadata = { namespace: 'default', name: 'sums', uid: 'j' };
const pod = {
  metadata: {
    namespace: 'default',
    name: 'sums-1',
    uid: 'p',
    finalizers: ['batch.kubernetes.io/job-tracking'],
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'sums', uid: 'j', controller: true }],
  },
  status: { phase: 'Running' },
};

/** Pods that lost their finalizer after a look at a job that the controller's cache does not have. */
async function released(stored: object | undefined): Promise<string[]> {
  const patched: string[] = [];
  const context = {
    clock: new VirtualClock(),
    client: {
      find: async () => stored,
      patch: async (_: unknown, { name }: { name: string }) => patched.push(name),
    },
    informers: { informer: () => ({ addIndex: () => undefined }) },
    lister: (kind: unknown) => ({ byKey: () => (kind === Job ? undefined : pod), list: () => [pod] }),
  } as unknown as ControllerContext;
  jobController.start!(context);
  await jobController.reconcile!('default/sums', context);
  return patched;
}

test('pods of a job that the cache does not show yet stay counted', async () => {
  expect(await released({ metadata, status: {} })).toEqual([]);
});

test('pods of a job that is gone, ended or another one of its name are let go', async () => {
  expect(await released(undefined)).toEqual(['sums-1']);
  expect(await released({ metadata: { ...metadata, uid: 'k' }, status: {} })).toEqual(['sums-1']);
  const ended = { conditions: [{ type: 'Complete', status: 'True' }] };
  expect(await released({ metadata, status: ended })).toEqual(['sums-1']);
});

/** What is written of a job that has counted two pods already, one of which the cache shows as not counted yet. */
async function countedAgain(stored: object[]): Promise<unknown> {
  let written: unknown;
  const ended = { ...pod, metadata: { ...pod.metadata, labels: { job: 'sums' } }, status: { phase: 'Succeeded' } };
  const job = {
    metadata: { ...metadata, resourceVersion: '9' },
    spec: {
      parallelism: 1,
      completions: 3,
      selector: { matchLabels: { job: 'sums' } },
      template: { metadata: {}, spec: {} },
    },
    status: { succeeded: 2, uncountedTerminatedPods: {} },
  };
  const context = {
    clock: new VirtualClock(),
    client: {
      list: async () => ({ items: stored }),
      create: async () => ended,
      patch: async () => ended,
      updateStatus: async (_: unknown, { status }: { status: { uncountedTerminatedPods: unknown } }) => {
        written ??= status.uncountedTerminatedPods;
        return job;
      },
    },
    events: { event: () => undefined },
    informers: {
      informer: () => ({
        addIndex: () => undefined,
        byIndex: (_: string, value: string) => (value === 'j' ? [ended] : []),
        resourceVersion: '8',
      }),
    },
    lister: () => ({ byKey: () => job, list: () => [ended] }),
  } as unknown as ControllerContext;
  jobController.start!(context);
  await jobController.reconcile!('default/sums', context);
  return written;
}

test('a pod that was counted is not counted again by a cache that is older than the status', async () => {
  expect(await countedAgain([{ ...pod, metadata: { ...pod.metadata, finalizers: [] } }])).not.toHaveProperty(
    'succeeded',
  );
  expect(await countedAgain([])).not.toHaveProperty('succeeded');
  expect(await countedAgain([{ ...pod, status: { phase: 'Succeeded' } }])).toEqual({ succeeded: ['p'] });
});
