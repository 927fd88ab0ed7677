/** IP addresses as bytes: what certificates carry and what comparisons are made on. */
import { isIP, isIPv4 } from 'node:net';

/** 4 or 16 bytes; throws TypeError for what is not an address. An IPv4-mapped IPv6 address keeps its 16 bytes. */
export function ipToBytes(text: string): Uint8Array {
  if (!isIP(text) || text.includes('%')) throw new TypeError(`${JSON.stringify(text)} is not an IP address`);
  if (isIPv4(text)) return Uint8Array.from(text.split('.').map(Number));
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const [a, b, c, d] = dotted ? dotted[2]!.split('.').map(Number) : [];
  const hex = dotted ? `${dotted[1]}${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}` : text;
  const [head, tail] = hex.split('::') as [string, string | undefined];
  const groups = (part: string | undefined) => (part ? part.split(':').map((g) => Number.parseInt(g, 16)) : []);
  const left = groups(head);
  const right = groups(tail);
  const words = tail === undefined ? left : [...left, ...new Array(8 - left.length - right.length).fill(0), ...right];
  const out = new Uint8Array(16);
  for (const [i, word] of words.entries()) {
    out[2 * i] = word >> 8;
    out[2 * i + 1] = word & 0xff;
  }
  return out;
}

/** The canonical text (RFC 5952) of 4 or 16 bytes. */
export function bytesToIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && words[end] === 0) end++;
    if (end - i > bestLength) {
      bestStart = i;
      bestLength = end - i;
    }
    i = end + 1;
  }
  const hex = words.map((w) => w.toString(16));
  if (words.slice(0, 5).every((w) => w === 0) && words[5] === 0xffff) return `::ffff:${bytes.subarray(12).join('.')}`;
  if (bestStart < 0) return hex.join(':');
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`;
}

/**
 * Whether an address may be somebody else's machine: not this one (loopback, unspecified), not link-local (where clouds
 * serve their metadata), not multicast or broadcast. IPv4 written as IPv6 counts as what it stands for; a text that is
 * no address does not qualify.
 */
export function isGlobalUnicastIp(text: string): boolean {
  let bytes: Uint8Array;
  try {
    bytes = ipToBytes(text);
  } catch {
    return false;
  }
  const high = bytes.subarray(0, 12);
  const mapped = bytes.length === 16 && high.every((byte, i) => byte === (i < 10 ? 0 : 0xff));
  const compatible = bytes.length === 16 && high.every((byte) => byte === 0);
  if (mapped || compatible) bytes = bytes.subarray(12);
  const [a, b] = bytes as unknown as [number, number];
  if (bytes.length === 4) return a !== 0 && a !== 127 && a < 224 && !(a === 169 && b === 254);
  return a !== 0xff && !(a === 0xfe && (b & 0xc0) === 0x80);
}
