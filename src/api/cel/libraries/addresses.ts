/** Kubernetes' URL, IP and CIDR functions. */
import { isIP } from 'node:net';
import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { bytesToIp, ipToBytes } from '../../../base/ip-bytes.ts';
import { register, registerNamespace } from './register.ts';

class CelUrl {
  readonly url: URL;
  readonly path: string;

  constructor(text: string) {
    // Only absolute URLs and absolute paths, as Go's ParseRequestURI.
    const isPath = text.startsWith('/');
    if (!isPath && !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text))
      throw new Error(`URL parse error during conversion from string: ${JSON.stringify(text)} is not absolute`);
    this.url = new URL(text, 'none://none');
    this.path = isPath ? '' : this.url.protocol.slice(0, -1);
  }
}

class CelIp {
  readonly bytes: Uint8Array;

  constructor(readonlyText: string) {
    if (!isIP(readonlyText) || readonlyText.includes('%')) {
      throw new Error(`IP Address ${JSON.stringify(readonlyText)} parse error during conversion from string`);
    }
    this.bytes = ipToBytes(readonlyText);
    if (/^::ffff:\d/i.test(readonlyText)) {
      throw new Error(`IPv4-mapped IPv6 address ${JSON.stringify(readonlyText)} is not allowed`);
    }
  }

  toString(): string {
    return bytesToIp(this.bytes);
  }
}

class CelCidr {
  readonly ip: CelIp;
  readonly bits: number;

  constructor(text: string) {
    const [address = '', bits = '', ...rest] = text.split('/');
    const valid = isIP(address) && /^(0|[1-9]\d{0,2})$/.test(bits) && rest.length === 0;
    if (!valid || Number(bits) > (isIP(address) === 4 ? 32 : 128)) {
      throw new Error(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
    }
    this.ip = new CelIp(address);
    this.bits = Number(bits);
  }

  toString(): string {
    return `${this.ip}/${this.bits}`;
  }
}

function masked(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, i) => {
    const kept = Math.min(8, Math.max(0, bits - 8 * i));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
}

function contains(cidr: CelCidr, bytes: Uint8Array): boolean {
  if (cidr.ip.bytes.length !== bytes.length) return false;
  const [a, b] = [masked(cidr.ip.bytes, cidr.bits), masked(bytes, cidr.bits)];
  return a.every((byte, i) => byte === b[i]);
}

function parses(make: () => unknown): boolean {
  try {
    make();
    return true;
  } catch {
    return false;
  }
}

const isLoopback = ({ bytes }: CelIp) => (bytes.length === 4 ? bytes[0] === 127 : bytesToIp(bytes) === '::1');
const isUnspecified = ({ bytes }: CelIp) => bytes.every((byte) => byte === 0);
const isMulticast = ({ bytes }: CelIp) => (bytes.length === 4 ? (bytes[0]! & 0xf0) === 0xe0 : bytes[0] === 0xff);
const isLinkLocalUnicast = ({ bytes }: CelIp) =>
  bytes.length === 4 ? bytes[0] === 169 && bytes[1] === 254 : bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
const isLinkLocalMulticast = ({ bytes }: CelIp) =>
  bytes.length === 4
    ? bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0
    : bytes[0] === 0xff && (bytes[1]! & 0x0f) === 0x02;
const isBroadcast = ({ bytes }: CelIp) => bytes.length === 4 && bytes.every((byte) => byte === 255);

function queryOf(url: URL): Record<string, string[]> {
  const out: Record<string, string[]> = Object.create(null);
  for (const [key, value] of url.searchParams) out[key] = [...(out[key] ?? []), value];
  return out;
}

/** Adds the functions. */
export function registerAddresses(environment: Environment): void {
  environment.registerType('kubernetes.URL', CelUrl as never);
  environment.registerType('net.IP', CelIp as never);
  environment.registerType('net.CIDR', CelCidr as never);
  const ipNamespace = registerNamespace(environment, 'ip');
  const ofUrl = (get: (url: URL) => string) => (value: CelUrl) => (value.path ? get(value.url) : '');
  register(environment, {
    'url(string): kubernetes.URL': (text: string) => new CelUrl(text),
    'isURL(string): bool': (text: string) => parses(() => new CelUrl(text)),
    'kubernetes.URL.getScheme(): string': (value: CelUrl) => value.path,
    'kubernetes.URL.getHost(): string': ofUrl((url) => url.host),
    'kubernetes.URL.getHostname(): string': ofUrl((url) => url.hostname.replace(/^\[|\]$/g, '')),
    'kubernetes.URL.getPort(): string': ofUrl((url) => url.port),
    'kubernetes.URL.getEscapedPath(): string': (value: CelUrl) => value.url.pathname,
    'kubernetes.URL.getQuery(): map<string, list<string>>': (value: CelUrl) => queryOf(value.url),
    'ip(string): net.IP': (text: string) => new CelIp(text),
    'isIP(string): bool': (text: string) => parses(() => new CelIp(text)),
    [`${ipNamespace}.isCanonical(string): bool`]: (_: unknown, text: string) => new CelIp(text).toString() === text,
    'string(net.IP): string': String,
    'net.IP.family(): int': (ip: CelIp) => (ip.bytes.length === 4 ? 4n : 6n),
    'net.IP.isUnspecified(): bool': isUnspecified,
    'net.IP.isLoopback(): bool': isLoopback,
    'net.IP.isLinkLocalMulticast(): bool': isLinkLocalMulticast,
    'net.IP.isLinkLocalUnicast(): bool': isLinkLocalUnicast,
    'net.IP.isGlobalUnicast(): bool': (ip: CelIp) =>
      !isUnspecified(ip) && !isLoopback(ip) && !isMulticast(ip) && !isLinkLocalUnicast(ip) && !isBroadcast(ip),
    'cidr(string): net.CIDR': (text: string) => new CelCidr(text),
    'isCIDR(string): bool': (text: string) => parses(() => new CelCidr(text)),
    'string(net.CIDR): string': String,
    'net.CIDR.containsIP(string): bool': (cidr: CelCidr, ip: string) => contains(cidr, new CelIp(ip).bytes),
    'net.CIDR.containsIP(net.IP): bool': (cidr: CelCidr, ip: CelIp) => contains(cidr, ip.bytes),
    'net.CIDR.containsCIDR(string): bool': (cidr: CelCidr, text: string) => {
      const inner = new CelCidr(text);
      return inner.bits >= cidr.bits && contains(cidr, inner.ip.bytes);
    },
    'net.CIDR.containsCIDR(net.CIDR): bool': (cidr: CelCidr, inner: CelCidr) =>
      inner.bits >= cidr.bits && contains(cidr, inner.ip.bytes),
    'net.CIDR.ip(): net.IP': (cidr: CelCidr) => cidr.ip,
    'net.CIDR.masked(): net.CIDR': (cidr: CelCidr) =>
      new CelCidr(`${bytesToIp(masked(cidr.ip.bytes, cidr.bits))}/${cidr.bits}`),
    'net.CIDR.prefixLength(): int': (cidr: CelCidr) => BigInt(cidr.bits),
  });
  environment.registerOperator('net.IP == net.IP', ((a: CelIp, b: CelIp) => a.toString() === b.toString()) as never);
  environment.registerOperator(
    'net.CIDR == net.CIDR',
    ((a: CelCidr, b: CelCidr) => a.toString() === b.toString()) as never,
  );
  environment.registerOperator(
    'kubernetes.URL == kubernetes.URL',
    ((a: CelUrl, b: CelUrl) => a.url.href === b.url.href) as never,
  );
}
