/**
 * The part of ASN.1's distinguished encoding that certificates need: writing what we issue, and reading names and
 * requests that others wrote. Reading is strict: definite lengths in their shortest form, nothing beyond the end.
 */

/** Universal tags, constructed bit included where DER has it. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: its tag octet, and its contents as written. */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x10000
          ? [tag, 0x82, length >> 8, length & 0xff]
          : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Uint8Array.from(head), ...parts]);
}

export const derSequence = (...parts: readonly Uint8Array[]): Buffer => derElement(derTag.sequence, ...parts);
export const derSet = (...parts: readonly Uint8Array[]): Buffer => derElement(derTag.set, ...parts);
export const derOctets = (...parts: readonly Uint8Array[]): Buffer => derElement(derTag.octetString, ...parts);
export const derBits = (bytes: Uint8Array, unused = 0): Buffer =>
  derElement(derTag.bitString, Uint8Array.of(unused), bytes);
export const derUtf8 = (text: string): Buffer => derElement(derTag.utf8String, Buffer.from(text));
export const derTrue: Buffer = Buffer.from([derTag.boolean, 1, 0xff]);

/** A context-specific element, explicit (constructed) unless told otherwise. */
export const derContext = (number: number, content: Uint8Array, constructed = true): Buffer =>
  derElement(0x80 | (constructed ? 0x20 : 0) | number, content);

/** A non-negative integer from its big-endian bytes. */
export function derInteger(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  return trimmed[0]! & 0x80
    ? derElement(derTag.integer, Uint8Array.of(0), trimmed)
    : derElement(derTag.integer, trimmed);
}

/** An object identifier from its dotted form. */
export function derOid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const part of [first! * 40 + second!, ...rest]) {
    const digits = [part & 0x7f];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return derElement(derTag.oid, Uint8Array.from(bytes));
}

/** A time as X.509 wants it: UTCTime up to 2049, GeneralizedTime from 2050. */
export function derTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return Number(digits.slice(0, 4)) < 2050
    ? derElement(derTag.utcTime, Buffer.from(`${digits.slice(2)}Z`))
    : derElement(derTag.generalizedTime, Buffer.from(`${digits}Z`));
}

/** What was read; `raw` includes the header. */
export interface DerNode {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly raw: Uint8Array;
}

/** Malformed input. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

function readAt(bytes: Uint8Array, at: number): DerNode {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw new DerError('ASN.1 data ends early');
  if ((tag & 0x1f) === 0x1f) throw new DerError('ASN.1 tag numbers above 30 are not used in certificates');
  let start = at + 2;
  let length = first;
  if (first & 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new DerError('ASN.1 length is not in distinguished form');
    length = 0;
    for (let i = 0; i < count; i++) {
      const byte = bytes[start++];
      if (byte === undefined) throw new DerError('ASN.1 data ends early');
      length = length * 256 + byte;
    }
    if (length < 0x80 || (count > 1 && length < 2 ** (8 * (count - 1)))) {
      throw new DerError('ASN.1 length is not in distinguished form');
    }
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError('ASN.1 data ends early');
  return { tag, content: bytes.subarray(start, end), raw: bytes.subarray(at, end) };
}

/** The one element that the bytes are; DerError when there is less or more. */
export function readDer(bytes: Uint8Array): DerNode {
  const node = readAt(bytes, 0);
  if (node.raw.length !== bytes.length) throw new DerError('ASN.1 data has trailing bytes');
  return node;
}

/** The elements inside a constructed one. */
export function derChildren(node: DerNode, expectedTag?: number): DerNode[] {
  if (expectedTag !== undefined && node.tag !== expectedTag) {
    throw new DerError(`ASN.1 tag 0x${node.tag.toString(16)} where 0x${expectedTag.toString(16)} must be`);
  }
  const out: DerNode[] = [];
  for (let at = 0; at < node.content.length; ) {
    const next = readAt(node.content, at);
    out.push(next);
    at += next.raw.length;
  }
  return out;
}

/** The dotted form of an object identifier. */
export function readOid(node: DerNode): string {
  if (node.tag !== derTag.oid || node.content.length === 0) throw new DerError('not an object identifier');
  const parts: number[] = [];
  let value = 0;
  for (const byte of node.content) {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw new DerError('object identifier is too long');
    if (!(byte & 0x80)) {
      if (parts.length === 0) {
        const first = Math.min(2, Math.floor(value / 40));
        parts.push(first, value - 40 * first);
      } else parts.push(value);
      value = 0;
    }
  }
  return parts.join('.');
}

/** The text of any of the string types that names use. */
export function readDerString(node: DerNode): string {
  switch (node.tag) {
    case derTag.utf8String:
      return new TextDecoder('utf-8', { fatal: true }).decode(node.content);
    case derTag.printableString:
    case derTag.ia5String:
    case derTag.teletexString:
      return Buffer.from(node.content).toString('latin1');
    case derTag.bmpString:
      return Buffer.from(node.content).swap16().toString('utf16le');
    default:
      throw new DerError(`ASN.1 tag 0x${node.tag.toString(16)} is not a string`);
  }
}
