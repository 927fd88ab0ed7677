/** Listens for HTTP and hands each request to the chain. */
import { createServer, type Server } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { strongCiphers } from '../../base/tls-ciphers.ts';
import type { TlsOptions } from '../options.ts';
import type { HttpRequest, HttpResponse } from './exchange.ts';

export interface Listener {
  readonly url: string;
  readonly port: number;
  setTls(tls: TlsOptions): void;
  close(): Promise<void>;
}

export interface ListenerHandlers {
  onRequest(req: HttpRequest, res: HttpResponse): void;
  /** HTTP/1.1 requests that ask for another protocol: exec, attach, port-forward, proxied WebSockets. */
  onUpgrade(req: HttpRequest, socket: Duplex, head: Buffer): void;
}

const keepAliveMs = 90_000;

/** Starts a server: HTTP/2 and HTTP/1.1 over TLS, or plain HTTP/1.1. */
export async function startListener(
  options: { host: string; port: number; tls?: TlsOptions },
  handlers: ListenerHandlers,
): Promise<Listener> {
  const { host, port, tls } = options;
  const server: Server | Http2SecureServer = tls
    ? createSecureServer({
        ...secureContext(tls),
        allowHTTP1: true,
        requestCert: true,
        rejectUnauthorized: false,
        settings: { maxConcurrentStreams: 250, initialWindowSize: 1024 * 1024 },
      })
    : createServer({ requestTimeout: 0 });
  // Told to clients, so that they let go of an idle connection before the server closes it under a request.
  (server as { keepAliveTimeout?: number }).keepAliveTimeout = keepAliveMs;
  const sockets = new Set<Socket>();
  const onConnection = (socket: Socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  server.on('connection', onConnection);
  server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  server.on('clientError', (_error, socket: Socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
  server.on('request', handlers.onRequest as (req: unknown, res: unknown) => void);
  server.on('upgrade', handlers.onUpgrade as (...args: unknown[]) => void);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  const shownHost = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${tls ? 'https' : 'http'}://${shownHost}:${address.port}`,
    port: address.port,
    setTls(next) {
      if ('setSecureContext' in server) server.setSecureContext(secureContext(next));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function secureContext(tls: TlsOptions) {
  return {
    cert: tls.cert,
    key: tls.key,
    ...(tls.clientCa ? { ca: tls.clientCa } : {}),
    minVersion: 'TLSv1.2' as const,
    ciphers: strongCiphers,
  };
}
