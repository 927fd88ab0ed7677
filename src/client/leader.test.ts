import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../api/kind.ts';
import { alreadyExists, conflict, notFound, serviceUnavailable } from '../api/machinery/status.ts';
import { VirtualClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { createClient } from './client.ts';
import { runWithLeaderElection } from './leader.ts';
import type { ResourceRequest, Transport } from './transport.ts';

interface Lease extends KubeObject {
  spec: { holderIdentity?: string; leaseTransitions?: number };
}

const resource = { group: 'coordination.k8s.io', plural: 'leases' };

/** One Lease with optimistic concurrency. */
class LeaseServer implements Transport {
  lease: Lease | undefined;
  down = new Set<string>();
  #revision = 0;

  for(identity: string) {
    return createClient({ ...this.#bound(), request: (request) => this.#request(request, identity) });
  }

  #bound(): Transport {
    return this as Transport;
  }

  async #request(request: ResourceRequest, identity: string): Promise<unknown> {
    if (this.down.has(identity)) throw serviceUnavailable('cannot be reached');
    return this.request(request);
  }

  async request({ verb, body }: ResourceRequest): Promise<unknown> {
    const next = body as Lease;
    if (verb === 'get') {
      if (!this.lease) throw notFound(resource, 'l');
    } else if (verb === 'create') {
      if (this.lease) throw alreadyExists(resource, 'l');
      this.#store(next);
    } else {
      if (!this.lease) throw notFound(resource, 'l');
      if (next.metadata.resourceVersion !== this.lease.metadata.resourceVersion) throw conflict(resource, 'l', 'old');
      this.#store(next);
    }
    return this.lease;
  }

  #store(lease: Lease): void {
    this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(++this.#revision) } };
  }

  watch(): never {
    throw new Error('not watched');
  }

  async raw() {
    return { status: 200, body: '' };
  }

  async close() {}
}

function setUp() {
  const clock = new VirtualClock();
  const server = new LeaseServer();
  const leading = new Set<string>();
  let most = 0;
  const join = (identity: string, lead?: () => void) =>
    runWithLeaderElection({
      client: server.for(identity),
      clock,
      random: seededRandom(identity.length),
      log: silentLogger,
      lease: { namespace: 'kube-system', name: 'l' },
      identity,
      lead: (signal) => {
        lead?.();
        leading.add(identity);
        most = Math.max(most, leading.size);
        signal.addEventListener('abort', () => leading.delete(identity));
      },
    });
  return { clock, server, leading, join, most: () => most };
}

describe('leader election', () => {
  test('lets exactly one of several candidates lead', async () => {
    const { clock, leading, join, most } = setUp();
    const candidates = ['one', 'three', 'seventh'].map((identity) => join(identity));
    await clock.advance(120_000);
    expect(leading.size).toBe(1);
    expect(most()).toBe(1);
    for (const candidate of candidates) await candidate.stop();
    expect(leading.size).toBe(0);
  });

  test('hands over at once when the leader stops, because it releases the lease', async () => {
    const { clock, server, leading, join } = setUp();
    const first = join('a');
    await clock.advance(0);
    const second = join('bb');
    await clock.advance(30_000);
    expect([...leading]).toEqual(['a']);
    await first.stop();
    expect(server.lease!.spec.holderIdentity).toBe('');
    await clock.advance(4_500);
    expect([...leading]).toEqual(['bb']);
    expect(server.lease!.spec.leaseTransitions).toBe(1);
    await second.stop();
  });

  test('a leader that fails gives way to another, and takes part again', async () => {
    const { clock, server, leading, join } = setUp();
    let attempts = 0;
    const broken = join('a', () => {
      attempts++;
      throw new Error('controllers cannot start');
    });
    await clock.advance(0);
    const second = join('bb');
    await clock.advance(15_000);
    expect([...leading]).toEqual(['bb']);
    expect(attempts).toBe(1);
    await second.stop();
    await clock.advance(60_000);
    expect(attempts).toBeGreaterThan(1);
    await broken.stop();
    expect(server.lease!.spec.holderIdentity).toBe('');
  });

  test('a leader cut off from the server gives up before another takes over', async () => {
    const { clock, server, leading, join, most } = setUp();
    const first = join('a');
    await clock.advance(0);
    const second = join('bb');
    await clock.advance(10_000);
    server.down.add('a');
    await clock.advance(12_500);
    expect([...leading]).toEqual([]);
    await clock.advance(10_000);
    expect([...leading]).toEqual(['bb']);
    expect(most()).toBe(1);
    server.down.delete('a');
    await clock.advance(60_000);
    expect([...leading]).toEqual(['bb']);
    await second.stop();
    await first.stop();
  });

  test('a failing server does not stop a leader that can renew again in time', async () => {
    const { clock, server, leading, join } = setUp();
    const only = join('a');
    await clock.advance(10_000);
    server.down.add('a');
    await clock.advance(7_000);
    server.down.delete('a');
    await clock.advance(30_000);
    expect([...leading]).toEqual(['a']);
    await only.stop();
  });
});
