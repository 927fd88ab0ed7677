/** Ranges of IP addresses, and picking free ones from them. */
import { isIP, isIPv4 } from 'node:net';
import { bytesToIp, ipToBytes } from '../../../base/ip-bytes.ts';
import type { Random } from '../../../base/random.ts';

export type IpFamily = 'IPv4' | 'IPv6';

export interface AddressRange {
  readonly cidr: string;
  readonly family: IpFamily;
  /** The first address of the network, as a number. */
  readonly base: bigint;
  /** How many addresses may be given out: never the first, nor IPv4's last. */
  readonly size: number;
}

const toNumber = (bytes: Uint8Array) => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

function toText(value: bigint, family: IpFamily): string {
  const bytes = new Uint8Array(family === 'IPv4' ? 4 : 16);
  for (let i = bytes.length - 1, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytesToIp(bytes);
}

/** The canonical text of an address; undefined for what is not one. */
export function canonicalIp(text: string): string | undefined {
  return isIP(text) ? bytesToIp(ipToBytes(text)) : undefined;
}

export function familyOf(ip: string): IpFamily {
  return isIPv4(ip) ? 'IPv4' : 'IPv6';
}

/** Throws RangeError for what is not a CIDR. */
export function parseRange(cidr: string): AddressRange {
  const [ip = '', length = ''] = cidr.trim().split('/');
  const bits = Number(length);
  const width = isIPv4(ip) ? 32 : 128;
  if (!isIP(ip) || !/^\d+$/.test(length) || bits > width) throw new RangeError(`${cidr} is not a CIDR`);
  const hostBits = BigInt(width - bits);
  const base = (toNumber(ipToBytes(ip)) >> hostBits) << hostBits;
  // As upstream, no more than 2^16 addresses of an IPv6 range are looked through.
  const total = Number(hostBits > 16n && width === 128 ? 1n << 16n : 1n << hostBits);
  return { cidr, family: width === 32 ? 'IPv4' : 'IPv6', base, size: Math.max(0, total - (width === 32 ? 2 : 1)) };
}

/** The address at an offset: 1 is the first that is given out. */
export function addressAt(range: AddressRange, offset: number): string {
  return toText(range.base + BigInt(offset), range.family);
}

export function contains(range: AddressRange, ip: string): boolean {
  if (familyOf(ip) !== range.family) return false;
  const offset = toNumber(ipToBytes(ip)) - range.base;
  return offset >= 1n && offset <= BigInt(range.size);
}

const randomTries = 16;

/**
 * A free address, first from the upper band: the lower one is left to those who ask for an address (KEP-3070).
 * undefined when all are taken.
 */
export function pickAddress(range: AddressRange, taken: (ip: string) => boolean, random: Random): string | undefined {
  const reserved = Math.min(Math.max(16, Math.floor(range.size / 16)), 256);
  const lower = reserved < range.size ? reserved : 0;
  for (let i = 0; i < randomTries; i++) {
    const ip = addressAt(range, lower + 1 + random.below(range.size - lower));
    if (!taken(ip)) return ip;
  }
  const scan = (from: number, to: number) => {
    for (let offset = from; offset <= to; offset++) {
      const ip = addressAt(range, offset);
      if (!taken(ip)) return ip;
    }
    return undefined;
  };
  return scan(lower + 1, range.size) ?? scan(1, lower);
}
