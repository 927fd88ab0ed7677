/** The DNS wire format, as far as a server of Kubernetes names needs it. Encoding compresses names, which dns-packet does not, and a headless service fits a datagram only so. */
import { ipToBytes } from '../base/ip-bytes.ts';

/** Record types by name. */
export const recordTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  ANY: 255,
} as const;

/** Response codes. */
export const rcodes = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
} as const;

/** A record to send. Names are absolute, without the final dot. */
export type DnsRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME' | 'PTR' | 'NS'; readonly target: string }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly type: 'TXT'; readonly text: string }
  | {
      readonly type: 'SOA';
      readonly target: string;
      readonly mailbox: string;
      readonly serial: number;
      readonly minimum: number;
    }
);

/** A query that was understood. */
export interface DnsQuery {
  readonly id: number;
  readonly recursionDesired: boolean;
  /** As sent, without the final dot. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The bytes of the question section, to be repeated in the answer as they came. */
  readonly question: Buffer;
  /** Present when the client speaks EDNS. */
  readonly edns: { readonly payloadSize: number; readonly version: number } | undefined;
}

/** What a message is, when it is no query that can be answered: a response code, or nothing at all to say. */
export type Unanswerable = { readonly rcode: number; readonly id: number } | undefined;

/** Reads a query; never throws. */
export function parseQuery(message: Buffer): { query: DnsQuery } | { error: Unanswerable } {
  if (message.length < 12) return { error: undefined };
  const id = message.readUInt16BE(0);
  const flags = message.readUInt16BE(2);
  // A response; answering it could go on forever between two servers.
  if (flags & 0x8000) return { error: undefined };
  if ((flags >> 11) & 15) return { error: { id, rcode: rcodes.notImplemented } };
  if (message.readUInt16BE(4) !== 1) return { error: { id, rcode: rcodes.formatError } };
  const name = readName(message, 12);
  if (!name || name.end + 4 > message.length) return { error: { id, rcode: rcodes.formatError } };
  const query = {
    id,
    recursionDesired: (flags & 0x0100) !== 0,
    name: name.text,
    type: message.readUInt16BE(name.end),
    class: message.readUInt16BE(name.end + 2),
    question: message.subarray(12, name.end + 4),
  };
  const skipped = message.readUInt16BE(6) + message.readUInt16BE(8);
  return { query: { ...query, edns: skipped === 0 ? readEdns(message, name.end + 4) : undefined } };
}

function readEdns(message: Buffer, start: number): DnsQuery['edns'] {
  let at = start;
  for (let left = message.readUInt16BE(10); left > 0; left--) {
    const name = readName(message, at);
    if (!name || name.end + 10 > message.length) return undefined;
    const type = message.readUInt16BE(name.end);
    if (type === recordTypes.OPT)
      return { payloadSize: message.readUInt16BE(name.end + 2), version: message[name.end + 5]! };
    at = name.end + 10 + message.readUInt16BE(name.end + 8);
  }
  return undefined;
}

/** A name without compression, as questions have it. */
function readName(message: Buffer, start: number): { text: string; end: number } | undefined {
  let at = start;
  let text = '';
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || at + 1 + length > message.length) return undefined;
    if (length === 0) return { text, end: at + 1 };
    const label = message.toString('latin1', at + 1, at + 1 + length);
    text = text === '' ? label : `${text}.${label}`;
    at += 1 + length;
    if (at - start > 254) return undefined;
  }
}

/** An answer to be written. */
export interface DnsAnswer {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authority?: readonly DnsRecord[];
  readonly additional?: readonly DnsRecord[];
}

/** What we offer to EDNS clients: fits an IPv6 packet without fragments. */
const offeredPayload = 1232;

/**
 * Writes an answer with the query's id. Additional records are left out where they do not fit into `limit` bytes; when the
 * rest does not fit either, the answer is empty and marked as truncated, so that the client comes back over TCP.
 */
export function encodeAnswer(query: DnsQuery, answer: DnsAnswer, limit: number): Buffer {
  for (const parts of [answer, { ...answer, additional: [] }]) {
    const message = encode(query, parts, false);
    if (message.length <= limit) return message;
  }
  return encode(query, { ...answer, answers: [], authority: [], additional: [] }, true);
}

