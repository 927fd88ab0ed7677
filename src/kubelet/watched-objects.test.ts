import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../api/kind.ts';
import { notFound } from '../api/machinery/status.ts';
import { VirtualClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import type { Client, WatchOptions } from '../client/client.ts';
import type { WatchHandler } from '../client/transport.ts';
import { WatchedObjects } from './watched-objects.ts';

const kind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const object = (version: string) => ({ metadata: { name: 'c', resourceVersion: version } }) as unknown as KubeObject;

/** The edge to the API: one object, its watches, and what was asked. */
function fakeApi() {
  const api = {
    current: object('1') as KubeObject | undefined,
    gets: 0,
    watches: [] as { options: WatchOptions; handler: WatchHandler<KubeObject>; closed: boolean }[],
    client: {
      async get() {
        api.gets++;
        if (!api.current) throw notFound(kind, 'c');
        return api.current;
      },
      watch(_: unknown, options: WatchOptions, handler: WatchHandler<KubeObject>) {
        const watch = { options, handler, closed: false };
        api.watches.push(watch);
        return {
          close() {
            watch.closed = true;
          },
        };
      },
    } as unknown as Client,
  };
  return api;
}

function start() {
  const api = fakeApi();
  const clock = new VirtualClock();
  const changes: string[][] = [];
  const objects = new WatchedObjects<KubeObject>(kind, { client: api.client, clock, log: silentLogger }, (uids) =>
    changes.push([...uids]),
  );
  return { api, clock, changes, objects };
}

describe('objects that pods refer to', () => {
  it('are fetched once for all pods, and watched by name from there', async () => {
    const { api, objects } = start();
    await Promise.all([objects.get('p1', 'ns', 'c'), objects.get('p2', 'ns', 'c')]);
    expect(api.gets).toBe(1);
    expect(api.watches[0]?.options).toEqual({
      namespace: 'ns',
      fieldSelector: 'metadata.name=c',
      resourceVersion: '1',
    });
  });

  it('tell their pods when they change, and only then', async () => {
    const { api, objects, changes } = start();
    await objects.get('p1', 'ns', 'c');
    api.watches[0]!.handler.onEvents([{ type: 'ADDED', object: object('1') }]);
    expect(changes).toEqual([]);
    api.watches[0]!.handler.onEvents([{ type: 'MODIFIED', object: object('2') }]);
    expect(changes).toEqual([['p1']]);
    expect((await objects.get('p1', 'ns', 'c'))?.metadata.resourceVersion).toBe('2');
    api.watches[0]!.handler.onEvents([{ type: 'DELETED', object: object('3') }]);
    expect(await objects.get('p1', 'ns', 'c')).toBeUndefined();
    expect(api.gets).toBe(1);
  });

  it('may be missing, and are noticed when they come', async () => {
    const { api, objects, changes } = start();
    api.current = undefined;
    expect(await objects.get('p1', 'ns', 'c')).toBeUndefined();
    api.watches[0]!.handler.onEvents([{ type: 'ADDED', object: object('1') }]);
    expect(changes).toEqual([['p1']]);
  });

  it('are fetched again when their watch ends, and what changed meanwhile is told', async () => {
    const { api, clock, objects, changes } = start();
    await objects.get('p1', 'ns', 'c');
    api.current = object('5');
    api.watches[0]!.handler.onEnd(undefined);
    await clock.advance(1000);
    expect(api.watches).toHaveLength(2);
    expect(changes).toEqual([['p1']]);
  });

  it('are let go when the last pod is', async () => {
    const { api, objects } = start();
    await objects.get('p1', 'ns', 'c');
    await objects.get('p2', 'ns', 'c');
    objects.release('p1');
    expect(api.watches[0]?.closed).toBe(false);
    objects.release('p2');
    expect(api.watches[0]?.closed).toBe(true);
  });

  it('that cannot be read now are asked for again by the next pod', async () => {
    const { api, objects } = start();
    const { get } = api.client;
    api.client.get = async () => {
      throw new Error('away');
    };
    await expect(objects.get('p1', 'ns', 'c')).rejects.toThrow('away');
    api.client.get = get;
    expect((await objects.get('p1', 'ns', 'c'))?.metadata.resourceVersion).toBe('1');
  });
});
