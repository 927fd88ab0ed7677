import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { KindRef } from '../api/kind.ts';
import { isConflict, isExpired, isNotFound, notFound, StatusError } from '../api/machinery/status.ts';
import { VirtualClock } from '../base/clock.ts';
import { createClient } from './client.ts';
import { createHttpTransport, type HttpTransportOptions } from './http.ts';
import type { Transport, WatchEvent } from './transport.ts';

const widgets: KindRef = { group: 'test.io', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true };

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(
  answer: (seen: Seen, response: ServerResponse, request: IncomingMessage) => void,
  options: Partial<HttpTransportOptions> = {},
): Promise<{ transport: Transport; seen: Seen[]; server: Server }> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const entry = { method: request.method!, url: request.url!, headers: request.headers, body };
    seen.push(entry);
    answer(entry, response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createHttpTransport({ url, ...options });
  cleanups.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => server.closeAllConnections(),
    () => transport.close(),
  );
  return { transport, seen, server };
}

const json = (response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
};

describe('the HTTP transport', () => {
  test('addresses resources as the API does', async () => {
    const { transport, seen } = await serve((_, response) => json(response, 200, {}));
    const client = createClient(transport, { fieldManager: 'me' });
    await client.get(widgets, { namespace: 'ns', name: 'a b' });
    await client.list(widgets, { labelSelector: 'app in (x,y)', limit: 5 });
    await client.create(widgets, { metadata: { namespace: 'ns', name: 'w' } } as never);
    await client.patch(widgets, { namespace: 'ns', name: 'w' }, { spec: {} }, { type: 'apply', force: true });
    await client.delete(widgets, { namespace: 'ns', name: 'w' }, { gracePeriodSeconds: 0 });
    await client.subresource('create', widgets, { namespace: 'ns', name: 'w', subresource: 'eviction' }, {});
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /apis/test.io/v1/namespaces/ns/widgets/a%20b',
      'GET /apis/test.io/v1/widgets?labelSelector=app%20in%20(x%2Cy)&limit=5',
      'POST /apis/test.io/v1/namespaces/ns/widgets?fieldManager=me',
      'PATCH /apis/test.io/v1/namespaces/ns/widgets/w?fieldManager=me&force=true',
      'DELETE /apis/test.io/v1/namespaces/ns/widgets/w',
      'POST /apis/test.io/v1/namespaces/ns/widgets/w/eviction?fieldManager=me',
    ]);
    expect(JSON.parse(seen[2]!.body)).toMatchObject({ apiVersion: 'test.io/v1', kind: 'Widget' });
    expect(seen[3]!.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(JSON.parse(seen[4]!.body)).toMatchObject({ kind: 'DeleteOptions', gracePeriodSeconds: 0 });
  });

  test('throws what the server refuses as a StatusError', async () => {
    const { transport } = await serve(({ url }, response) => {
      if (url.includes('missing')) json(response, 404, notFound(widgets, 'missing').toStatus());
      else if (url.includes('raced')) {
        json(response, 409, { kind: 'Status', status: 'Failure', reason: 'Conflict', message: 'old', code: 409 });
      } else {
        response.writeHead(502);
        response.end('<html>bad gateway</html>');
      }
    });
    const client = createClient(transport);
    await expect(client.get(widgets, { name: 'missing' })).rejects.toSatisfy(isNotFound);
    await expect(client.get(widgets, { name: 'raced' })).rejects.toSatisfy(isConflict);
    await expect(client.find(widgets, { name: 'missing' })).resolves.toBeUndefined();
    const error = await client.get(widgets, { name: 'proxy' }).catch((e) => e);
    expect(error).toBeInstanceOf(StatusError);
    expect(error.code).toBe(502);
    expect(error.message).toContain('bad gateway');
  });

  test('says which server it cannot reach', async () => {
    const { transport, server } = await serve(() => {});
    await new Promise((resolve) => server.close(resolve));
    const error = await createClient(transport)
      .create(widgets, { metadata: { name: 'x' } } as never)
      .catch((e) => e);
    expect(error.reason).toBe('ServiceUnavailable');
    expect(error.message).toMatch(/POST \/apis\/test.io\/v1\/widgets: .*ECONNREFUSED/);
  });

  test('waits as long as the server asks before it tries again', async () => {
    const clock = new VirtualClock();
    const { transport, seen } = await serve(
      (_, response) =>
        seen.length < 3 ? json(response, 429, {}, { 'retry-after': '7' }) : json(response, 200, { ok: true }),
      { clock },
    );
    const answer = createClient(transport).get(widgets, { name: 'a' });
    let done = false;
    void answer.then(() => {
      done = true;
    });
    while (!done) {
      if (clock.nextDue() !== undefined) await clock.advance(7000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await answer).toEqual({ ok: true });
    expect(clock.now() - Date.UTC(2026, 0, 1)).toBe(14_000);
  });

  test('repeats a read whose connection broke, and never a write', async () => {
    const { transport, seen } = await serve((_, response, request) => {
      if (seen.length % 2 === 1) request.socket.destroy();
      else json(response, 200, { ok: true });
    });
    const client = createClient(transport);
    await expect(client.get(widgets, { name: 'a' })).resolves.toEqual({ ok: true });
    await expect(client.create(widgets, {} as never)).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
    expect(seen.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST']);
  });

  test('gives the items of a list the type that lists leave out', async () => {
    const { transport } = await serve((_, response) =>
      json(response, 200, { metadata: {}, items: [{ metadata: {} }] }),
    );
    const { items } = await createClient(transport).list(widgets);
    expect(items[0]).toMatchObject({ apiVersion: 'test.io/v1', kind: 'Widget' });
  });

  test('reads watch events line by line, wherever the network cuts them', async () => {
    const lines = ['a', 'b', 'ü'].map((name) => JSON.stringify({ type: 'ADDED', object: { metadata: { name } } }));
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    const { transport, seen } = await serve((_, response) => {
      response.writeHead(200);
      response.write(bytes.subarray(0, 30));
      setImmediate(() => {
        // In the middle of a character of two bytes.
        response.write(bytes.subarray(30, bytes.length - 5));
        setImmediate(() => response.end(bytes.subarray(bytes.length - 5)));
      });
    });
    const events: WatchEvent[] = [];
    const end = await new Promise<Error | undefined>((resolve) => {
      createClient(transport).watch(
        widgets,
        { resourceVersion: '5', allowWatchBookmarks: true },
        { onEvents: (batch) => events.push(...batch), onEnd: resolve },
      );
    });
    expect(end).toBeUndefined();
    expect(events.map((event) => event.object.metadata.name)).toEqual(['a', 'b', 'ü']);
    expect(seen[0]!.url).toBe('/apis/test.io/v1/widgets?resourceVersion=5&allowWatchBookmarks=true&watch=true');
  });

  test('ends a watch with the error that the server sent on it', async () => {
    const { transport } = await serve((_, response) => {
      response.writeHead(200);
      const status = { kind: 'Status', status: 'Failure', reason: 'Expired', message: 'too old', code: 410 };
      response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    });
    const end = await new Promise<unknown>((resolve) => {
      createClient(transport).watch(widgets, {}, { onEvents() {}, onEnd: resolve });
    });
    expect(end).toSatisfy(isExpired);
  });

  test('sends the token of a file, and the new one after it was rotated', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'token-'));
    cleanups.push(() => rmSync(dir, { recursive: true }));
    const tokenFile = join(dir, 'token');
    writeFileSync(tokenFile, 'one\n');
    const clock = new VirtualClock();
    const { transport, seen } = await serve((_, response) => json(response, 200, {}), { tokenFile, clock });
    const client = createClient(transport);
    await client.get(widgets, { name: 'a' });
    writeFileSync(tokenFile, 'two\n');
    await client.get(widgets, { name: 'a' });
    await clock.advance(11_000);
    await client.get(widgets, { name: 'a' });
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer one', 'Bearer two']);
  });

  test('keeps one connection for many requests, and stops at its abort signal', async () => {
    const ports = new Set<number | undefined>();
    const { transport } = await serve(({ url }, response, request) => {
      ports.add(request.socket.remotePort);
      if (!url.includes('slow')) json(response, 200, {});
    });
    const client = createClient(transport);
    for (let i = 0; i < 5; i++) await client.get(widgets, { name: 'a' });
    expect(ports.size).toBe(1);
    const abort = new AbortController();
    const slow = client.get(widgets, { name: 'slow' }, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(slow).rejects.toThrow('enough');
  });
});
