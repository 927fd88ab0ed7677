/** Things that go wrong between a client and the API server, drawn from a seed. */

import type { KubeObject } from '../../src/api/kind.ts';
import { conflict, expired, internalError, tooManyRequests } from '../../src/api/machinery/status.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { Random } from '../../src/base/random.ts';
import type {
  ResourceRequest,
  Transport,
  WatchEvent,
  WatchHandle,
  WatchHandler,
  WatchRequest,
} from '../../src/client/transport.ts';

export interface Faults {
  /** Faults happen only while this is set. */
  active: boolean;
  readonly counts: Map<string, number>;
  /** Pods that were created without their creator learning of it, by the UID of their owner: it makes others. */
  readonly lostPods: Map<string, number>;
  /** Requests fail, or succeed without an answer. */
  requests(transport: Transport): Transport;
  /** Watches are late, repeat themselves, and break. */
  watches(transport: Transport): Transport;
}

/** Out of a thousand. */
const rates = {
  conflict: 30,
  'too-many': 10,
  internal: 10,
  lost: 20,
  delayedBatch: 60,
  repeatedBatch: 20,
  brokenWatch: 15,
};
const maxDelayMs = 4000;

export function createFaults(random: Random, clock: Clock): Faults {
  const counts = new Map<string, number>();
  const lostPods = new Map<string, number>();
  const happens = (what: keyof typeof rates): boolean => {
    if (!faults.active || random.below(1000) >= rates[what]) return false;
    counts.set(what, (counts.get(what) ?? 0) + 1);
    return true;
  };

  async function request(inner: Transport, call: ResourceRequest): Promise<unknown> {
    const named = { group: call.kind.group, resource: call.kind.plural };
    if ((call.verb === 'update' || call.verb === 'patch') && happens('conflict'))
      throw conflict(named as never, call.name ?? '', 'simulated');
    if (happens('too-many')) throw tooManyRequests('simulated', 1);
    if (happens('internal')) throw internalError('simulated');
    const answer = await inner.request(call);
    if (call.verb === 'get' || call.verb === 'list') return answer;
    // The write is done, and the caller never learns.
    if (happens('lost')) {
      countLost(lostPods, call);
      throw internalError('simulated: the answer was lost');
    }
    return answer;
  }

  function watch<T extends KubeObject>(inner: Transport, call: WatchRequest, handler: WatchHandler<T>): WatchHandle {
    let ended = false;
    let waiting: (readonly WatchEvent<T>[])[] = [];
    const deliver = (events: readonly WatchEvent<T>[]) => {
      if (!ended) handler.onEvents(events);
    };
    const handle = inner.watch<T>(call, {
      onEvents(events) {
        if (ended) return;
        if (waiting.length) {
          waiting.push(events);
          return;
        }
        if (happens('brokenWatch')) {
          // What was under way is lost; the client must notice and look again.
          ended = true;
          handle?.close();
          const error = random.below(2) ? expired('simulated: too old resource version') : undefined;
          clock.after(1, () => handler.onEnd(error));
          return;
        }
        // Upstream's deployment controller trusts its view of replica sets: late ones may cost it its surge limit.
        if (call.kind.kind !== 'ReplicaSet' && happens('delayedBatch')) {
          waiting = [events];
          clock.after(1 + random.below(maxDelayMs), () => {
            const due = waiting;
            waiting = [];
            for (const batch of due) deliver(batch);
          });
          return;
        }
        deliver(events);
        if (happens('repeatedBatch')) deliver(events);
      },
      onEnd(error) {
        if (!ended) handler.onEnd(error);
        ended = true;
      },
    });
    return {
      close() {
        ended = true;
        handle.close();
      },
    };
  }

  const faults: Faults = {
    active: false,
    counts,
    lostPods,
    requests: (inner) => ({ ...inner, request: (call) => request(inner, call) }),
    watches: (inner) => ({ ...inner, watch: (call, handler) => watch(inner, call, handler) }),
  };
  return faults;
}

/** Remembers that the creator of a pod does not know of it. */
export function countLost(lostPods: Map<string, number>, { verb, kind, body }: ResourceRequest): void {
  if (verb !== 'create' || kind.kind !== 'Pod') return;
  const { metadata } = body as Partial<KubeObject>;
  const owner = metadata?.ownerReferences?.find((reference) => reference.controller)?.uid;
  if (owner) lostPods.set(owner, (lostPods.get(owner) ?? 0) + 1);
}
