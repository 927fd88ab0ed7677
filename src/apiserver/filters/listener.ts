/** Listens for HTTP and hands each request to the chain. */
import { createServer, type Server } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type SecureServerOptions,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { namesakes } from '../../base/pki.ts';
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

/** What a client may take of a connection: as Go's server is set up upstream. */
export interface ConnectionLimits {
  /** For the TLS handshake, and for the headers of a request. */
  readonly headersTimeoutMs: number;
  /** A connection without requests is closed after this long. */
  readonly idleMs: number;
  /** Streams at once on one HTTP/2 connection; a client that opens and resets more is cut off by nghttp2's own rate limit. */
  readonly maxStreams: number;
  /** Of a request's line and headers: a kubectl exec has its whole command there. */
  readonly maxHeaderBytes: number;
}

const defaultLimits: ConnectionLimits = {
  headersTimeoutMs: 32_000,
  idleMs: 90_000,
  maxStreams: 100,
  maxHeaderBytes: 1024 * 1024,
};

/** How much of a body may be on its way before it is read, by stream. */
const uploadWindowBytes = 256 * 1024;
/**
 * What one connection may hold in nghttp2, in MB. It refuses new streams above this, on the one connection that a client
 * has; so its limit must be beyond what slow watchers hold before they are dropped.
 */
const maxSessionMemoryMb = 2048;
/** A client that still sends when it has its answer may read that before the connection is closed. */
const lingerMs = 500;

/** Starts a server: HTTP/2 and HTTP/1.1 over TLS, or plain HTTP/1.1. */
export async function startListener(
  options: {
    host: string;
    port: number;
    tls?: TlsOptions;
    clock: Clock;
    limits?: Partial<ConnectionLimits>;
  },
  handlers: ListenerHandlers,
): Promise<Listener> {
  const { host, port, tls, clock } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const http1 = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: Math.min(5000, limits.headersTimeoutMs),
    // Bodies have the request's own deadline; what is passed on to a pod may take longer.
    requestTimeout: 0,
    // Told to clients, so that they let go of an idle connection before the server closes it under a request.
    keepAliveTimeout: limits.idleMs,
  };
  const server: Server | Http2SecureServer = tls
    ? createSecureServer({
        ...secureContext(tls),
        ...http1,
        http1Options: http1,
        allowHTTP1: true,
        requestCert: true,
        rejectUnauthorized: false,
        handshakeTimeout: limits.headersTimeoutMs,
        maxSessionMemory: maxSessionMemoryMb,
        settings: {
          maxConcurrentStreams: limits.maxStreams,
          initialWindowSize: uploadWindowBytes,
          maxHeaderListSize: limits.maxHeaderBytes,
        },
      } as SecureServerOptions)
    : createServer(http1);
  server.on('session', (session: ServerHttp2Session) => {
    session.setLocalWindowSize(uploadWindowBytes * limits.maxStreams);
    closeIdle(session, limits.idleMs);
  });
  const sockets = new Set<Socket>();
  const onConnection = (socket: Socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  server.on('connection', onConnection);
  server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  const refused = new WeakSet<Socket>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // What still comes in is as wrong as what came before: the refusal is on its way.
    if (refused.has(socket)) return;
    refused.add(socket);
    if (!socket.writable) return void socket.destroy();
    socket.end(`HTTP/1.1 ${refusals[error.code ?? ''] ?? badRequest}\r\nConnection: close\r\n\r\n`);
    // To close under a client that still sends would take the answer from it.
    socket.removeAllListeners('data').resume();
    clock.after(lingerMs, () => socket.destroy());
  });
  server.on('request', (req: HttpRequest, res: HttpResponse) => {
    res.once('finish', () => {
      if (!req.complete) stopUpload(req, clock);
    });
    handlers.onRequest(req, res);
  });
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

const badRequest = '400 Bad Request';
const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Ends a connection that had no stream for a while, also one on which headers were begun and never ended. */
function closeIdle(session: ServerHttp2Session, idleMs: number): void {
  let open = 0;
  session.on('stream', (stream) => {
    open++;
    stream.once('close', () => open--);
  });
  session.setTimeout(idleMs, () => {
    if (open === 0) session.destroy();
  });
}

/** Reads no further where the answer did not need the rest of the body. */
function stopUpload(req: HttpRequest, clock: Clock): void {
  if ('stream' in req) (req as Http2ServerRequest).stream.close();
  else
    clock.after(lingerMs, () => {
      if (!req.complete) req.socket.destroy();
    });
}

function secureContext(tls: TlsOptions) {
  return {
    cert: tls.cert,
    key: tls.key,
    ...(tls.clientCa ? { ca: tls.clientCa + (tls.proxyCa ? namesakes(tls.proxyCa) : '') } : {}),
    minVersion: 'TLSv1.2' as const,
    ciphers: strongCiphers,
  };
}
