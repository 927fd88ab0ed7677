/** Events go an hour after their last write, as a lease in etcd takes them away upstream (--event-ttl). */
import { Event } from '../../api/core/event.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import type { Timer } from '../../base/clock.ts';
import type { ApiContext } from '../context.ts';
import { follow } from '../registry/follow.ts';

/** Least time between two sweeps, so that a stream of events is taken away in batches. */
const sweepEveryMs = 30_000;

export function expireEvents(api: ApiContext, ttlSeconds: number): { stop(): void } {
  const stored = api.registry.storage(Event.group, Event.plural)!;
  const ttlMs = ttlSeconds * 1000;
  /** Keys by the time at which they go, the next first: a write moves a key to the end. */
  const due = new Map<string, number>();
  let timer: Timer | undefined;
  let stopped = false;

  const arm = () => {
    const [next] = due.values();
    if (stopped || timer || next === undefined) return;
    timer = api.clock.after(Math.max(sweepEveryMs, next - api.clock.now()), () => {
      timer = undefined;
      void sweep().finally(arm);
    });
  };
  const sweep = async () => {
    const now = api.clock.now();
    const client = api.loopback();
    for (const [key, at] of due) {
      if (at > now || stopped) return;
      due.delete(key);
      const metadata = stored.cache.get(key)?.object.metadata;
      if (!metadata) continue;
      const { name, namespace = '', uid } = metadata;
      try {
        await client.delete(Event, { name, namespace }, { preconditions: { uid } });
      } catch (error) {
        if (!isNotFound(error)) api.log.warn('an old event could not be deleted', { namespace, name, error });
      }
    }
  };

  const read = () => {
    due.clear();
    const found: [string, number][] = [];
    for (const entry of stored.cache.snapshot().range(stored.prefix)) {
      const event = entry.object as unknown as { lastTimestamp?: string; metadata: { creationTimestamp: string } };
      found.push([entry.key, Date.parse(event.lastTimestamp ?? event.metadata.creationTimestamp) + ttlMs]);
    }
    for (const [key, at] of found.sort((a, b) => a[1] - b[1])) due.set(key, at);
  };
  read();
  const subscription = follow(stored, {
    onEvents(events) {
      const at = api.clock.now() + ttlMs;
      for (const { type, entry } of events) {
        due.delete(entry.key);
        if (type !== 'DELETED') due.set(entry.key, at);
      }
      arm();
    },
    onGap() {
      read();
      arm();
    },
  });
  arm();
  return {
    stop() {
      stopped = true;
      timer?.cancel();
      subscription.close();
    },
  };
}
