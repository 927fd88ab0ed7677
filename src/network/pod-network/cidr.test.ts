import { describe, expect, it } from 'vitest';
import { contains, formatAddress, formatCidr, nthAddress, overlap, parseAddress, parseCidr } from './cidr.ts';
import { cniConfig, networkDevice, PodNetworkError, preparePodNetwork } from './pod-network.ts';

const cidr = (text: string) => parseCidr(text)!;

describe('networks', () => {
  it('are read and written in both families', () => {
    expect(formatCidr(cidr('10.244.3.7/16'))).toBe('10.244.0.0/16');
    expect(formatCidr(cidr('fd00:0:0:1::9/64'))).toBe('fd00:0:0:1::/64');
    expect(formatCidr(cidr('192.0.2.1'))).toBe('192.0.2.1/32');
    for (const bad of ['', '10.0.0.0/33', '10.0.0/8', 'fd00::/129', '10.0.0.0/x', '10.0.0.0/'])
      expect(parseCidr(bad), bad).toBeUndefined();
  });

  it('have addresses', () => {
    expect(nthAddress(cidr('10.96.0.0/16'), 10)).toBe('10.96.0.10');
    expect(nthAddress(cidr('fd96::/112'), 10)).toBe('fd96::a');
    expect(contains(cidr('10.96.0.0/16'), '10.96.255.255')).toBe(true);
    expect(contains(cidr('10.96.0.0/16'), '10.97.0.0')).toBe(false);
    expect(contains(cidr('10.96.0.0/16'), '::1')).toBe(false);
    expect(overlap(cidr('10.0.0.0/8'), cidr('10.1.2.3/32'))).toBe(true);
    expect(overlap(cidr('10.0.0.0/9'), cidr('10.128.0.0/9'))).toBe(false);
  });

  it('write IPv6 addresses in their short form', () => {
    for (const text of ['::', '::1', 'fd00::', '1:0:2::3', '2001:db8::1:0:0:1', '1:2:3:4:5:6:7:8'])
      expect(formatAddress(6, parseAddress(text)!.value)).toBe(text);
    expect(parseAddress('::ffff:1.2.3.4')!.value).toBe(0xffff_0102_0304n);
  });
});

describe('the pod network', () => {
  it('has a device name that the kernel takes, different for each cluster', () => {
    expect(networkDevice('default')).toBe('tm-default');
    const long = [networkDevice('a-cluster-with-a-long-name'), networkDevice('a-cluster-with-a-long-name-too')];
    for (const name of long) expect(name).toMatch(/^tm-[0-9a-f]{12}$/);
    expect(long[0]).not.toBe(long[1]);
  });

  it('is described to the runtime by a conflist', () => {
    expect(cniConfig({ clusterName: 'x', podCidrs: [cidr('10.244.0.0/24')], ipamDir: 'dir', mtu: 1400 })).toEqual({
      cniVersion: '0.4.0',
      name: 'timonel-x',
      plugins: [
        {
          type: 'ptp',
          ipMasq: false,
          mtu: 1400,
          ipam: {
            type: 'host-local',
            dataDir: 'dir',
            ranges: [[{ subnet: '10.244.0.0/24', gateway: '10.244.0.1' }]],
            routes: [{ dst: '0.0.0.0/0' }],
          },
        },
      ],
    });
  });

  it('says what is wrong: a bad network, a missing program', async () => {
    const prepare = (podCidr: string) =>
      preparePodNetwork({
        dataDir: 'unused',
        clusterName: 'x',
        podCidr,
        serviceCidr: '10.96.0.0/16',
        run: async () => Promise.reject(Object.assign(new Error('spawn'), { code: 'ENOENT' })),
      });
    await expect(prepare('10.244.0.0')).rejects.toBeInstanceOf(PodNetworkError);
    await expect(prepare('10.244.0.0')).rejects.toMatchObject({ code: 'invalid-cidr' });
    await expect(prepare('10.244.0.0/24')).rejects.toMatchObject({
      code: 'missing-program',
      message: expect.stringContaining('iproute2'),
    });
  });
});
