import { describe, expect, it } from 'vitest';
import type { Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';
import { VirtualClock } from '../base/clock.ts';
import type { ActivePlugin, ClusterEvent, Framework, RunningPlugin } from './framework.ts';
import { SchedulingQueue } from './queue.ts';
import { pod } from './test-world.ts';

const active = (name: string, running: RunningPlugin, kinds: readonly string[]): ActivePlugin => ({
  definition: {
    name,
    order: 1,
    enabledByDefault: true,
    events: kinds.map((kind) => ({ kind, actions: ['add', 'update', 'delete'] })),
    create: () => running,
  },
  running,
  weight: 0,
});

/** A queue with one plugin that cares about nodes, one that cares about pods, and gates. */
function setup() {
  const clock = new VirtualClock();
  const plugins = [
    active('Nodes', { helps: (event) => event.object.metadata.name !== 'useless' }, ['Node']),
    active('Pods', {}, ['Pod']),
    active(
      'Gates',
      {
        preEnqueue: (p) =>
          p.spec.schedulingGates?.length ? { code: 'Unschedulable', plugin: 'Gates', reasons: ['gated'] } : undefined,
      },
      ['Pod'],
    ),
  ];
  const framework = { schedulerName: 's', plugins, preEnqueue: [plugins[2]!] } as unknown as Framework;
  let ready = 0;
  const queue = new SchedulingQueue({ clock, onReady: () => ready++ });
  return {
    clock,
    queue,
    add: (p: Shared<Pod>) => queue.add(p, framework),
    next: () => queue.pop()?.pod.metadata.name,
    readies: () => ready,
  };
}

const event = (kind: string, name = 'x'): ClusterEvent => ({
  kind,
  action: 'update',
  object: pod(name),
  old: pod(name),
});

describe('the scheduling queue', () => {
  it('gives out pods by priority, then by age', () => {
    const { add, next } = setup();
    add(pod('first'));
    add(pod('second'));
    add(pod('urgent', { priority: 10 }));
    expect([next(), next(), next(), next()]).toEqual(['urgent', 'first', 'second', undefined]);
  });

  it('keeps a refused pod until an event that a plugin that refused it asked for', () => {
    const { add, queue, next } = setup();
    add(pod('p'));
    queue.refuse(queue.pop()!, new Set(['Nodes']));
    queue.onEvent(event('Pod'));
    queue.onEvent(event('Node', 'useless'));
    expect(next()).toBeUndefined();
    expect(queue.counts().unschedulable).toBe(1);
    queue.onEvent(event('Node'));
    expect(next()).toBe('p');
  });

  it('does not wait out the backoff of a pod that may fit while nothing else is to do', () => {
    const { add, queue, next } = setup();
    add(pod('p'));
    queue.refuse(queue.pop()!, new Set(['Nodes']));
    queue.onEvent(event('Node'));
    expect(queue.counts().backoff).toBe(1);
    add(pod('fresh'));
    expect([next(), next()]).toEqual(['fresh', 'p']);
  });

  it.each([
    [1, 1000],
    [2, 2000],
    [3, 4000],
    [4, 8000],
    [5, 10_000],
    [9, 10_000],
  ])('after %i errors waits %i ms', async (attempts, waitMs) => {
    const { add, queue, next, clock } = setup();
    add(pod('p'));
    for (let i = 1; i < attempts; i++) {
      queue.refuse(queue.pop()!, new Set());
      await clock.advance(10_000);
    }
    queue.refuse(queue.pop()!, new Set());
    await clock.advance(waitMs - 1);
    expect(next()).toBeUndefined();
    await clock.advance(1);
    expect(next()).toBe('p');
  });

  it('notices events that came while the pod was being tried', () => {
    const { add, queue } = setup();
    add(pod('p'));
    const queued = queue.pop()!;
    queue.onEvent(event('Node'));
    queue.refuse(queued, new Set(['Nodes']));
    expect(queue.counts()).toMatchObject({ backoff: 1, unschedulable: 0 });
  });

  it('forgets what came before the pod was taken out', () => {
    const { add, queue } = setup();
    add(pod('other'));
    const other = queue.pop()!;
    queue.onEvent(event('Node'));
    add(pod('p'));
    queue.refuse(queue.pop()!, new Set(['Nodes']));
    expect(queue.counts()).toMatchObject({ unschedulable: 1 });
    queue.done(other);
  });

  it('holds gated pods back whatever happens, until the gates are gone', () => {
    const { add, queue, next } = setup();
    const gated = pod('p', { schedulingGates: [{ name: 'wait' }] }, { uid: 'u' });
    add(gated);
    expect(queue.counts().gated).toBe(1);
    queue.onEvent(event('Pod'));
    expect(next()).toBeUndefined();
    queue.update(pod('p', {}, { uid: 'u' }));
    expect(next()).toBe('p');
  });

  it('tries a pod again when its own wishes change, not when its status does', () => {
    const { add, queue, next } = setup();
    add(pod('p', { nodeSelector: { a: '1' } }, { uid: 'u' }));
    queue.refuse(queue.pop()!, new Set(['Pods']));
    queue.update({
      ...pod('p', { nodeSelector: { a: '1' } }, { uid: 'u' }),
      status: { phase: 'Pending' },
    } as Shared<Pod>);
    expect(next()).toBeUndefined();
    queue.update(pod('p', { nodeSelector: { a: '2' } }, { uid: 'u' }));
    expect(next()).toBe('p');
  });

  it('tries every pod again after five minutes: a hint may be wrong', async () => {
    const { add, queue, next, clock } = setup();
    add(pod('p'));
    queue.refuse(queue.pop()!, new Set(['Nodes']));
    await clock.advance(299_000);
    expect(next()).toBeUndefined();
    await clock.advance(60_000);
    expect(next()).toBe('p');
  });

  it('lets go of a pod that is removed, wherever it is', () => {
    const { add, queue, next } = setup();
    const [a, b, c] = [pod('a'), pod('b'), pod('c')];
    for (const p of [a, b, c]) add(p);
    queue.refuse(queue.pop()!, new Set(['Nodes']));
    const flying = queue.pop()!;
    for (const p of [a, b, c]) queue.remove(p.metadata.uid);
    queue.refuse(flying, new Set(['Nodes']));
    queue.onEvent(event('Node'));
    expect(next()).toBeUndefined();
    expect(queue.counts()).toEqual({ active: 0, backoff: 0, unschedulable: 0, gated: 0 });
    expect(queue.idle).toBe(true);
  });
});
