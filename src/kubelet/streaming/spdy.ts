/**
 * The part of SPDY/3.1 that Kubernetes' streaming protocols use, client side: opening streams with headers, data both ways,
 * half-close, reset, ping. Flow control is not done, as neither upstream nor any runtime does it.
 */
import type { Duplex } from 'node:stream';
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';

/** The text that both sides' header compression starts from, as the protocol defines it. */
export const headerDictionary: Buffer = (() => {
  const words =
    'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin';
  const tail =
    '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';
  return Buffer.concat([...words.split(' ').map((word) => sized(word.replace('_', ' '))), Buffer.from(tail)]);
})();

function sized(text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

const frameType = { synStream: 1, synReply: 2, reset: 3, ping: 6, goAway: 7 } as const;
const flagFin = 1;
const version = 0x8003;
/** Larger pieces are cut, so that no frame exceeds its 24-bit length. */
const maxDataBytes = 256 * 1024;

export interface SpdyStreamHandler {
  onData(bytes: Buffer): void;
  /** The other side will send no more. */
  onEnd?(): void;
  onReset?(status: number): void;
}

export interface SpdyStream {
  readonly id: number;
  /** False when the connection's buffer is full: wait for {@link SpdyConnection.drained}. */
  write(bytes: Uint8Array): boolean;
  /** Sends no more; what comes is still received. */
  end(): void;
  reset(): void;
}

/** The client's side of a connection, on a socket that has been upgraded. */
export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #streams = new Map<number, SpdyStreamHandler>();
  readonly #deflate: Deflate = createDeflate({ dictionary: headerDictionary });
  readonly #inflate: Inflate = createInflate({ dictionary: headerDictionary });
  readonly #onClose: (error: Error | undefined) => void;
  #nextId = 1;
  #input: Buffer = Buffer.alloc(0);
  /** Frames leave in the order of their making, though compression takes a moment. */
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  /**
   * @param head bytes that came with the answer to the upgrade
   * @param onClose called once when the connection is over
   */
  constructor(socket: Duplex, head: Buffer, onClose: (error: Error | undefined) => void) {
    this.#socket = socket;
    this.#onClose = onClose;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(undefined));
    // Header blocks are read and dropped: replies carry nothing of interest, but the compressor's state must advance.
    this.#inflate.on('error', (error) => this.#end(error));
    this.#inflate.resume();
    if (head.length > 0) this.#receive(head);
  }

  /** Opens a stream. */
  open(headers: Readonly<Record<string, string>>, handler: SpdyStreamHandler): SpdyStream {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#streams.set(id, handler);
    this.#enqueue(async () => {
      const block = await this.#compress(headers);
      const body = Buffer.alloc(10 + block.length);
      body.writeUInt32BE(id, 0);
      block.copy(body, 10);
      this.#control(frameType.synStream, 0, body);
    });
    return {
      id,
      write: (bytes) => {
        for (let at = 0; at < bytes.length; at += maxDataBytes)
          this.#data(id, 0, bytes.subarray(at, at + maxDataBytes));
        return !this.#socket.writableNeedDrain;
      },
      end: () => this.#data(id, flagFin, Buffer.alloc(0)),
      reset: () => {
        this.#streams.delete(id);
        const body = Buffer.alloc(8);
        body.writeUInt32BE(id, 0);
        body.writeUInt32BE(5, 4);
        this.#enqueue(async () => this.#control(frameType.reset, 0, body));
      },
    };
  }

  /** Resolves when the connection takes more. */
  drained(): Promise<void> {
    if (!this.#socket.writableNeedDrain || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once('drain', resolve);
      this.#socket.once('close', resolve);
    });
  }

  /** Stops and continues receiving, when the other end of what is received is slow. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    void this.#sending.then(() => this.#socket.end());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #enqueue(send: () => Promise<void>): void {
    this.#sending = this.#sending.then(send).catch((error: Error) => this.#end(error));
  }

  #data(id: number, flags: number, bytes: Uint8Array): void {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(id, 0);
    head.writeUInt32BE(bytes.length, 4);
    head[4] = flags;
    this.#enqueue(async () => {
      if (this.#socket.writable) this.#socket.write(Buffer.concat([head, bytes]));
    });
  }

  #control(type: number, flags: number, body: Buffer): void {
    const head = Buffer.alloc(8);
    head.writeUInt16BE(version, 0);
    head.writeUInt16BE(type, 2);
    head.writeUInt32BE(body.length, 4);
    head[4] = flags;
    if (this.#socket.writable) this.#socket.write(Buffer.concat([head, body]));
  }

  #compress(headers: Readonly<Record<string, string>>): Promise<Buffer> {
    const names = Object.keys(headers);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(names.length);
    const plain = Buffer.concat([
      count,
      ...names.flatMap((name) => [sized(name.toLowerCase()), sized(headers[name]!)]),
    ]);
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      const collect = (bytes: Buffer) => parts.push(bytes);
      this.#deflate.on('data', collect);
      this.#deflate.once('error', reject);
      this.#deflate.write(plain);
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => {
        this.#deflate.off('data', collect);
        this.#deflate.off('error', reject);
        resolve(Buffer.concat(parts));
      });
    });
  }

  #receive(bytes: Buffer): void {
    this.#input = this.#input.length > 0 ? Buffer.concat([this.#input, bytes]) : bytes;
    while (this.#input.length >= 8) {
      const length = this.#input.readUInt32BE(4) & 0xffffff;
      if (this.#input.length < 8 + length) return;
      const frame = this.#input.subarray(0, 8 + length);
      this.#input = this.#input.subarray(8 + length);
      if (frame[0]! & 0x80) this.#onControl(frame);
      else this.#onData(frame);
    }
  }

  #onData(frame: Buffer): void {
    const id = frame.readUInt32BE(0) & 0x7fffffff;
    const handler = this.#streams.get(id);
    if (!handler) return;
    if (frame.length > 8) handler.onData(frame.subarray(8));
    if (frame[4]! & flagFin) handler.onEnd?.();
  }

  #onControl(frame: Buffer): void {
    const type = frame.readUInt16BE(2);
    const body = frame.subarray(8);
    switch (type) {
      case frameType.synReply: {
        this.#inflate.write(body.subarray(4));
        if (frame[4]! & flagFin) this.#streams.get(body.readUInt32BE(0) & 0x7fffffff)?.onEnd?.();
        break;
      }
      case frameType.reset: {
        const id = body.readUInt32BE(0) & 0x7fffffff;
        const handler = this.#streams.get(id);
        this.#streams.delete(id);
        handler?.onReset?.(body.readUInt32BE(4));
        break;
      }
      case frameType.ping:
        this.#enqueue(async () => this.#control(frameType.ping, 0, body));
        break;
      default:
        // Settings and window updates are about flow control; after a go-away the socket closes.
        break;
    }
  }

  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#deflate.close();
    this.#inflate.close();
    this.#socket.destroy();
    this.#onClose(error);
  }
}
