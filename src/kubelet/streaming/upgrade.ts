/** Upgraded connections to the runtime's streaming server. */
import http from 'node:http';
import type { Duplex } from 'node:stream';

export interface Upgraded {
  readonly socket: Duplex;
  /** Bytes that came with the answer. */
  readonly head: Buffer;
  readonly headers: http.IncomingHttpHeaders;
}

/** An upgrade that the other side refused, with its answer. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Asks for SPDY on a URL of the runtime. */
export function upgradeToSpdy(url: string, protocols: readonly string[]): Promise<Upgraded> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, {
      method: 'POST',
      agent: false,
      headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': protocols.join(', ') },
    });
    request.on('upgrade', (response, socket, head) => resolve({ socket, head, headers: response.headers }));
    request.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (bytes: Buffer) => parts.push(bytes));
      response.on('end', () =>
        reject(new UpgradeRefused(response.statusCode ?? 500, Buffer.concat(parts).toString('utf8').trim())),
      );
    });
    request.on('error', reject);
    request.end();
  });
}

/**
 * Passes an upgrade request on to a URL as it is, and then the bytes of both sides: what the protocol is does not matter.
 */
export function passUpgradeOn(
  request: http.IncomingMessage,
  client: Duplex,
  options: { url: string; head: Buffer },
): void {
  const headers = { ...request.headers };
  delete headers.host;
  delete headers.authorization;
  const upstream = http.request(options.url, { method: request.method ?? 'POST', agent: false, headers });
  const refuse = (status: number, text: string) => {
    client.end(
      `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    );
  };
  upstream.on('upgrade', (response, socket, head) => {
    const lines = [`HTTP/1.1 101 Switching Protocols`];
    for (let i = 0; i < response.rawHeaders.length; i += 2) {
      lines.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
    }
    client.write(`${lines.join('\r\n')}\r\n\r\n`);
    if (head.length > 0) client.write(head);
    if (options.head.length > 0) socket.write(options.head);
    join(client, socket);
  });
  upstream.on('response', (response) => {
    const parts: Buffer[] = [];
    response.on('data', (bytes: Buffer) => parts.push(bytes));
    response.on('end', () => refuse(response.statusCode ?? 502, Buffer.concat(parts).toString('utf8')));
  });
  upstream.on('error', (error) => refuse(502, error.message));
  client.on('error', () => upstream.destroy());
  upstream.end();
}

/** Joins two byte streams, so that the end or failure of one ends the other. */
export function join(a: Duplex, b: Duplex): void {
  a.pipe(b);
  b.pipe(a);
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}
