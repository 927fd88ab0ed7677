/** The UDP and TCP sockets of the DNS server. */
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';
import type { Logger } from '../base/log.ts';
import type { Responder } from './responder.ts';

/** Where the server listens. Port 0 takes a free one, the same for UDP and TCP. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/** Sockets that are open. */
export interface DnsSockets extends ListenAddress {
  close(): Promise<void>;
}

/** A TCP client may be silent for so long. */
const idleMs = 10_000;

/** Opens UDP and TCP on one address; rejects with the system's error where the port is taken. */
export async function openSockets(
  { address, port }: ListenAddress,
  responder: Responder,
  log: Logger,
): Promise<DnsSockets> {
  const tcp = await listenTcp(address, port, responder);
  const bound = (tcp.server.address() as { port: number }).port;
  try {
    const udp = await listenUdp(address, bound, responder);
    udp.on('error', (error) => log.warn('the DNS socket failed', { address, error }));
    return {
      address,
      port: bound,
      async close() {
        await Promise.all([
          new Promise<void>((resolve) => udp.close(() => resolve())),
          new Promise<void>((resolve) => {
            tcp.server.close(() => resolve());
            for (const socket of tcp.clients) socket.destroy();
          }),
        ]);
      },
    };
  } catch (error) {
    tcp.server.close();
    throw error;
  }
}

function listenUdp(address: string, port: number, responder: Responder): Promise<Socket> {
  const socket = createSocket({
    type: address.includes(':') ? 'udp6' : 'udp4',
    recvBufferSize: 4 * 1024 * 1024,
    // Peers are addresses already; the default goes through the resolver's queue for each of them.
    lookup: (host, _options, callback) => callback(null, host, address.includes(':') ? 6 : 4),
  });
  socket.on('message', (message, from) => {
    const answer = responder.respond(message, 'udp');
    if (answer === undefined) return;
    if (answer instanceof Promise) {
      void answer.then((late) => {
        if (late) trySend(socket, late, from);
      });
    } else trySend(socket, answer, from);
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port }, () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function trySend(socket: Socket, answer: Buffer, to: { address: string; port: number }): void {
  try {
    socket.send(answer, to.port, to.address, ignoreError);
  } catch {
    // The socket was closed while an upstream was asked.
  }
}

function ignoreError(): void {}

async function listenTcp(
  address: string,
  port: number,
  responder: Responder,
): Promise<{ server: Server; clients: ReadonlySet<TcpSocket> }> {
  const clients = new Set<TcpSocket>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
    serveTcp(socket, responder);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port }, resolve);
  });
  return { server, clients };
}

function serveTcp(socket: TcpSocket, responder: Responder): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on('error', () => {});
  socket.on('data', (data) => {
    pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
    while (pending.length >= 2) {
      const length = pending.readUInt16BE(0);
      if (pending.length < 2 + length) break;
      // A copy: what is kept of a query must not hold the whole chunk, nor change with it.
      const message = Buffer.from(pending.subarray(2, 2 + length));
      pending = pending.subarray(2 + length);
      void Promise.resolve(responder.respond(message, 'tcp')).then((answer) => {
        if (!answer) return socket.destroy();
        if (socket.destroyed) return;
        const frame = Buffer.alloc(2);
        frame.writeUInt16BE(answer.length, 0);
        socket.write(Buffer.concat([frame, answer]));
      });
    }
  });
}
