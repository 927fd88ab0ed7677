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
