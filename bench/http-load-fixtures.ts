/** Clients that ask an API server as fast as it answers, in a thread of their own. */
import { connect, type TLSSocket } from 'node:tls';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { realClock } from '../src/base/clock.ts';
import { quantile } from './bench.ts';

/** What clients do, and how long. */
export interface Load {
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly connections: number;
  readonly seconds: number;
  /** `%N` in it becomes a number of its own. */
  readonly head: string;
  readonly body?: string;
}

export interface LoadResult {
  readonly perSecond: number;
  /** From a request to its whole answer, in milliseconds: what 99 of 100 do not exceed. */
  readonly p99: number;
  readonly bytes: number;
  readonly failed: number;
}

/** One keep-alive connection that asks again as soon as it is answered. */
function drive(
  socket: TLSSocket,
  load: Load,
  state: { next: number; done: number; bytes: number; failed: number; stop: boolean; took: number[] },
): void {
  let pending: Buffer = Buffer.alloc(0);
  let missing = 0;
  let sentAt = 0;
  const send = () => {
    if (state.stop) {
      socket.destroy();
      return;
    }
    sentAt = realClock.monotonic();
    const number = String(state.next++).padStart(9, '0');
    const body = load.body?.replaceAll('%N', number) ?? '';
    const length = load.body ? `content-length: ${Buffer.byteLength(body)}\r\n` : '';
    socket.write(`${load.head.replaceAll('%N', number)}\r\nhost: bench\r\n${length}\r\n${body}`);
  };
  const finish = () => {
    state.done++;
    state.took.push(realClock.monotonic() - sentAt);
    send();
  };
  socket.on('data', (chunk: Buffer) => {
    state.bytes += chunk.length;
    if (missing > 0) {
      missing -= chunk.length;
      if (missing <= 0) finish();
      return;
    }
    pending = pending.length ? Buffer.concat([pending, chunk]) : chunk;
    const end = pending.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = pending.toString('latin1', 0, end);
    if (!head.startsWith('HTTP/1.1 20')) state.failed++;
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    missing = length - (pending.length - end - 4);
    pending = Buffer.alloc(0);
    if (missing <= 0) finish();
  });
  socket.on('error', () => {
    if (!state.stop) state.failed++;
  });
  send();
}

async function runLoad(load: Load): Promise<LoadResult> {
  const state = { next: 0, done: 0, bytes: 0, failed: 0, stop: false, took: [] as number[] };
  const sockets = await Promise.all(
    Array.from(
      { length: load.connections },
      () =>
        new Promise<TLSSocket>((resolve, reject) => {
          const { port, ca, cert, key } = load;
          const socket = connect({ port, host: '127.0.0.1', ca, cert, key, ALPNProtocols: ['http/1.1'] }, () =>
            resolve(socket),
          );
          socket.once('error', reject);
          socket.setNoDelay(true);
        }),
    ),
  );
  for (const socket of sockets) drive(socket, load, state);
  await realClock.sleep(500);
  state.took.length = 0;
  const from = { done: state.done, at: realClock.monotonic() };
  await new Promise((resolve) => setTimeout(resolve, load.seconds * 1000));
  const perSecond = ((state.done - from.done) * 1000) / (realClock.monotonic() - from.at);
  state.stop = true;
  for (const socket of sockets) socket.destroy();
  return { perSecond, p99: quantile(state.took, 0.99), bytes: state.bytes, failed: state.failed };
}

if (!isMainThread && (workerData as { apiLoad?: Load } | null)?.apiLoad) {
  const timer = setInterval(() => {}, 1000);
  const result = await runLoad((workerData as { apiLoad: Load }).apiLoad);
  parentPort!.postMessage(result);
  clearInterval(timer);
}

/** Runs a load in a thread of its own; throws when a request failed. */
export async function loadFromThread(apiLoad: Load): Promise<LoadResult> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { apiLoad } });
  const result = await new Promise<LoadResult>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  if (result.failed) throw new Error(`${result.failed} requests failed`);
  return result;
}
