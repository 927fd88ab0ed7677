import { Duplex } from 'node:stream';
import { constants, createDeflate, createInflate } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { headerDictionary, SpdyConnection } from './spdy.ts';

/** Two ends of a connection in memory. */
function pair(): [Duplex, Duplex] {
  const make = (write: (bytes: Buffer | null) => void) =>
    new Duplex({
      read() {},
      write(chunk, _, done) {
        write(chunk);
        done();
      },
      final(done) {
        write(null);
        done();
      },
    });
  const a: Duplex = make((bytes) => b.push(bytes));
  const b: Duplex = make((bytes) => a.push(bytes));
  return [a, b];
}

/** Reads frames on the server's side. */
async function* frames(socket: Duplex) {
  let rest = Buffer.alloc(0);
  for await (const bytes of socket) {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 8) {
      const length = rest.readUInt32BE(4) & 0xffffff;
      if (rest.length < 8 + length) break;
      yield Buffer.from(rest.subarray(0, 8 + length));
      rest = rest.subarray(8 + length);
    }
  }
}

const dataFrame = (id: number, text: string, fin = false) => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(id, 0);
  head.writeUInt32BE(text.length, 4);
  head[4] = fin ? 1 : 0;
  return Buffer.concat([head, Buffer.from(text)]);
};

describe('SPDY/3.1', () => {
  it('starts its compression from the dictionary of the protocol', () => {
    expect(headerDictionary.length).toBe(1423);
    let a = 1;
    let b = 0;
    for (const byte of headerDictionary) {
      a = (a + byte) % 65521;
      b = (b + a) % 65521;
    }
    // What zlib writes into a stream to name its dictionary.
    expect((b * 65536 + a).toString(16)).toBe('e3c6a7c2');
  });

  it('opens streams with compressed headers, one compressor for the connection', async () => {
    const [client, server] = pair();
    const connection = new SpdyConnection(client, Buffer.alloc(0), () => {});
    connection.open({ streamType: 'error' }, { onData() {} });
    connection.open({ streamType: 'stdin' }, { onData() {} });
    const inflate = createInflate({ dictionary: headerDictionary });
    const seen: string[] = [];
    const ids: number[] = [];
    for await (const frame of frames(server)) {
      expect(frame.readUInt16BE(0)).toBe(0x8003);
      expect(frame.readUInt16BE(2)).toBe(1);
      ids.push(frame.readUInt32BE(8));
      const plain = await new Promise<Buffer>((resolve) => {
        inflate.once('data', resolve);
        inflate.write(frame.subarray(18));
      });
      expect(plain.readUInt32BE(0)).toBe(1);
      const nameLength = plain.readUInt32BE(4);
      seen.push(`${plain.toString('utf8', 8, 8 + nameLength)}=${plain.toString('utf8', 12 + nameLength)}`);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(['streamtype=error', 'streamtype=stdin']);
    expect(ids).toEqual([1, 3]);
    connection.destroy();
  });

  it('sends data, half-closes, and answers pings', async () => {
    const [client, server] = pair();
    const connection = new SpdyConnection(client, Buffer.alloc(0), () => {});
    const stream = connection.open({ streamType: 'stdin' }, { onData() {} });
    stream.write(Buffer.from('abc'));
    stream.end();
    server.write(Buffer.from([0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 7]));
    const got: string[] = [];
    for await (const frame of frames(server)) {
      got.push(
        frame.readUInt16BE(0) === 0x8003 ? `type ${frame.readUInt16BE(2)}` : `${frame.subarray(8)} fin ${frame[4]}`,
      );
      if (got.length === 4) break;
    }
    expect(got).toEqual(['type 1', 'abc fin 0', ' fin 1', 'type 6']);
    connection.destroy();
  });

  it('receives data in any pieces, ends, resets and the end of the connection', async () => {
    const [client, server] = pair();
    const log: string[] = [];
    let closed: () => void = () => {};
    const whenClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const connection = new SpdyConnection(client, dataFrame(1, 'early'), () => {
      log.push('closed');
      closed();
    });
    const handler = (name: string) => ({
      onData: (bytes: Buffer) => void log.push(`${name}: ${bytes}`),
      onEnd: () => void log.push(`${name} ended`),
      onReset: (status: number) => void log.push(`${name} reset ${status}`),
    });
    connection.open({ streamType: 'stdout' }, handler('out'));
    connection.open({ streamType: 'stderr' }, handler('err'));
    const reply = await new Promise<Buffer>((resolve) => {
      const deflate = createDeflate({ dictionary: headerDictionary });
      deflate.on('data', resolve);
      deflate.write(Buffer.from([0, 0, 0, 0]));
      deflate.flush(constants.Z_SYNC_FLUSH);
    });
    const synReply = Buffer.concat([Buffer.from([0x80, 3, 0, 2, 0, 0, 0, 4 + reply.length, 0, 0, 0, 1]), reply]);
    const reset = Buffer.from([0x80, 3, 0, 3, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 5]);
    const all = Buffer.concat([synReply, dataFrame(1, 'hello'), dataFrame(1, '', true), reset]);
    for (const byte of all) server.write(Buffer.from([byte]));
    server.end();
    server.destroy();
    client.on('end', () => client.destroy());
    await whenClosed;
    expect(log).toEqual(['out: hello', 'out ended', 'err reset 5', 'closed']);
  });
});
