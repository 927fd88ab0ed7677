/** What a client may do to a connection, and what happens when it does more. */

import { connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { realClock } from '../../base/clock.ts';
import { createAuthority, issueCertificate } from '../../base/pki.ts';
import type { HttpRequest, HttpResponse } from './exchange.ts';
import { type ConnectionLimits, type Listener, startListener } from './listener.ts';

const now = realClock.now();
const ca = createAuthority('test-ca', now);
const { cert, key } = issueCertificate(ca, {
  subject: { commonName: 'server' },
  usages: ['serverAuth'],
  ipAddresses: ['127.0.0.1'],
  notBefore: now - 60_000,
  notAfter: now + 3_600_000,
});

let listener: Listener | undefined;
afterEach(async () => {
  await listener?.close();
  listener = undefined;
});

async function listen(
  limits: Partial<ConnectionLimits> = {},
  onRequest: (req: HttpRequest, res: HttpResponse) => void = (_req, res) => void res.end('ok'),
): Promise<Listener> {
  listener = await startListener(
    { host: '127.0.0.1', port: 0, tls: { cert, key }, clock: realClock, limits },
    { onRequest, onUpgrade: () => undefined },
  );
  return listener;
}

const closed = (socket: { once(event: 'close', fn: () => void): unknown }) =>
  new Promise<void>((resolve) => socket.once('close', () => resolve()));

/** The status of a GET over HTTP/1.1. */
const get = (port: number, path = '/') =>
  new Promise<number>((resolve, reject) => {
    const req = httpsRequest({ host: '127.0.0.1', port, path, ca: ca.cert, agent: false }, (res) => {
      res.resume();
      resolve(res.statusCode!);
    });
    req.on('error', reject);
    req.end();
  });

const session = (url: string) => {
  const opened = connect(url, { ca: ca.cert });
  opened.on('error', () => undefined);
  return opened;
};

describe('connections', () => {
  it('are closed when their handshake does not come to an end', async () => {
    const { port } = await listen({ headersTimeoutMs: 1500 });
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await closed(socket);
    expect(await get(port)).toBe(200);
  });

  it('are closed when headers trickle', async () => {
    const { port } = await listen({ headersTimeoutMs: 1500 });
    const socket = connectTls({ host: '127.0.0.1', port, ca: ca.cert });
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    await closed(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('take a request line of a long command, but no more than Go does', async () => {
    const { port } = await listen();
    expect(await get(port, `/?command=${'x'.repeat(200_000)}`)).toBe(200);
    expect(await get(port, `/?command=${'x'.repeat(1_100_000)}`)).toBe(431);
  });

  it('are closed when a client sends on after its answer', async () => {
    const { port } = await listen({}, (_req, res) => {
      res.statusCode = 413;
      res.end();
    });
    const socket = connectTls({ host: '127.0.0.1', port, ca: ca.cert });
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    socket.on('error', () => undefined);
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{');
    await closed(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('HTTP/2 connections', () => {
  it('have a hundred streams at once', async () => {
    const { url } = await listen();
    const client = session(url);
    await new Promise<void>((resolve) => client.once('remoteSettings', () => resolve()));
    expect(client.remoteSettings?.maxConcurrentStreams).toBe(100);
    client.destroy();
  });

  it('are closed when idle, also with headers that never end, but not under a watch', async () => {
    const { url, port } = await listen({ idleMs: 2000 }, (_req, res) => res.flushHeaders());
    const watching = session(url);
    const stream = watching.request({ ':path': '/' });
    await new Promise<void>((resolve) => stream.once('response', () => resolve()));
    const idle = session(url);
    const stuck = await speakHttp2(port);
    stuck.socket.resume();
    // A HEADERS frame that announces a CONTINUATION.
    stuck.socket.write(frame(1, 0, 1, Buffer.from([0x82])));
    await Promise.all([closed(idle), stuck.ended]);
    expect(watching.closed || watching.destroyed).toBe(false);
    watching.destroy();
  });

  it('are cut off when streams are opened and reset in a flood', async () => {
    const { port } = await listen({}, () => undefined);
    const { socket, ended } = await speakHttp2(port);
    socket.resume();
    let id = 1;
    await floodUntil(ended, socket, () => {
      const frames: Buffer[] = [];
      for (let i = 0; i < 100; i++, id += 2) {
        // GET / over https, and at once a reset of the stream.
        frames.push(frame(1, 0x5, id, Buffer.from([0x82, 0x84, 0x87, 0x41, 1, 0x78])), frame(3, 0, id, cancel));
      }
      return Buffer.concat(frames);
    });
    const again = session(`https://127.0.0.1:${port}`);
    await new Promise<void>((resolve) => again.once('remoteSettings', () => resolve()));
    again.destroy();
  });

  it('are cut off when pings flood and their answers are not read', async () => {
    const { port } = await listen();
    const { socket, ended } = await speakHttp2(port);
    socket.pause();
    const pings = Buffer.concat(Array.from({ length: 10_000 }, () => frame(6, 0, 0, Buffer.alloc(8))));
    await floodUntil(ended, socket, () => pings);
    expect(await get(port)).toBe(200);
  });
});

const cancel = Buffer.from([0, 0, 0, 8]);

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** A connection that has sent the preface and its settings, for frames that no library would send. */
async function speakHttp2(port: number) {
  const socket = connectTls({ host: '127.0.0.1', port, ca: ca.cert, ALPNProtocols: ['h2'] });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()));
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0)]));
  return { socket, ended: closed(socket) };
}

async function floodUntil(ended: Promise<void>, socket: TLSSocket, next: () => Buffer): Promise<void> {
  let open = true;
  void ended.then(() => {
    open = false;
  });
  const write = () =>
    new Promise((resolve) => {
      // The server is in this process: it needs its turns.
      socket.write(next(), () => setImmediate(resolve));
    });
  while (open) await Promise.race([write(), ended]);
}
