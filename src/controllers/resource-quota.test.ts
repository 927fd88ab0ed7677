import { expect, test } from 'vitest';
import { VirtualClock } from '../base/clock.ts';
import type { ControllerContext } from '../client/reconcile.ts';
import { resourceQuotaController } from './resource-quota.ts';

const pod = (name: string) => ({
  metadata: { namespace: 'default', name, uid: name },
  spec: { containers: [] },
  status: {},
});
const resources = [{ name: 'pods', kind: 'Pod', namespaced: true, verbs: ['list', 'watch'] }];
const quota = {
  metadata: { namespace: 'default', name: 'q', resourceVersion: '7' },
  spec: { hard: { pods: '5' } },
  status: { hard: { pods: '5' }, used: { pods: '3' } },
};

/** What is written as used of a quota that has been charged with three pods. */
async function counted({ cached, stored }: { cached: string[]; stored: string[] }): Promise<unknown> {
  const clock = new VirtualClock();
  let written: unknown;
  const context = {
    clock,
    client: {
      transport: {
        raw: async (path: string) => ({
          status: 200,
          body: JSON.stringify(path === '/apis' ? { groups: [] } : { resources }),
        }),
      },
      list: async () => ({ items: stored.map(pod) }),
      updateStatus: async (_: unknown, { status }: { status: { used: unknown } }) => {
        written = status.used;
      },
    },
    informers: {
      informer: () => ({
        whenSynced: async () => undefined,
        addHandler: () => ({ remove() {} }),
        list: () => cached.map(pod),
      }),
    },
    lister: () => ({ byKey: () => quota }),
  } as unknown as ControllerContext;
  resourceQuotaController.start!(context);
  await resourceQuotaController.reconcile!('default/q', context);
  await clock.advance(1_000);
  await resourceQuotaController.reconcile!('default/q', context);
  return written;
}

test('a cache that is behind gives nothing away', async () => {
  expect(await counted({ cached: ['a'], stored: ['a', 'b', 'c'] })).toBeUndefined();
});

test('what is gone is given back', async () => {
  expect(await counted({ cached: ['a', 'b'], stored: ['a', 'b'] })).toEqual({ pods: '2' });
});
