import { describe, expect, test } from 'vitest';
import type { KindRef, KubeObject } from '../api/kind.ts';
import { expired, serviceUnavailable } from '../api/machinery/status.ts';
import { VirtualClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { createClient } from './client.ts';
import { createInformerSet } from './informer-set.ts';
import type { ResourceRequest, Transport, WatchEvent, WatchHandler, WatchRequest } from './transport.ts';

const things: KindRef = { group: 'test', version: 'v1', kind: 'Thing', plural: 'things', namespaced: true };

const thing = (name: string, revision: number, more: { uid?: string; color?: string } = {}): KubeObject =>
  ({
    apiVersion: 'test/v1',
    kind: 'Thing',
    metadata: {
      namespace: 'ns',
      name,
      uid: more.uid ?? `uid-${name}`,
      resourceVersion: String(revision),
      creationTimestamp: '',
    },
    ...(more.color ? { color: more.color } : {}),
  }) as KubeObject;

/** A server that answers lists from what the test put there and lets the test play the watches. */
class ScriptedServer implements Transport {
  objects: KubeObject[] = [];
  revision = 0;
  failLists = 0;
  readonly lists: ResourceRequest[] = [];
  readonly watches: { request: WatchRequest; handler: WatchHandler<KubeObject>; closed: boolean }[] = [];

  async request(request: ResourceRequest): Promise<unknown> {
    this.lists.push(request);
    if (this.failLists-- > 0) throw serviceUnavailable('starting');
    return { metadata: { resourceVersion: String(this.revision) }, items: [...this.objects] };
  }

  watch<T extends KubeObject>(request: WatchRequest, handler: WatchHandler<T>) {
    const watch = { request, handler: handler as unknown as WatchHandler<KubeObject>, closed: false };
    this.watches.push(watch);
    return {
      close: () => {
        watch.closed = true;
      },
    };
  }

  get live() {
    return this.watches.at(-1)!;
  }

  send(type: WatchEvent['type'], object: KubeObject): void {
    this.live.handler.onEvents([{ type, object }]);
  }

  async raw() {
    return { status: 200, body: '' };
  }

  async close() {}
}

function setUp() {
  const clock = new VirtualClock();
  const server = new ScriptedServer();
  const informers = createInformerSet(createClient(server), { clock, log: silentLogger });
  const seen: string[] = [];
  const start = async () => {
    const informer = informers.informer(things);
    informer.addHandler({
      onAdd: (o) => seen.push(`+${o.metadata.name}@${o.metadata.resourceVersion}`),
      onUpdate: (o, old) =>
        seen.push(`~${o.metadata.name}@${old.metadata.resourceVersion}>${o.metadata.resourceVersion}`),
      onDelete: (o) => seen.push(`-${o.metadata.name}@${o.metadata.resourceVersion}`),
    });
    await clock.advance(0);
    return informer;
  };
  return { clock, server, informers, seen, start };
}

describe('an informer', () => {
  test('lists, then follows the watch from the revision of the list', async () => {
    const { server, seen, start } = setUp();
    server.objects = [thing('a', 3)];
    server.revision = 7;
    const informer = await start();
    expect(informer.synced).toBe(true);
    expect(server.live.request.query).toMatchObject({ resourceVersion: '7', allowWatchBookmarks: true });
    server.send('ADDED', thing('b', 8));
    server.send('MODIFIED', thing('a', 9));
    server.send('DELETED', thing('b', 10));
    expect(seen).toEqual(['+a@3', '+b@8', '~a@3>9', '-b@10']);
    expect(informer.list().map((o) => o.metadata.name)).toEqual(['a']);
    expect(informer.resourceVersion).toBe('10');
  });

  test('hands out the very objects that it was given', async () => {
    const { server, start } = setUp();
    const a = thing('a', 1);
    server.objects = [a];
    const informer = await start();
    expect(informer.get('ns', 'a')).toBe(a);
    expect(informer.byKey('ns/a')).toBe(a);
    expect(informer.byUid('uid-a')).toBe(a);
    expect(informer.list('ns')).toEqual([a]);
    expect(informer.list('other')).toEqual([]);
  });

  test('resumes a watch that ended from the last revision, a bookmark included', async () => {
    const { clock, server, start, seen } = setUp();
    await start();
    server.send('ADDED', thing('a', 5));
    server.send('BOOKMARK', thing('', 42));
    server.live.handler.onEnd(undefined);
    await clock.advance(1000);
    expect(server.watches).toHaveLength(2);
    expect(server.live.request.query?.resourceVersion).toBe('42');
    expect(server.lists).toHaveLength(1);
    expect(seen).toEqual(['+a@5']);
  });

  test('lists again when its revision is gone, and reports what vanished meanwhile', async () => {
    const { clock, server, seen, start } = setUp();
    server.objects = [thing('a', 1), thing('b', 2), thing('c', 3)];
    server.revision = 3;
    const informer = await start();
    seen.length = 0;
    server.objects = [thing('b', 2), thing('c', 8), thing('d', 9)];
    server.revision = 9;
    server.live.handler.onEnd(expired('too old resource version'));
    await clock.advance(1000);
    expect(seen).toEqual(['-a@1', '~c@3>8', '+d@9']);
    expect(informer.list().map((o) => o.metadata.name)).toEqual(['b', 'c', 'd']);
    expect(server.lists.at(-1)!.query?.resourceVersion).toBeUndefined();
    expect(server.live.request.query?.resourceVersion).toBe('9');
  });

  test('sees that an object was deleted and made anew while it did not watch', async () => {
    const { clock, server, seen, start } = setUp();
    server.objects = [thing('a', 1, { uid: 'first' })];
    await start();
    seen.length = 0;
    server.objects = [thing('a', 9, { uid: 'second' })];
    server.live.handler.onEnd(expired('gone'));
    await clock.advance(1000);
    expect(seen).toEqual(['-a@1', '+a@9']);
  });

  test('does not take repeated or late events for news', async () => {
    const { server, seen, start } = setUp();
    await start();
    server.send('ADDED', thing('a', 5));
    server.send('ADDED', thing('a', 5));
    server.send('MODIFIED', thing('a', 6));
    server.send('MODIFIED', thing('a', 5));
    server.send('DELETED', thing('a', 7));
    server.send('MODIFIED', thing('a', 6));
    expect(seen).toEqual(['+a@5', '~a@5>6', '-a@7']);
  });

  test('keeps trying while the server does not answer, further and further apart', async () => {
    const { clock, server, start } = setUp();
    server.failLists = 5;
    const informer = await start();
    expect(informer.synced).toBe(false);
    await clock.advance(50 + 100 + 200 + 400);
    expect(server.lists).toHaveLength(5);
    expect(informer.synced).toBe(false);
    await clock.advance(800);
    expect(informer.synced).toBe(true);
  });

  test('keeps indexes in step with the objects', async () => {
    const { server, start } = setUp();
    server.objects = [thing('a', 1, { color: 'red' }), thing('b', 2, { color: 'blue' })];
    server.revision = 2;
    const informer = await start();
    informer.addIndex('color', (o) => [(o as unknown as { color: string }).color]);
    const names = (color: string) => informer.byIndex('color', color).map((o) => o.metadata.name);
    expect(names('red')).toEqual(['a']);
    server.send('MODIFIED', thing('a', 3, { color: 'blue' }));
    expect(names('red')).toEqual([]);
    expect(names('blue').sort()).toEqual(['a', 'b']);
    server.send('DELETED', thing('b', 4, { color: 'blue' }));
    expect(names('blue')).toEqual(['a']);
    expect(() => informer.byIndex('shape', 'round')).toThrow(/no index named shape/);
  });

  test('tells a handler that comes late of what is there, and no longer one that was removed', async () => {
    const { server, start } = setUp();
    server.objects = [thing('a', 1)];
    const informer = await start();
    const late: string[] = [];
    const remove = informer.addHandler({ onAdd: (o) => late.push(o.metadata.name) });
    expect(late).toEqual(['a']);
    remove();
    server.send('ADDED', thing('b', 2));
    expect(late).toEqual(['a']);
  });

  test('survives a handler that throws', async () => {
    const { server, seen, start, informers } = setUp();
    informers.informer(things).addHandler({
      onAdd: () => {
        throw new Error('bad handler');
      },
    });
    await start();
    server.send('ADDED', thing('a', 1));
    expect(seen).toEqual(['+a@1']);
  });

  test('is shared by all who ask for its kind, unless they ask for a part', async () => {
    const { informers, server, clock } = setUp();
    const whole = informers.informer(things);
    expect(informers.informer({ ...things })).toBe(whole);
    expect(informers.informer(things, { labelSelector: 'a=b' })).not.toBe(whole);
    await clock.advance(0);
    expect(server.lists).toHaveLength(2);
    expect(informers.idle()).toBe(true);
  });

  test('ends with its set: the watch is closed and nobody waits for ever', async () => {
    const { informers, server, start, clock } = setUp();
    await start();
    server.failLists = 1000;
    const other = informers.informer({ ...things, plural: 'others' });
    const waiting = other.whenSynced();
    informers.stop();
    await expect(waiting).rejects.toThrow(/stopped/);
    expect(server.live.closed).toBe(true);
    const lists = server.lists.length;
    await clock.advance(100_000);
    expect(server.lists).toHaveLength(lists);
  });
});
