import { expect, it, vi } from 'vitest';
import { holdEvents } from './patient-events.ts';

const about = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } };

it('holds events back while pods are placed, and tells them in order afterwards', async () => {
  const told: string[] = [];
  let busy = true;
  const events = holdEvents({ event: (_about, _type, reason) => void told.push(reason) }, () => busy);
  for (const reason of ['one', 'two', 'three']) events.event(about, 'Normal', reason, '');
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(told).toEqual([]);
  expect(events.idle).toBe(false);
  busy = false;
  events.tell();
  await vi.waitFor(() => expect(events.idle).toBe(true));
  expect(told).toEqual(['one', 'two', 'three']);
});

it('never gives a recorder more than it can take at once', async () => {
  let waiting = 0;
  let most = 0;
  const events = holdEvents(
    {
      event() {
        most = Math.max(most, ++waiting);
      },
      async settled() {
        waiting = 0;
      },
    },
    () => false,
  );
  for (let i = 0; i < 5000; i++) events.event(about, 'Normal', 'Scheduled', '');
  await vi.waitFor(() => expect(events.idle).toBe(true));
  expect(most).toBeLessThanOrEqual(100);
});

it('does not hold back more than so many, however busy', () => {
  let told = 0;
  const events = holdEvents({ event: () => void told++ }, () => true);
  for (let i = 0; i < 20_010; i++) events.event(about, 'Normal', 'Scheduled', '');
  expect(told).toBe(10);
});
