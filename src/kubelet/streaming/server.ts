/** The node's HTTPS server: logs, exec, attach, port forwarding, health, pods, stats, metrics. */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { createCertificateCheck } from '../../base/certificate-check.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { strongCiphers } from '../../base/tls-ciphers.ts';
import type { RequestAuthorizer } from './authorization.ts';
import { type NodeBackend, NodeRequestError } from './node-backend.ts';
import { answerPlain, sendText } from './plain-requests.ts';
import { portForwardTunnel, servePortForward } from './port-forward.ts';
import { commandOptions, pathParts, refOf } from './queries.ts';
import { type RemoteCommandOptions, remoteCommandProtocols, serveRemoteCommand } from './remote-command.ts';
import { passUpgradeOn } from './upgrade.ts';

/** PEM texts. */
export interface KubeletTls {
  readonly cert: string;
  readonly key: string;
  /** CA of client certificates: the cluster's. */
  readonly clientCa: string;
}

export interface KubeletServer {
  readonly port: number;
  /** Takes a renewed certificate into use, for connections that begin from now on. */
  setTls(tls: KubeletTls): void;
  close(): Promise<void>;
}

export interface KubeletServerOptions {
  readonly backend: NodeBackend;
  readonly clock: Clock;
  readonly log: Logger;
  readonly port: number;
  /** Without TLS it listens on the loopback interface only, and does not ask who comes. */
  readonly tls?: KubeletTls;
  readonly authorizer?: RequestAuthorizer;
  readonly host?: string;
}

const secureContext = ({ cert, key, clientCa }: KubeletTls) => ({
  cert,
  key,
  ca: clientCa,
  minVersion: 'TLSv1.2' as const,
  ciphers: strongCiphers,
});

/** Starts the server. */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { tls, authorizer, log } = options;
  const server = tls
    ? https.createServer({
        ...secureContext(tls),
        requestCert: true,
        // Callers with a bearer token have no certificate: the authorizer decides.
        rejectUnauthorized: false,
      })
    : http.createServer();
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => {
      const known = [...remoteCommandProtocols, portForwardTunnel];
      return known.find((protocol) => offered.has(protocol)) ?? false;
    },
  });
  const sessions = new Sessions(options, sockets);
  const ending = new AbortController();

  let clientCa = tls?.clientCa ?? '';
  const isClient = createCertificateCheck({ authorities: () => clientCa, chains: true, clock: options.clock });
  const guarded = async (request: http.IncomingMessage): Promise<void> => {
    if (!tls || !authorizer) return;
    const refusal = await authorizer.check(request, isClient).catch((error: unknown) => {
      log.warn('a request to the node could not be authorized', { error });
      throw new NodeRequestError(500, http.STATUS_CODES[500]!);
    });
    if (refusal) throw new NodeRequestError(refusal.status, refusal.message);
  };
  server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    guarded(request)
      .then(() =>
        answerPlain({ backend: options.backend, clock: options.clock, ending: ending.signal }, request, response),
      )
      .catch((error: unknown) => {
        const { status, message } = refusalOf(error);
        sendText(response, status, message);
      });
  });
  server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    guarded(request)
      .then(() => sessions.serve(request, socket, head))
      .catch((error: unknown) => refuseUpgrade(socket, refusalOf(error)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host ?? (tls ? '::' : '127.0.0.1'), resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    setTls(next) {
      clientCa = next.clientCa;
      if ('setSecureContext' in server) server.setSecureContext(secureContext(next));
    },
    close: () =>
      new Promise((resolve) => {
        for (const session of sockets.clients) session.terminate();
        ending.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class Sessions {
  readonly #options: KubeletServerOptions;
  readonly #sockets: WebSocketServer;

  constructor(options: KubeletServerOptions, sockets: WebSocketServer) {
    this.#options = options;
    this.#sockets = sockets;
  }

  /** Connects an upgraded request to a container. Rejects with {@link NodeRequestError}. */
  async serve(request: http.IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { backend } = this.#options;
    const url = new URL(request.url ?? '/', 'http://node');
    const [verb = '', ...rest] = pathParts(url.pathname);
    const query = url.searchParams;
    const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket';
    if (backend.session && isWebSocket && (verb === 'exec' || verb === 'attach')) {
      const options = { ...commandOptions(query), command: query.getAll('command') };
      const ref = refOf(rest);
      this.#sockets.handleUpgrade(request, socket, head, (session) => backend.session!(session, ref, options));
      return;
    }
    let target: string;
    let command: RemoteCommandOptions | undefined;
    if (verb === 'portForward') {
      const [namespace = '', pod = '', uid] = rest;
      const ports = [...query.getAll('port'), ...query.getAll('ports')].flatMap((list) => list.split(',')).map(Number);
      target = await backend.portForwardUrl({ namespace, pod, ...(uid ? { uid } : {}) }, ports);
    } else if (verb === 'exec' || verb === 'attach') {
      command = commandOptions(query);
      const ref = refOf(rest);
      target =
        verb === 'exec'
          ? await backend.execUrl(ref, { ...command, command: query.getAll('command') })
          : await backend.attachUrl(ref, command);
    } else throw new NodeRequestError(404, '404 page not found');

    if (!isWebSocket) {
      return passUpgradeOn(request, socket, { url: target, head });
    }
    this.#sockets.handleUpgrade(request, socket, head, (session) => {
      const served = command ? serveRemoteCommand(session, target, command) : servePortForward(session, target);
      served.catch((error: unknown) => {
        this.#options.log.warn('a session with a container failed', { error });
        session.terminate();
      });
    });
  }
}

const refusalOf = (error: unknown) =>
  error instanceof NodeRequestError ? error : new NodeRequestError(500, (error as Error).message);

function refuseUpgrade(socket: Duplex, { status, message }: NodeRequestError): void {
  if (socket instanceof TLSSocket || socket.writable) {
    const head = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\nContent-Type: text/plain; charset=utf-8\r\n`;
    socket.end(`${head}Content-Length: ${Buffer.byteLength(message)}\r\nConnection: close\r\n\r\n${message}`);
  }
}
