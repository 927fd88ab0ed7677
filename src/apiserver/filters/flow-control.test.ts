import { describe, expect, it } from 'vitest';
import { ConfigMap } from '../../api/core/config-map.ts';
import { PriorityLevelConfiguration } from '../../api/flowcontrol/priority-level-configuration.ts';
import { VirtualClock } from '../../base/clock.ts';
import { MetricsRegistry } from '../../base/metrics.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import { Exchange, type HttpRequest, type HttpResponse } from './exchange.ts';
import { createFlowControl } from './flow-control.ts';
import { parseRequestInfo } from './request-info.ts';
import { estimateSeats } from './work-estimate.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

interface Entered {
  readonly exchange: Exchange;
  /** The ids of all that got their seats, in order. */
  readonly pending: Promise<void>;
}

/** A level `workload-low` of so many seats, where two of a flow may wait. */
async function smallLevel(running: TestServer, clock: VirtualClock, shares: number) {
  const limitResponse = { type: 'Queue', queuing: { queues: 1, handSize: 1, queueLengthLimit: 2 } };
  const spec = { limited: { nominalConcurrencyShares: shares, limitResponse } };
  await running.client.patch(PriorityLevelConfiguration, { name: 'workload-low' }, { spec }, { type: 'merge' });
  const metrics = new MetricsRegistry();
  const api = { registry: running.server.kinds, clock, metrics };
  const control = createFlowControl(api as unknown as Parameters<typeof createFlowControl>[0]);
  const started: string[] = [];
  const enter = (account: string, id: string, url = '/api/v1/namespaces/a/pods'): Entered => {
    const res = { setHeader() {}, once() {} } as unknown as HttpResponse;
    const exchange = new Exchange({ req: {} as HttpRequest, res }, parseRequestInfo('GET', url), 0);
    exchange.user = { name: `system:serviceaccount:a:${account}`, groups: ['system:serviceaccounts'] };
    const run = async () => {
      await control.filter(exchange);
      started.push(id);
    };
    return { exchange, pending: run() };
  };
  const metric = (name: string) =>
    Number(
      metrics
        .expose()
        .split('\n')
        .find((line) => line.startsWith(`apiserver_flowcontrol_${name}{`) && line.includes('workload-low'))
        ?.split(' ')
        .at(-1),
    );
  return { control, enter, started, metric };
}

describe('priority and fairness', () => {
  it('lets the flows of a full level take turns, and refuses when their queues are full', async () => {
    const clock = new VirtualClock();
    await using running = await startTestServer({ clock, flowControl: false });
    const { control, enter, started, metric } = await smallLevel(running, clock, 0);
    const first = enter('greedy', 'g1');
    await first.pending;
    const waiting = [enter('greedy', 'g2'), enter('greedy', 'g3'), enter('modest', 'm1')];
    await expect(enter('greedy', 'g4').pending).rejects.toMatchObject({ code: 429, details: { retryAfterSeconds: 1 } });
    expect(started).toEqual(['g1']);
    for (const { exchange } of [first, waiting[0]!, waiting[2]!]) {
      exchange.done();
      await settle();
    }
    await Promise.all(waiting.map(({ pending }) => pending));
    expect(started).toEqual(['g1', 'g2', 'm1', 'g3']);

    // One that waited in vain gives back no seat: whoever holds one still keeps others out.
    const late = [enter('greedy', 'g5'), enter('modest', 'm2')];
    const inVain = late.map(({ pending }) => expect(pending).rejects.toMatchObject({ code: 429 }));
    await clock.advance(15_000);
    await Promise.all(inVain);
    for (const { exchange } of late) exchange.done();
    const next = enter('modest', 'm3');
    await settle();
    expect(started.includes('m3')).toBe(false);
    waiting[1]!.exchange.done();
    await next.pending;
    next.exchange.done();
    expect(['dispatched_requests_total', 'current_executing_seats', 'current_inqueue_requests'].map(metric)).toEqual([
      5, 0, 0,
    ]);
    control.stop();
  });

  it('gives a seat back that its request did not live to take', async () => {
    const clock = new VirtualClock();
    await using running = await startTestServer({ clock, flowControl: false });
    const { control, enter, started, metric } = await smallLevel(running, clock, 0);
    const first = enter('a', '1');
    const second = enter('a', '2');
    await first.pending;
    // Its turn comes, and in the same moment its client goes.
    first.exchange.done();
    second.exchange.done();
    await settle();
    expect(metric('current_executing_seats')).toBe(0);
    await enter('a', '3').pending;
    expect(started).toContain('3');
    control.stop();
  });

  it('lets a watch have its seats until what was there has been sent, and streams have none', async () => {
    const clock = new VirtualClock();
    await using running = await startTestServer({ clock, flowControl: false });
    const { control, enter, started, metric } = await smallLevel(running, clock, 0);
    const watch = enter('a', 'watch', '/api/v1/namespaces/a/pods?watch=1');
    await watch.pending;
    const list = enter('a', 'list');
    for (const [i, url] of ['log?follow=true', 'exec', 'attach', 'portforward', 'proxy/x'].entries())
      await enter('b', `stream-${i}`, `/api/v1/namespaces/a/pods/p/${url}`).pending;
    await settle();
    expect(started).not.toContain('list');
    watch.exchange.onInitialized!();
    await list.pending;
    expect(metric('current_executing_seats')).toBe(1);
    list.exchange.done();
    watch.exchange.done();
    expect(metric('current_executing_seats')).toBe(0);
    control.stop();
  });

  it('counts a list by its objects', async () => {
    const clock = new VirtualClock();
    await using running = await startTestServer({ clock, flowControl: false });
    for (let i = 0; i < 250; i++)
      await running.client.create(ConfigMap, {
        metadata: { namespace: i < 150 ? 'default' : 'kube-system', name: `c${i}` },
      });
    const seats = (url: string, method = 'GET') => estimateSeats(running.server.kinds, parseRequestInfo(method, url));
    expect(
      [
        '/api/v1/configmaps',
        '/api/v1/namespaces/default/configmaps',
        '/api/v1/namespaces/none/configmaps',
        '/api/v1/configmaps?limit=50',
        '/api/v1/configmaps?limit=50&labelSelector=a%3Db',
        '/api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Dc1',
        '/api/v1/namespaces/default/configmaps/c1',
        '/api/v1/configmaps?watch=1',
        '/api/v1/configmaps?watch=1&resourceVersion=0',
        '/api/v1/configmaps?watch=1&resourceVersion=7',
        '/api/v1/configmaps?watch=1&resourceVersion=7&sendInitialEvents=true',
        '/apis/none.example.com/v1/things',
      ].map((url) => seats(url)),
    ).toEqual([3, 2, 1, 1, 3, 1, 1, 3, 3, 1, 3, 1]);
    expect(seats('/api/v1/namespaces/default/configmaps', 'POST')).toBe(1);

    const { control, enter, started, metric } = await smallLevel(running, clock, 2);
    const limit = metric('nominal_limit_seats');
    const lists: Entered[] = [];
    // Wide ones fill the level before there are as many as it has seats.
    for (let i = 0; i < Math.floor(limit / 3) + 1; i++) lists.push(enter(`w${i}`, `w${i}`, '/api/v1/configmaps'));
    await settle();
    expect(started).toHaveLength(Math.floor(limit / 3));
    expect(metric('current_executing_seats')).toBe(3 * Math.floor(limit / 3));
    lists[0]!.exchange.done();
    await lists.at(-1)!.pending;
    for (const { exchange } of lists) exchange.done();
    expect(metric('current_executing_seats')).toBe(0);
    control.stop();
  });
});
