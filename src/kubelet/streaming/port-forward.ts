/** Port forwarding over WebSocket: SPDY's own bytes in binary messages, as kubectl tunnels them since v1.31. */
import type { WebSocket } from 'ws';
import { upgradeToSpdy } from './upgrade.ts';

/** The tunnel's subprotocol. */
export const portForwardTunnel = 'SPDY/3.1+portforward.k8s.io';

/** Joins a WebSocket and the runtime's port forward URL; resolves when either side is done. */
export async function servePortForward(socket: WebSocket, url: string): Promise<void> {
  const early: Buffer[] = [];
  const keep = (data: Buffer) => early.push(data);
  socket.on('message', keep);
  const upgraded = await upgradeToSpdy(url, ['portforward.k8s.io']).catch((error: Error) => {
    socket.close(1011, error.message.slice(0, 120));
    return undefined;
  });
  if (!upgraded) return;
  const runtime = upgraded.socket;
  socket.off('message', keep);
  for (const data of early) runtime.write(data);
  await new Promise<void>((resolve) => {
    const send = (bytes: Buffer) => {
      runtime.pause();
      socket.send(bytes, (error) => (error ? runtime.destroy() : runtime.resume()));
    };
    if (upgraded.head.length > 0) send(upgraded.head);
    runtime.on('data', send);
    runtime.on('error', () => socket.close(1011));
    runtime.on('close', () => {
      socket.close(1000);
      resolve();
    });
    socket.on('message', (data: Buffer) => {
      if (!runtime.write(data)) {
        socket.pause();
        runtime.once('drain', () => socket.resume());
      }
    });
    socket.on('close', () => runtime.destroy());
    socket.on('error', () => runtime.destroy());
  });
}
