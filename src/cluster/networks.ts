/** IPv4 networks: addresses of services, and this machine's own. */
import { networkInterfaces } from 'node:os';

/** The nth address of a network: `serviceAddress('10.96.0.0/16', 1)` is `10.96.0.1`, the kubernetes service; 10 is DNS. */
export function serviceAddress(cidr: string, n: number): string {
  const base = cidr.split('/')[0]!.split('.').map(Number);
  const value = (((base[0]! << 24) | (base[1]! << 16) | (base[2]! << 8) | base[3]!) >>> 0) + n;
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
}

/** The first IPv4 address of this machine that others can reach; 127.0.0.1 on a machine without a network. */
export function machineAddress(): string {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (/^(lo|docker|br-|veth|cni|tm|virbr|flannel|dummy)/.test(name)) continue;
    const found = addresses?.find((a) => a.family === 'IPv4' && !a.internal);
    if (found) return found.address;
  }
  return '127.0.0.1';
}

/** The part of a pod network that its first node has: `10.244.0.0/16` gives `10.244.0.0/24`. */
export function firstNodeCidr(podCidr: string): string {
  const [base, bits] = podCidr.split('/');
  return `${base}/${Math.max(24, Number(bits))}`;
}

/** A sixteenth of a network, chosen by a name: `10.244.0.0/16` gives one of sixteen `/20`s. */
export function blockOf(cidr: string, name: string): string {
  const bits = Number(cidr.split('/')[1]);
  if (bits > 26) return cidr;
  let hash = 0;
  for (const char of name) hash = (hash * 31 + char.charCodeAt(0)) >>> 0;
  return `${serviceAddress(cidr, (hash % 16) * 2 ** (28 - bits))}/${bits + 4}`;
}
