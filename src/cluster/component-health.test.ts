import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lease } from '../api/coordination/lease.ts';
import { ComponentStatus } from '../api/core/component-status.ts';
import { startTestServer, type TestServer } from '../apiserver/test-server.ts';
import { formatMicroTime, realClock } from '../base/clock.ts';
import { componentHealth } from './component-health.ts';
import { startCluster } from './start.ts';

describe('the health of scheduler and controllers', () => {
  let test: TestServer;
  beforeAll(async () => {
    test = await startTestServer();
  });
  afterAll(() => test[Symbol.asyncDispose]());

  const health = (more: Partial<Parameters<typeof componentHealth>[0]>) =>
    componentHealth({ disable: [], isRunning: () => false, client: test.client, clock: realClock, ...more });

  it('is good where they run', async () => {
    const { scheduler, 'controller-manager': controllers } = health({ isRunning: () => true });
    expect([await scheduler!(), await controllers!()]).toEqual([undefined, undefined]);
  });

  it('is told by the cluster that they are part of', async () => {
    await using cluster = await startCluster({ clock: 'virtual', nodes: 0 });
    const { items } = await cluster.client.list(ComponentStatus);
    expect(items.map(({ metadata, conditions }) => [metadata.name, conditions?.[0]?.message])).toEqual([
      ['scheduler', 'ok'],
      ['controller-manager', 'ok'],
      ['etcd-0', 'ok'],
    ]);
  });

  it('says what is turned off or not there yet', async () => {
    const { scheduler, 'controller-manager': controllers } = health({ disable: ['scheduler'] });
    expect(await scheduler!()).toBe('this control plane runs without scheduler, as its configuration says');
    expect(await controllers!()).toBe('not started yet');
  });

  it('is that of the control plane that leads', async () => {
    const lease = { namespace: 'default', name: 'control-plane' };
    const ask = () => health({ lease })['scheduler']!();
    expect(await ask()).toBe('no control plane has led yet: there is no Lease default/control-plane');
    const now = realClock.now();
    const spec = { holderIdentity: 'a', leaseDurationSeconds: 3600, renewTime: formatMicroTime(now) };
    await test.client.create(Lease, { metadata: lease, spec });
    expect(await ask()).toBeUndefined();
    const late = formatMicroTime(now - 7_200_000);
    await test.client.patch(Lease, lease, { spec: { renewTime: late } }, { type: 'merge' });
    expect(await ask()).toBe(`no control plane leads: a has not renewed Lease default/control-plane since ${late}`);
    await test.client.patch(Lease, lease, { spec: { holderIdentity: '' } }, { type: 'merge' });
    expect(await ask()).toBe('no control plane leads: nobody holds Lease default/control-plane');
  });
});
