/** A response for HTTP/1.1 requests that ask for another protocol: to refuse them, or to hand over the connection. */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpRequest, HttpResponse } from '../filters/exchange.ts';

export interface Upgrade {
  readonly socket: Duplex;
  /** What the client has sent after its headers. */
  readonly head: Buffer;
}

const upgrades = new WeakMap<object, Upgrade>();

/** A response whose connection can be taken over with {@link takeUpgrade}; ending it closes the connection. */
export function createUpgradeResponse(req: HttpRequest, socket: Duplex, head: Buffer): HttpResponse {
  const res = new ServerResponse(req as IncomingMessage);
  res.shouldKeepAlive = false;
  res.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
  res.once('finish', () => {
    if (!upgrades.has(res)) return;
    res.detachSocket(socket as Parameters<ServerResponse['detachSocket']>[0]);
    socket.end();
  });
  socket.on('error', () => socket.destroy());
  upgrades.set(res, { socket, head });
  return res;
}

/** Whether the request asked for another protocol. */
export function isUpgrade(res: HttpResponse): boolean {
  return upgrades.has(res);
}

/** Takes the connection from the response, which must not have been used. */
export function takeUpgrade(res: HttpResponse): Upgrade | undefined {
  const upgrade = upgrades.get(res);
  if (!upgrade) return undefined;
  upgrades.delete(res);
  (res as ServerResponse).detachSocket(upgrade.socket as Parameters<ServerResponse['detachSocket']>[0]);
  return upgrade;
}
