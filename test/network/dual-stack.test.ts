import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Pod } from '../../src/api/core/pod.ts';
import { Service } from '../../src/api/core/service.ts';
import { EndpointSlice } from '../../src/api/discovery/endpoint-slice.ts';
import { realClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { cleanUpNetwork } from '../../src/network/pod-network/clean-up.ts';
import { pickCidrs } from '../../src/network/pod-network/pick-cidrs.ts';
import { type PodNetwork, preparePodNetwork } from '../../src/network/pod-network/pod-network.ts';
import { type ServiceProxy, startServiceProxy } from '../../src/network/services/service-proxy.ts';
import { programRunner } from '../../src/nft/nft-runner.ts';
import { FakeInformers } from './fake-informers.ts';
import { missingForPackets, NetLab } from './net-lab.ts';
import { pod, service, slice } from './objects.ts';

const missing = missingForPackets();
if (missing) console.warn(`skipped: ${missing}`);

describe.skipIf(missing)('dual stack, host ports and neighbours', () => {
  const lab = new NetLab();
  const informers = new FakeInformers();
  const proxies: ServiceProxy[] = [];
  const events: string[] = [];
  let dataDir: string;
  let network: PodNetwork;
  let client: string;
  const podCidr = '10.244.0.0/24,fd44::/64';
  const serviceCidr = '10.96.0.0/16,fd96::/112';
  const start = async (clusterName: string, from: FakeInformers) => {
    const proxy = await startServiceProxy({
      informers: from,
      nodeName: 'node',
      clusterName,
      podCidr,
      serviceCidr,
      clock: realClock,
      log: silentLogger,
      nft: lab.nft,
      run: lab.run,
      events: { event: (_about, _type, reason, message) => events.push(`${clusterName} ${reason} ${message}`) },
    });
    proxies.push(proxy);
    return proxy;
  };
  const prepare = () =>
    preparePodNetwork({
      dataDir,
      clusterName: 'two',
      podCidr,
      clusterPodCidr: '10.244.0.0/16,fd44::/56',
      serviceCidr,
      run: lab.run,
      writeSetting: lab.writeSetting,
      mtu: 1400,
    });

  beforeAll(async () => {
    await lab.start();
    dataDir = await mkdtemp(join(tmpdir(), 'timonel-net-'));
    network = await prepare();
    client = await lab.pod('a', ['10.244.0.11', 'fd44::11']);
    await lab.pod('b', ['10.244.0.12', 'fd44::12'], [8080]);
    await start('two', informers);
  });

  afterAll(async () => {
    for (const proxy of proxies) await proxy.stop({ remove: true });
    await lab.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('preparing twice gives the same', async () => {
    expect(await prepare()).toEqual(network);
    expect(network).toMatchObject({ device: 'tm-two', gateways: ['10.244.0.1', 'fd44::1'], mtu: 1400 });
    expect(await readdir(join(dataDir, 'cni'))).toEqual(['10-timonel.conflist']);
  });

  it('a dual-stack service answers in both families', async () => {
    const spec = {
      clusterIP: '10.96.0.10',
      clusterIPs: ['10.96.0.10', 'fd96::a'],
      type: 'NodePort',
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30010 }],
    };
    informers.put(Service, service('web', spec));
    informers.put(EndpointSlice, slice('web', ['10.244.0.12']));
    informers.put(EndpointSlice, slice('web', ['fd44::12'], { addressType: 'IPv6' }));
    await proxies[0]!.whenApplied();
    expect(await lab.dial(client, '10.96.0.10:80')).toEqual(['b 10.244.0.11']);
    // The first packets wait until the kernel has made sure that the link-local addresses are unique.
    await expect.poll(() => lab.dial(client, '[fd96::a]:80')).toEqual(['b fd44::11']);
    expect(await lab.dial(client, '[fd44::1]:30010')).toEqual([expect.stringMatching(/^b /)]);
    expect(await lab.dial(lab.node, '[fd96::a]:80')).toEqual([expect.stringMatching(/^b /)]);
  });

  it('an IPv6 service without endpoints refuses', async () => {
    informers.put(Service, service('none', { clusterIP: 'fd96::b' }));
    await proxies[0]!.whenApplied();
    expect(await lab.dial(client, '[fd96::b]:80')).toEqual(['ECONNREFUSED']);
  });

  it('host ports lead to the pod while it runs', async () => {
    const ports = [
      { containerPort: 8080, hostPort: 8088 },
      { containerPort: 8080, hostPort: 8089, hostIP: '127.0.0.1' },
    ];
    informers.put(Pod, pod('b', {}, '10.244.0.12', { ports }));
    await proxies[0]!.whenApplied();
    expect(await lab.dial(lab.outside, `${lab.nodeIp}:8088`)).toEqual([`b ${lab.outsideIp}`]);
    expect(await lab.dial(lab.node, '127.0.0.1:8088')).toEqual(['b 10.244.0.1']);
    expect(await lab.dial(lab.node, '127.0.0.1:8089')).toEqual(['b 10.244.0.1']);
    expect(await lab.dial(lab.outside, `${lab.nodeIp}:8089`)).toEqual(['ECONNREFUSED']);
    informers.put(Pod, pod('b', {}, '10.244.0.12', { ports, status: { phase: 'Succeeded' } }));
    await proxies[0]!.whenApplied();
    expect(await lab.dial(lab.outside, `${lab.nodeIp}:8088`)).toEqual(['ECONNREFUSED']);
  });

  it('a node port that another cluster of the machine has is reported on the service', async () => {
    const second = new FakeInformers();
    second.put(
      Service,
      service('mine', {
        clusterIP: '10.96.9.9',
        type: 'NodePort',
        ports: [{ port: 80, protocol: 'TCP', nodePort: 30010 }],
      }),
    );
    second.put(EndpointSlice, slice('mine', ['10.244.0.11']));
    await start('neighbour', second);
    expect(events).toEqual([expect.stringMatching(/^neighbour NodePortConflict .*30010.*cluster two/)]);
  });

  it('a flushed table is built again', async () => {
    await lab.run('nft', ['flush', 'ruleset']);
    informers.put(Service, service('late', { clusterIP: '10.96.0.30' }));
    informers.put(EndpointSlice, slice('late', ['10.244.0.12']));
    await proxies[0]!.whenApplied();
    expect(await lab.dial(client, '10.96.0.30:80')).toEqual(['b 10.244.0.11']);
    expect(await lab.dial(client, '[fd96::a]:80')).toEqual(['b fd44::11']);
  });

  it('networks in use are not picked for another cluster', async () => {
    expect(await pickCidrs({ run: lab.run })).toEqual({ podCidr: '10.245.0.0/16', serviceCidr: '10.97.0.0/16' });
    expect(await pickCidrs({ run: lab.run, avoid: ['10.245.3.0/24', '10.97.0.0/16'] })).toEqual({
      podCidr: '10.246.0.0/16',
      serviceCidr: '10.98.0.0/16',
    });
    await lab.ip(lab.node, 'route', 'add', '10.0.0.0/8', 'via', lab.outsideIp);
    expect(await pickCidrs({ run: lab.run })).toEqual({ podCidr: '100.64.0.0/16', serviceCidr: '100.96.0.0/16' });
    await lab.ip(lab.node, 'route', 'delete', '10.0.0.0/8');
  });

  it('a firewall that drops what is forwarded lets pods through', async () => {
    const iptables = async (...args: string[]) => (await lab.run('iptables', args)).stdout;
    await iptables('-P', 'FORWARD', 'DROP');
    expect(await lab.dial(client, '10.96.0.10:80')).toEqual(['ETIMEDOUT']);
    await prepare();
    await prepare();
    expect(await lab.dial(client, '10.96.0.10:80')).toEqual(['b 10.244.0.11']);
    expect((await iptables('-S', 'FORWARD')).match(/timonel-two/g)).toHaveLength(2);
  });

  it('the CNI plugins take the configuration, and clean-up removes what they made', async () => {
    const netns = `cni-${lab.name}`;
    const host = programRunner();
    await host('ip', ['netns', 'add', netns]);
    try {
      const { cniVersion, name, plugins } = JSON.parse(await readFile(network.confFile, 'utf8'));
      const config = JSON.stringify({ cniVersion, name, ...plugins[0] });
      const plugin = ['/usr/lib/cni', '/opt/cni/bin'].map((dir) => `${dir}/ptp`);
      const added = await lab.run(
        'sh',
        [
          '-c',
          `CNI_COMMAND=ADD CNI_CONTAINERID=x CNI_NETNS=/var/run/netns/${netns} CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni:/opt/cni/bin $(ls ${plugin.join(' ')} 2>/dev/null | head -1)`,
        ],
        config,
      );
      expect(added.code, added.stdout).toBe(0);
      expect(
        await cleanUpNetwork({ dataDir, clusterName: 'two', run: lab.run, writeSetting: lab.writeSetting }),
      ).toEqual([]);
      expect((await host('ip', ['netns', 'list'])).stdout).not.toContain(netns);
      expect(await readdir(dataDir)).toEqual(['cni']);
      expect(await readdir(join(dataDir, 'cni'))).toEqual([]);
      expect((await lab.run('iptables', ['-S', 'FORWARD'])).stdout).toBe('-P FORWARD DROP\n');
      expect(await lab.ip(lab.node, 'route', 'show')).not.toMatch(/10\.244|10\.96/);
      expect(await lab.ip(lab.node, '-6', 'route', 'show')).not.toMatch(/fd44|fd96/);
    } finally {
      await host('ip', ['netns', 'delete', netns]);
    }
  });
});
