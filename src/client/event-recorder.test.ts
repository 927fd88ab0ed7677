import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../api/kind.ts';
import { forbiddenError, notFound, serviceUnavailable } from '../api/machinery/status.ts';
import { VirtualClock } from '../base/clock.ts';
import { seededRandom } from '../base/random.ts';
import { createClient } from './client.ts';
import { createEventRecorder } from './event-recorder.ts';
import type { ResourceRequest, Transport } from './transport.ts';

interface Written {
  metadata: { name: string; namespace: string };
  count?: number;
  message?: string;
  note?: string;
  series?: { count: number };
  [field: string]: unknown;
}

function setUp(options: { series?: boolean } = {}) {
  const clock = new VirtualClock();
  const events = new Map<string, Written>();
  const requests: ResourceRequest[] = [];
  let fail: unknown[] = [];
  const transport: Transport = {
    async request(request) {
      requests.push(request);
      const failure = fail.shift();
      if (failure) throw failure;
      if (request.verb === 'create') {
        const event = request.body as Written;
        events.set(event.metadata.name, { ...event });
        return event;
      }
      const event = events.get(request.name!);
      if (!event) throw notFound({ group: '', plural: 'events' }, request.name!);
      Object.assign(event, request.body);
      return event;
    },
    watch: () => ({ close() {} }),
    raw: async () => ({ status: 200, body: '' }),
    close: async () => {},
  };
  const recorder = createEventRecorder(createClient(transport), {
    component: 'tester',
    host: 'node-1',
    clock,
    random: seededRandom(1),
    ...options,
  });
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'ns', name: 'web', uid: 'u1', resourceVersion: '5', creationTimestamp: '' },
  };
  return {
    clock,
    events,
    requests,
    recorder,
    pod,
    failNext: (...errors: unknown[]) => {
      fail = errors;
    },
    all: () => [...events.values()],
  };
}

describe('an event recorder', () => {
  test('writes who saw what about which object', async () => {
    const { clock, recorder, pod, all } = setUp();
    recorder.event(pod, 'Warning', 'BackOff', 'no luck', { fieldPath: 'spec.containers{web}' });
    await clock.advance(0);
    expect(all()).toMatchObject([
      {
        metadata: { namespace: 'ns' },
        involvedObject: {
          kind: 'Pod',
          namespace: 'ns',
          name: 'web',
          uid: 'u1',
          apiVersion: 'v1',
          fieldPath: 'spec.containers{web}',
        },
        type: 'Warning',
        reason: 'BackOff',
        message: 'no luck',
        source: { component: 'tester', host: 'node-1' },
        count: 1,
        reportingComponent: 'tester',
      },
    ]);
    expect(all()[0]!.metadata.name).toMatch(/^web\.[0-9a-f]{16}$/);
  });

  test('counts an event up when it happens again', async () => {
    const { clock, recorder, pod, all } = setUp();
    for (let i = 0; i < 3; i++) {
      recorder.event(pod, 'Normal', 'Pulled', 'same words');
      await clock.advance(1000);
    }
    expect(all()).toHaveLength(1);
    expect(all()[0]).toMatchObject({ count: 3, lastTimestamp: '2026-01-01T00:00:02Z' });
  });

  test('writes a counted event anew when its object was deleted meanwhile', async () => {
    const { clock, recorder, pod, events, all } = setUp();
    recorder.event(pod, 'Normal', 'Pulled', 'same words');
    await clock.advance(1000);
    events.clear();
    recorder.event(pod, 'Normal', 'Pulled', 'same words');
    await clock.advance(1000);
    expect(all()).toMatchObject([{ count: 1 }]);
  });

  test('combines the tenth and later messages of one kind within ten minutes', async () => {
    const { clock, recorder, pod, all } = setUp();
    for (let i = 0; i < 14; i++) {
      recorder.event(pod, 'Warning', 'Failed', `message ${i}`);
      await clock.advance(1000);
    }
    expect(all()).toHaveLength(10);
    expect(all().at(-1)).toMatchObject({ count: 5, message: '(combined from similar events): message 13' });
  });

  test('drops what one object reports beyond 25 at once and one in five minutes', async () => {
    const { clock, recorder, pod, requests } = setUp();
    for (let i = 0; i < 40; i++) recorder.event(pod, 'Warning', `R${i}`, 'x');
    await clock.advance(0);
    expect(requests).toHaveLength(25);
    await clock.advance(300_000);
    recorder.event(pod, 'Warning', 'Late', 'x');
    recorder.event(pod, 'Warning', 'TooMuch', 'x');
    await clock.advance(0);
    expect(requests).toHaveLength(26);
  });

  test('tries again when the server is away, not when it refuses', async () => {
    const { clock, recorder, pod, failNext, all, requests } = setUp();
    failNext(serviceUnavailable('away'));
    recorder.event(pod, 'Normal', 'One', 'x');
    await clock.advance(10_000);
    expect(all()).toHaveLength(1);
    failNext(forbiddenError({ group: '', plural: 'events' }, 'web', 'namespace is terminating'));
    recorder.event(pod, 'Normal', 'Two', 'x');
    await clock.advance(1_000_000);
    expect(requests).toHaveLength(3);
  });

  test('puts events about cluster-scoped objects into the default namespace', async () => {
    const { clock, recorder, all } = setUp();
    recorder.event({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'n' } }, 'Normal', 'X', 'y');
    await clock.advance(0);
    expect(all()[0]!.metadata.namespace).toBe('default');
  });

  test('makes a series of what repeats when it writes events.k8s.io', async () => {
    const { clock, recorder, pod, all, requests } = setUp({ series: true });
    recorder.event(pod, 'Warning', 'FailedScheduling', 'no room', { action: 'Scheduling' });
    await clock.advance(1000);
    expect(all()).toMatchObject([
      { reason: 'FailedScheduling', action: 'Scheduling', note: 'no room', reportingController: 'tester' },
    ]);
    for (let i = 0; i < 5; i++) {
      recorder.event(pod, 'Warning', 'FailedScheduling', 'no room', { action: 'Scheduling' });
      await clock.advance(1000);
    }
    expect(all()[0]!.series!.count).toBe(2);
    expect(requests).toHaveLength(2);
    await clock.advance(400_000);
    expect(all()[0]!.series!.count).toBe(6);
    recorder.event(pod, 'Warning', 'FailedScheduling', 'no room', { action: 'Scheduling' });
    await clock.advance(0);
    expect(all()).toHaveLength(2);
  });
});
