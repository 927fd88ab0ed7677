/** Exec and attach over WebSocket (`v5.channel.k8s.io`, `v4…`), translated to the SPDY that runtimes speak. */
import type { WebSocket } from 'ws';
import { SpdyConnection, type SpdyStream } from './spdy.ts';
import { upgradeToSpdy } from './upgrade.ts';

/** The subprotocols that are understood, the best first. */
export const remoteCommandProtocols: readonly string[] = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

/** The first byte of each message says which stream it is of. */
export const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export interface RemoteCommandOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

const bufferedLimit = 4 * 1024 * 1024;

/** Serves one WebSocket from a URL of the runtime's streaming server; resolves when the session is over. */
export async function serveRemoteCommand(socket: WebSocket, url: string, options: RemoteCommandOptions): Promise<void> {
  const early: Buffer[] = [];
  const keep = (data: Buffer) => early.push(data);
  socket.on('message', keep);
  let upgraded: Awaited<ReturnType<typeof upgradeToSpdy>>;
  try {
    upgraded = await upgradeToSpdy(url, ['v4.channel.k8s.io']);
  } catch (error) {
    sendStatus(socket, (error as Error).message);
    socket.close(1011);
    return;
  }
  await new Promise<void>((resolve) => {
    const connection = new SpdyConnection(upgraded.socket, upgraded.head, () => {
      socket.close(1000);
      resolve();
    });
    const receive = (number: number, onEnd?: () => void) => ({
      onData(bytes: Buffer) {
        if (socket.readyState !== socket.OPEN) return;
        const framed = Buffer.allocUnsafe(bytes.length + 1);
        framed[0] = number;
        bytes.copy(framed, 1);
        socket.send(framed, () => {
          if (socket.bufferedAmount < bufferedLimit) connection.resume();
        });
        if (socket.bufferedAmount >= bufferedLimit) connection.pause();
      },
      ...(onEnd ? { onEnd } : {}),
    });
    // The error stream ends when the command has: its content is the outcome.
    connection.open(
      { streamType: 'error' },
      receive(channel.error, () => connection.close()),
    );
    const streams = new Map<number, SpdyStream>();
    const open = (name: 'stdin' | 'stdout' | 'stderr' | 'resize') =>
      streams.set(channel[name], connection.open({ streamType: name }, receive(channel[name])));
    if (options.stdin) open('stdin');
    if (options.stdout) open('stdout');
    if (options.stderr && !options.tty) open('stderr');
    if (options.tty) open('resize');

    const onMessage = (data: Buffer) => {
      if (data.length === 0) return;
      if (data[0] === channel.close) {
        if (data[1] !== undefined) streams.get(data[1])?.end();
        return;
      }
      const stream = data[0] === channel.stdin || data[0] === channel.resize ? streams.get(data[0]) : undefined;
      if (stream && data.length > 1 && !stream.write(data.subarray(1))) {
        socket.pause();
        void connection.drained().then(() => socket.resume());
      }
    };
    socket.off('message', keep);
    for (const data of early) onMessage(data);
    socket.on('message', onMessage);
    socket.on('close', () => connection.destroy());
    socket.on('error', () => connection.destroy());
  });
}

function sendStatus(socket: WebSocket, message: string): void {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: 'InternalError',
    code: 500,
  };
  socket.send(Buffer.concat([Buffer.from([channel.error]), Buffer.from(JSON.stringify(status))]));
}
