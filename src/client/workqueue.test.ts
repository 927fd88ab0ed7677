import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../base/clock.ts';
import { MetricsRegistry } from '../base/metrics.ts';
import { createWorkQueue, type WorkQueueOptions } from './workqueue.ts';

function setUp(options: Partial<WorkQueueOptions<string>> = {}) {
  const clock = new VirtualClock();
  const worked: string[] = [];
  const queue = createWorkQueue<string>({
    clock,
    process: async (key) => {
      worked.push(key);
      return undefined;
    },
    ...options,
  });
  return { clock, worked, queue };
}

describe('a work queue', () => {
  test('works on keys in the order in which they came', async () => {
    const { clock, worked, queue } = setUp();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await clock.advance(0);
    expect(worked).toEqual(['a', 'b', 'c']);
    expect(queue.idle()).toBe(true);
  });

  test('works once on a key that is added several times before its turn', async () => {
    const { clock, worked, queue } = setUp();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    await clock.advance(0);
    expect(worked).toEqual(['a', 'b']);
  });

  test('never works on one key twice at the same time, and again when it was added meanwhile', async () => {
    const gates: (() => void)[] = [];
    let running = 0;
    let most = 0;
    const { clock, queue } = setUp({
      concurrency: 4,
      process: async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => gates.push(resolve));
        running--;
        return undefined;
      },
    });
    queue.add('a');
    await clock.advance(0);
    queue.add('a');
    queue.add('a');
    await clock.advance(0);
    expect(gates).toHaveLength(1);
    gates.shift()!();
    await clock.advance(0);
    expect(gates).toHaveLength(1);
    gates.shift()!();
    await clock.advance(0);
    expect(queue.idle()).toBe(true);
    expect(most).toBe(1);
  });

  test('works on as many keys at a time as it may', async () => {
    const started: string[] = [];
    const { clock, queue } = setUp({
      concurrency: 2,
      process: (key) => {
        started.push(key);
        return new Promise(() => {});
      },
    });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await clock.advance(0);
    expect(started).toEqual(['a', 'b']);
    expect(queue.length).toBe(1);
  });

  test('retries failures after 5 ms, doubling to 1,000 s, and starts over after a success', async () => {
    const at: number[] = [];
    let fail = true;
    const { clock, queue } = setUp({
      process: async () => {
        at.push(clock.now());
        if (fail) throw new Error('no');
        return undefined;
      },
    });
    queue.add('a');
    await clock.advance(5 + 10 + 20 + 40);
    expect(at.map((time) => time - at[0]!)).toEqual([0, 5, 15, 35, 75]);
    await clock.advance(4_000_000);
    const last = at.slice(-2);
    expect(last[1]! - last[0]!).toBe(1_000_000);
    fail = false;
    await clock.advance(1_000_000);
    fail = true;
    at.length = 0;
    queue.add('a');
    await clock.advance(5);
    expect(at).toHaveLength(2);
  });

  test('comes back to a key after the time that a step asked for', async () => {
    let steps = 0;
    const { clock, queue } = setUp({ process: async () => (++steps < 3 ? { requeueAfterMs: 1000 } : undefined) });
    queue.add('a');
    await clock.advance(999);
    expect(steps).toBe(1);
    await clock.advance(1);
    expect(steps).toBe(2);
    await clock.advance(60_000);
    expect(steps).toBe(3);
  });

  test('keeps the earliest of several waits for one key', async () => {
    const { clock, worked, queue } = setUp();
    queue.addAfter('a', 1000);
    queue.addAfter('a', 100);
    queue.addAfter('a', 5000);
    expect(queue.idle()).toBe(true);
    await clock.advance(100);
    expect(worked).toEqual(['a']);
    await clock.advance(10_000);
    expect(worked).toEqual(['a']);
  });

  test('gives a key up when its error handler says so', async () => {
    let steps = 0;
    const { clock, queue } = setUp({
      process: async () => {
        steps++;
        throw new Error('hopeless');
      },
      onError: () => false,
    });
    queue.add('a');
    await clock.advance(1_000_000);
    expect(steps).toBe(1);
  });

  test('answers what comes within a time that a step asked for with one step', async () => {
    const at: number[] = [];
    const { clock, queue } = setUp({
      process: async () => {
        at.push(clock.now());
        return { coalesceMs: 100 };
      },
    });
    queue.add('a');
    await clock.advance(0);
    for (let i = 0; i < 10; i++) {
      queue.add('a');
      await clock.advance(5);
    }
    expect(at).toHaveLength(1);
    await clock.advance(100);
    expect(at.map((time) => time - at[0]!)).toEqual([0, 100]);
    await clock.advance(1000);
    queue.add('a');
    await clock.advance(0);
    expect(at).toHaveLength(3);
  });

  test('holds its keys back while paused', async () => {
    const { clock, worked, queue } = setUp({ paused: true });
    queue.add('a');
    await clock.advance(1000);
    expect(worked).toEqual([]);
    queue.start();
    await clock.advance(0);
    expect(worked).toEqual(['a']);
  });

  test('lets the event loop run during a storm of keys', async () => {
    const { worked, queue } = setUp();
    for (let i = 0; i < 1000; i++) queue.add(`k${i}`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(worked.length).toBeLessThan(1000);
    while (!queue.idle()) await new Promise((resolve) => setImmediate(resolve));
    expect(worked).toHaveLength(1000);
  });

  test('stops after the step under way and takes nothing more', async () => {
    const gate = Promise.withResolvers<undefined>();
    const worked: string[] = [];
    const { clock, queue } = setUp({
      process: (key) => {
        worked.push(key);
        return gate.promise;
      },
    });
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 10);
    await clock.advance(0);
    let stopped = false;
    const stopping = queue.stop().then(() => {
      stopped = true;
    });
    await clock.advance(100);
    expect(stopped).toBe(false);
    gate.resolve(undefined);
    await stopping;
    queue.add('d');
    await clock.advance(100);
    expect(worked).toEqual(['a']);
  });

  test("keeps upstream's metrics under its name", async () => {
    const metrics = new MetricsRegistry();
    let fail = true;
    const { clock, queue } = setUp({
      name: 'things',
      metrics,
      process: async () => {
        if (fail) {
          fail = false;
          throw new Error('once');
        }
        return undefined;
      },
    });
    queue.add('a');
    await clock.advance(1000);
    const text = metrics.expose();
    expect(text).toContain('workqueue_adds_total{name="things"} 2');
    expect(text).toContain('workqueue_retries_total{name="things"} 1');
    expect(text).toContain('workqueue_depth{name="things"} 0');
    expect(text).toContain('workqueue_work_duration_seconds_count{name="things"} 2');
  });
});
