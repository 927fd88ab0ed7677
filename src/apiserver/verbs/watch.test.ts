import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../api/core/config-map.ts';
import type { WatchEvent } from '../../client/transport.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import { configMaps } from './test-config-maps.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer({ eventWindow: { minEvents: 1, maxEvents: 20 } });
  await running.client.create(ConfigMap, {
    metadata: { namespace: 'default', name: 'there', labels: { there: 'yes' } },
  });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('watch', () => {
  const next = async (count: number, options: object, act: () => Promise<void>): Promise<WatchEvent[]> => {
    const seen: WatchEvent[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const handle = running.client.watch(
      ConfigMap,
      { namespace: 'default', ...options },
      {
        onEvents(events) {
          seen.push(...events);
          if (seen.length >= count) resolve();
        },
        onEnd: (error) => reject(error ?? new Error('ended')),
      },
    );
    await act();
    await promise;
    handle.close();
    return seen;
  };
  const shown = (events: WatchEvent[]) => events.map((event) => `${event.type} ${event.object.metadata.name ?? ''}`);

  it('tells of changes after a revision, as a selector sees them', async () => {
    const { metadata } = await running.client.list(ConfigMap, { namespace: 'default' });
    const ref = { namespace: 'default', name: 'watched' };
    const options = { resourceVersion: metadata.resourceVersion, labelSelector: 'shown=yes' };
    const events = await next(3, options, async () => {
      await running.client.create(ConfigMap, { metadata: ref });
      await running.client.patch(ConfigMap, ref, { metadata: { labels: { shown: 'yes' } } }, { type: 'merge' });
      await running.client.patch(ConfigMap, ref, { data: { a: 'b' } }, { type: 'merge' });
      await running.client.patch(ConfigMap, ref, { metadata: { labels: { shown: 'no' } } }, { type: 'merge' });
    });
    expect(shown(events)).toEqual(['ADDED watched', 'MODIFIED watched', 'DELETED watched']);
  });

  it('sends what is there first, and a bookmark that says so', async () => {
    const options = {
      labelSelector: 'there',
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
    };
    const events = await next(2, options, async () => {});
    expect(shown(events)).toEqual(['ADDED there', 'BOOKMARK ']);
    expect(events[1]!.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });

  it('over HTTP: one JSON document a line, ended by timeoutSeconds', async () => {
    const { status, text } = await running.http(
      'GET',
      `${configMaps}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dthere`,
    );
    expect(status).toBe(200);
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).type),
    ).toEqual(['ADDED']);
  });

  it('tells watchers of a revision that is no longer kept to list again', async () => {
    const ref = { namespace: 'default', name: 'there' };
    const { metadata } = await running.client.get(ConfigMap, ref);
    for (let i = 0; i < 25; i++)
      await running.client.patch(ConfigMap, ref, { data: { n: String(i) } }, { type: 'merge' });
    const { status, text } = await running.http(
      'GET',
      `${configMaps}?watch=1&timeoutSeconds=1&resourceVersion=${metadata.resourceVersion}`,
    );
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  });
});
