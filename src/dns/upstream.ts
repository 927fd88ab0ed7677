/** Passing on what is not of the cluster to the resolvers that the host uses. */
import { createSocket } from 'node:dgram';
import { readFileSync, statSync } from 'node:fs';
import { connect, isIP } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';

/** A resolver to ask. */
export interface UpstreamServer {
  readonly address: string;
  readonly port: number;
}

/** Passes queries on. */
export interface Upstream {
  /** The answer as it came, with the id of the query; undefined when no server answered. */
  ask(query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined>;
}

export interface UpstreamOptions {
  /** Fixed servers, or the path of a resolv.conf whose changes are followed. */
  readonly servers: readonly UpstreamServer[] | string;
  /** Addresses of our own, never asked: a resolv.conf that names us would make a loop. */
  readonly own: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** How long one server may take; 2 s by default. */
  readonly timeoutMs?: number;
}

/** The name servers of a resolv.conf. */
export function resolvConfServers(text: string): UpstreamServer[] {
  return text.split('\n').flatMap((line) => {
    const address = /^\s*nameserver\s+(\S+)/.exec(line)?.[1];
    return address && isIP(address.split('%')[0]!) ? [{ address, port: 53 }] : [];
  });
}

const rereadMs = 5000;

/** An upstream that asks the servers in their order, the next one when one is silent. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { servers, own, clock, random, timeoutMs = 2000 } = options;
  let known: readonly UpstreamServer[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  let readVersion = '';
  const current = (): readonly UpstreamServer[] => {
    if (typeof servers !== 'string') return servers;
    if (clock.monotonic() - readAt < rereadMs) return known;
    readAt = clock.monotonic();
    try {
      const { mtimeMs, ino } = statSync(servers);
      if (`${mtimeMs} ${ino}` !== readVersion) known = resolvConfServers(readFileSync(servers, 'utf8'));
      readVersion = `${mtimeMs} ${ino}`;
    } catch {
      known = [];
    }
    return known;
  };
  return {
    async ask(query, transport) {
      for (const server of current()) {
        if (own.includes(server.address) && server.port === 53) continue;
        const mine = Buffer.from(query);
        mine.writeUInt16BE(random.below(65_536), 0);
        const answer = await (transport === 'udp' ? askUdp : askTcp)(mine, server, { clock, timeoutMs });
        if (!answer) continue;
        answer.writeUInt16BE(query.readUInt16BE(0), 0);
        return answer;
      }
      return undefined;
    },
  };
}

interface Patience {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** One socket per question: a port that cannot be guessed, and answers of others are not heard. */
function askUdp(query: Buffer, server: UpstreamServer, { clock, timeoutMs }: Patience): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4');
    let ended = false;
    const end = (answer: Buffer | undefined) => {
      if (ended) return;
      ended = true;
      timer.cancel();
      socket.close();
      resolve(answer);
    };
    const timer = clock.after(timeoutMs, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('message', (answer) => {
      if (answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0)) end(answer);
    });
    socket.connect(server.port, server.address, () => {
      if (!ended) socket.send(query, (error) => error && end(undefined));
    });
  });
}

function askTcp(query: Buffer, server: UpstreamServer, { clock, timeoutMs }: Patience): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: server.address, port: server.port });
    let received = Buffer.alloc(0);
    const end = (answer: Buffer | undefined) => {
      timer.cancel();
      socket.destroy();
      resolve(answer);
    };
    const timer = clock.after(timeoutMs, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined));
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      if (received.length < 2) return;
      const length = received.readUInt16BE(0);
      if (length >= 12 && received.length >= 2 + length) end(received.subarray(2, 2 + length));
    });
    const frame = Buffer.alloc(2);
    frame.writeUInt16BE(query.length, 0);
    socket.write(Buffer.concat([frame, query]));
  });
}
