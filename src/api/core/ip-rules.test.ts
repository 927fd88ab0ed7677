import { describe, expect, it } from 'vitest';
import { admitted, createProblems, updateProblems } from '../admitted.ts';
import { NetworkPolicy } from '../networking/network-policy.ts';
import { canonicalCidr, isCidr, validateCidr, validateIp } from './ip-rules.ts';
import { Service } from './service.ts';

describe('an address', () => {
  it.each([
    ['10.9.8.7', []],
    ['2001:db8::ffff', []],
    ['2001:DB8:0::ffff', []],
    ['10.9.08.7', ['must not have leading 0s']],
    ['::ffff:1.2.3.4', ['must not be an IPv4-mapped IPv6 address']],
    ['::ffff:102:304', ['must not be an IPv4-mapped IPv6 address']],
    ['::ffff:01.2.3.4', ['must not have leading 0s']],
    ['fe80::1%eth0', ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    ['1.2.3', ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    ['', ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
  ])('%s', (value, problems) => {
    expect(validateIp(value, 'ip').map((e) => e.detail)).toEqual(problems);
  });
});

describe('a range', () => {
  it.each([
    ['10.9.8.0/24', []],
    ['0.0.0.0/0', []],
    ['2001:db8::/64', []],
    ['2001:db8::1/128', []],
    ['10.9.8.7/24', ['must not have bits set beyond the prefix length']],
    ['2001:db8::1/64', ['must not have bits set beyond the prefix length']],
    ['10.9.8.128/24', ['must not have bits set beyond the prefix length']],
    ['10.09.8.0/24', ['must not have leading 0s in IP or prefix length']],
    ['10.9.8.0/024', ['must not have leading 0s in IP or prefix length']],
    ['::ffff:10.9.8.0/120', ['must not have an IPv4-mapped IPv6 address']],
    ['10.9.8.0/33', ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
    ['10.9.8.0', ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
    ['10.9.8.0/24/1', ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
  ])('%s', (value, problems) => {
    expect(validateCidr(value, 'cidr').map((e) => e.detail)).toEqual(problems);
  });

  it('has one form', () => {
    expect(canonicalCidr('2001:DB8:0::/48')).toBe('2001:db8::/48');
    expect(isCidr('10.9.8.7/24')).toBe(true);
  });
});

describe('an update', () => {
  const problem = 'must not have leading 0s';

  it('keeps an address that was once fine, and takes no other like it', () => {
    const service = admitted(Service, { spec: { ports: [{ port: 80 }], externalIPs: ['010.1.1.1'] } });
    expect(createProblems(Service, service)).toEqual([`spec.externalIPs[0]: Invalid value: "010.1.1.1": ${problem}`]);
    const put = (ips: string[]) =>
      updateProblems(Service, service, (changed) => {
        changed.spec.externalIPs = ips;
      });
    expect(put(['10.1.1.2', '010.1.1.1'])).toEqual([]);
    expect(put(['010.1.1.1', '010.1.1.2'])).toEqual([`spec.externalIPs[1]: Invalid value: "010.1.1.2": ${problem}`]);
  });

  it('keeps a range with bits beyond its prefix, and looks at what it leaves out', () => {
    const rule = (cidr: string, except: string[]) => [{ from: [{ ipBlock: { cidr, except } }] }];
    const policy = admitted(NetworkPolicy, { spec: { podSelector: {}, ingress: rule('10.0.0.1/8', ['10.1.0.0/16']) } });
    const path = 'spec.ingress[0].from[0].ipBlock';
    expect(createProblems(NetworkPolicy, policy)).toEqual([
      `${path}.cidr: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length`,
    ]);
    const put = (cidr: string, except: string[]) =>
      updateProblems(NetworkPolicy, policy, (changed) => {
        changed.spec.ingress = rule(cidr, except);
      });
    expect(put('10.0.0.1/8', ['10.2.0.0/16'])).toEqual([]);
    expect(put('10.0.0.1/8', ['11.0.0.0/16'])).toEqual([
      `${path}.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of \`cidr\``,
    ]);
  });
});