/** A header-only answer for what is no proper query. */
export function encodeError(error: { id: number; rcode: number }): Buffer {
  const message = Buffer.alloc(12);
  message.writeUInt16BE(error.id, 0);
  message.writeUInt16BE(0x8000 | error.rcode, 2);
  return message;
}

function encode(query: DnsQuery, answer: DnsAnswer, truncated: boolean): Buffer {
  const writer = new Writer();
  const { answers, authority = [], additional = [] } = answer;
  writer.uint16(query.id);
  writer.uint16(
    0x8000 |
      (answer.authoritative ? 0x0400 : 0) |
      (truncated ? 0x0200 : 0) |
      (query.recursionDesired ? 0x0100 : 0) |
      0x0080 |
      answer.rcode,
  );
  writer.uint16(1);
  writer.uint16(answers.length);
  writer.uint16(authority.length);
  writer.uint16(additional.length + (query.edns ? 1 : 0));
  writer.question(query);
  for (const record of [...answers, ...authority, ...additional]) writer.record(record);
  if (query.edns) {
    writer.uint8(0);
    writer.uint16(recordTypes.OPT);
    writer.uint16(offeredPayload);
    writer.uint32(0);
    writer.uint16(0);
  }
  return writer.bytes();
}

class Writer {
  #buffer = Buffer.allocUnsafe(1024);
  #at = 0;
  readonly #names = new Map<string, number>();

  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#at));
  }

  uint8(value: number): void {
    this.#room(1);
    this.#buffer[this.#at++] = value;
  }

  uint16(value: number): void {
    this.#room(2);
    this.#at = this.#buffer.writeUInt16BE(value, this.#at);
  }

  uint32(value: number): void {
    this.#room(4);
    this.#at = this.#buffer.writeUInt32BE(value, this.#at);
  }

  question(query: DnsQuery): void {
    // Names in answers point into the question, case and all, as resolvers that randomize the case expect.
    let name = query.name.toLowerCase();
    let at = this.#at;
    while (name !== '') {
      this.#names.set(name, at);
      const dot = name.indexOf('.');
      at += (dot < 0 ? name.length : dot) + 1;
      name = dot < 0 ? '' : name.slice(dot + 1);
    }
    this.#room(query.question.length);
    this.#at += query.question.copy(this.#buffer, this.#at);
  }

  record(record: DnsRecord): void {
    this.#name(record.name);
    this.uint16(recordTypes[record.type]);
    this.uint16(1);
    this.uint32(record.ttl);
    const lengthAt = this.#at;
    this.uint16(0);
    switch (record.type) {
      case 'A':
      case 'AAAA':
        for (const byte of ipToBytes(record.address)) this.uint8(byte);
        break;
      case 'CNAME':
      case 'PTR':
      case 'NS':
        this.#name(record.target);
        break;
      case 'SRV':
        this.uint16(record.priority);
        this.uint16(record.weight);
        this.uint16(record.port);
        // RFC 2782 forbids compression of the target.
        this.#name(record.target, false);
        break;
      case 'TXT': {
        const text = Buffer.from(record.text);
        this.uint8(text.length);
        for (const byte of text) this.uint8(byte);
        break;
      }
      case 'SOA':
        this.#name(record.target);
        this.#name(record.mailbox);
        for (const value of [record.serial, 7200, 1800, 86400, record.minimum]) this.uint32(value);
        break;
    }
    this.#buffer.writeUInt16BE(this.#at - lengthAt - 2, lengthAt);
  }

  #name(text: string, compress = true): void {
    let name = text;
    while (name !== '') {
      const known = compress ? this.#names.get(name.toLowerCase()) : undefined;
      if (known !== undefined) {
        this.uint16(0xc000 | known);
        return;
      }
      if (this.#at < 0x4000) this.#names.set(name.toLowerCase(), this.#at);
      const dot = name.indexOf('.');
      const label = dot < 0 ? name : name.slice(0, dot);
      this.#room(label.length + 1);
      this.#buffer[this.#at] = label.length;
      this.#buffer.write(label, this.#at + 1, 'latin1');
      this.#at += label.length + 1;
      name = dot < 0 ? '' : name.slice(dot + 1);
    }
    this.uint8(0);
  }

  #room(size: number): void {
    if (this.#at + size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + size));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
