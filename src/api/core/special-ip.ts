/** Addresses that endpoints and services may not have. */
import { BlockList, isIPv6 } from 'node:net';
import { type FieldError, invalid } from '../machinery/field-error.ts';

const ranges = [
  ['loopback range (127.0.0.0/8, ::1/128)', ['127.0.0.0', 8, 'ipv4'], ['::1', 128, 'ipv6']],
  ['link-local range (169.254.0.0/16, fe80::/10)', ['169.254.0.0', 16, 'ipv4'], ['fe80::', 10, 'ipv6']],
  ['link-local multicast range (224.0.0.0/24, ff02::/10)', ['224.0.0.0', 24, 'ipv4'], ['ff02::', 16, 'ipv6']],
] as const;

const lists = ranges.map(([name, ...subnets]) => {
  const list = new BlockList();
  for (const [network, prefix, family] of subnets) list.addSubnet(network, prefix, family);
  return { name, list };
});

/** Errors when a valid address is unspecified, a loopback or a link-local one. */
export function validateNonSpecialIp(ip: string, path: string): FieldError[] {
  const family = isIPv6(ip) ? 'ipv6' : 'ipv4';
  if (ip === '0.0.0.0' || /^[0:]+$/.test(ip)) {
    return [invalid(path, ip, `may not be unspecified (${ip})`)];
  }
  return lists
    .filter(({ list }) => list.check(ip, family))
    .map(({ name }) => invalid(path, ip, `may not be in the ${name}`));
}
