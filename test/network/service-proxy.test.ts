import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Service } from '../../src/api/core/service.ts';
import { EndpointSlice } from '../../src/api/discovery/endpoint-slice.ts';
import { realClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/log.ts';
import { cleanUpNetwork } from '../../src/network/pod-network/clean-up.ts';
import { preparePodNetwork } from '../../src/network/pod-network/pod-network.ts';
import { type ServiceProxy, startServiceProxy } from '../../src/network/services/service-proxy.ts';
import { FakeInformers } from './fake-informers.ts';
import { missingForPackets, NetLab } from './net-lab.ts';
import { service, slice } from './objects.ts';

const missing = missingForPackets();
if (missing) console.warn(`skipped: ${missing}`);

describe.skipIf(missing)('the service proxy moves packets', () => {
  const lab = new NetLab();
  const informers = new FakeInformers();
  const complaints: unknown[][] = [];
  const complain = (...args: unknown[]) => void complaints.push(args);
  const log: Logger = { ...silentLogger, info: complain, warn: complain, error: complain };
  let proxy: ServiceProxy;
  let dataDir: string;
  const ips = ['10.244.0.11', '10.244.0.12', '10.244.0.13'];
  let pods: string[];
  const distinct = (answers: string[]) => [...new Set(answers.map((answer) => answer.split(' ')[0]))].sort();
  const put = async (name: string, spec: object, endpoints: Parameters<typeof slice>[1], status?: object) => {
    informers.put(EndpointSlice, slice(name, endpoints));
    informers.put(Service, service(name, spec, status));
    await proxy.whenApplied();
  };

  beforeAll(async () => {
    await lab.start();
    dataDir = await mkdtemp(join(tmpdir(), 'timonel-net-'));
    await preparePodNetwork({
      dataDir,
      clusterName: lab.name,
      podCidr: '10.244.0.0/24',
      clusterPodCidr: '10.244.0.0/16',
      serviceCidr: '10.96.0.0/16',
      run: lab.run,
      writeSetting: lab.writeSetting,
      mtu: 1500,
    });
    pods = await Promise.all([lab.pod('a', ips[0]!), lab.pod('b', ips[1]!), lab.pod('c', ips[2]!)]);
    await lab.serve(lab.node, 'host', [9000]);
    proxy = await startServiceProxy({
      informers,
      nodeName: 'node',
      clusterName: lab.name,
      podCidr: '10.244.0.0/16',
      serviceCidr: '10.96.0.0/16',
      clock: realClock,
      log,
      nft: lab.nft,
      run: lab.run,
    });
  });

  afterAll(async () => {
    await proxy?.stop({ remove: true });
    await lab.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('a pod reaches every endpoint of a ClusterIP and keeps its address', async () => {
    await put('web', { clusterIP: '10.96.0.10' }, ips);
    const answers = await lab.dial(pods[0]!, '10.96.0.10:80', { count: 40 });
    expect(distinct(answers)).toEqual(['a', 'b', 'c']);
    expect(answers).toContain(`b ${ips[0]}`);
    expect(answers).toContain(`a 10.244.0.1`);
  });

  it('the node reaches a ClusterIP', async () => {
    expect(distinct(await lab.dial(lab.node, '10.96.0.10:80', { count: 40 }))).toEqual(['a', 'b', 'c']);
  });

  it('a pod reaches itself through its service', async () => {
    await put('self', { clusterIP: '10.96.0.11' }, [ips[0]!]);
    expect(distinct(await lab.dial(pods[0]!, '10.96.0.11:80', { count: 3 }))).toEqual(['a']);
  });

  it('a service without endpoints refuses connections, also a known address with an unknown port', async () => {
    await put(
      'empty',
      { clusterIP: '10.96.0.12', type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', nodePort: 30012 }] },
      [],
    );
    expect(await lab.dial(pods[0]!, '10.96.0.12:80')).toEqual(['ECONNREFUSED']);
    expect(await lab.dial(lab.node, '10.96.0.12:80')).toEqual(['ECONNREFUSED']);
    expect(await lab.dial(lab.node, '127.0.0.1:30012')).toEqual(['ECONNREFUSED']);
    expect(await lab.dial(lab.outside, `${lab.nodeIp}:30012`)).toEqual(['ECONNREFUSED']);
    expect(await lab.dial(pods[0]!, '10.96.0.12:81')).toEqual(['ECONNREFUSED']);
    expect(await lab.dial(pods[0]!, '10.96.0.12:80', { protocol: 'udp' })).toEqual(['ECONNREFUSED']);
  });

  it('an address of the service network that nobody has leads nowhere', async () => {
    expect(await lab.dial(pods[0]!, '10.96.77.77:80')).toEqual(['ETIMEDOUT']);
  });

  it('a node port answers outside, on the node and on 127.0.0.1', async () => {
    await put(
      'np',
      {
        clusterIP: '10.96.0.13',
        type: 'NodePort',
        externalTrafficPolicy: 'Cluster',
        ports: [{ port: 80, protocol: 'TCP', nodePort: 30013 }],
      },
      ips,
    );
    for (const [from, to] of [
      [lab.outside, lab.nodeIp],
      [lab.node, '127.0.0.1'],
      [lab.node, lab.nodeIp],
      [pods[1]!, lab.nodeIp],
    ] as const) {
      expect(distinct(await lab.dial(from, `${to}:30013`, { count: 40 })), `from ${from} to ${to}`).toEqual([
        'a',
        'b',
        'c',
      ]);
    }
  });

  it('a host network endpoint is reached from pods and from 127.0.0.1', async () => {
    informers.put(EndpointSlice, slice('host', [lab.nodeIp], { ports: [{ name: '', port: 9000, protocol: 'TCP' }] }));
    informers.put(
      Service,
      service('host', {
        clusterIP: '10.96.0.14',
        type: 'NodePort',
        ports: [{ port: 80, protocol: 'TCP', nodePort: 30014 }],
      }),
    );
    await proxy.whenApplied();
    expect(distinct(await lab.dial(pods[0]!, '10.96.0.14:80'))).toEqual(['host']);
    expect(distinct(await lab.dial(lab.node, '127.0.0.1:30014'))).toEqual(['host']);
    expect(distinct(await lab.dial(lab.outside, `${lab.nodeIp}:30014`))).toEqual(['host']);
  });

  it('policy Local keeps the client address and uses only endpoints of the node', async () => {
    const local = {
      clusterIP: '10.96.0.15',
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      externalIPs: ['192.168.88.8'],
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30015 }],
    };
    await put('local', local, [ips[0]!, { address: ips[1]!, node: 'other' }], {
      loadBalancer: { ingress: [{ ip: '192.168.88.9' }] },
    });
    await lab.ip(lab.outside, 'route', 'add', '192.168.88.0/24', 'via', lab.nodeIp);
    for (const target of [`${lab.nodeIp}:30015`, '192.168.88.8:80', '192.168.88.9:80'])
      expect(new Set(await lab.dial(lab.outside, target, { count: 10 })), target).toEqual(
        new Set([`a ${lab.outsideIp}`]),
      );
    expect(distinct(await lab.dial(lab.node, '127.0.0.1:30015', { count: 30 }))).toEqual(['a', 'b']);
    expect(distinct(await lab.dial(pods[2]!, '192.168.88.9:80', { count: 30 }))).toEqual(['a', 'b']);
    await put('local', local, [{ address: ips[1]!, node: 'other' }]);
    expect(await lab.dial(lab.outside, `${lab.nodeIp}:30015`)).toEqual(['ETIMEDOUT']);
    expect(distinct(await lab.dial(lab.node, '127.0.0.1:30015', { count: 3 }))).toEqual(['b']);
  });

  it('internalTrafficPolicy Local drops where the node has no endpoint', async () => {
    await put('inner', { clusterIP: '10.96.0.16', internalTrafficPolicy: 'Local' }, [
      ips[0]!,
      { address: ips[1]!, node: 'other' },
    ]);
    expect(distinct(await lab.dial(pods[2]!, '10.96.0.16:80', { count: 10 }))).toEqual(['a']);
    await put('inner', { clusterIP: '10.96.0.16', internalTrafficPolicy: 'Local' }, [
      { address: ips[1]!, node: 'other' },
    ]);
    expect(await lab.dial(pods[2]!, '10.96.0.16:80')).toEqual(['ETIMEDOUT']);
  });

  it('session affinity holds, forgets endpoints that are gone and forgets clients after the timeout', async () => {
    const sticky = {
      clusterIP: '10.96.0.17',
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
      type: 'NodePort',
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30017 }],
    };
    await put('sticky', sticky, ips);
    const first = distinct(await lab.dial(pods[0]!, '10.96.0.17:80', { count: 20 }));
    expect(first).toHaveLength(1);
    expect(distinct(await lab.dial(lab.outside, `${lab.nodeIp}:30017`, { count: 20 }))).toHaveLength(1);
    const left = ips.filter((_, at) => 'abc'[at] !== first[0]);
    await put('sticky', sticky, left);
    await expect.poll(async () => distinct(await lab.dial(pods[0]!, '10.96.0.17:80', { count: 5 }))).not.toEqual(first);
    expect(distinct(await lab.dial(pods[0]!, '10.96.0.17:80', { count: 20 }))).toHaveLength(1);
    await put('sticky', { ...sticky, sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } }, ips);
    const seen = new Set<string>();
    for (let i = 0; i < 12 && seen.size < 2; i++) {
      seen.add(distinct(await lab.dial(pods[1]!, '10.96.0.17:80'))[0]!);
      await new Promise((resolve) => setTimeout(resolve, 1200));
    }
    expect(seen.size).toBe(2);
  });

  it('the source ranges of a load balancer are enforced', async () => {
    const spec = {
      clusterIP: '10.96.0.18',
      type: 'LoadBalancer',
      loadBalancerSourceRanges: ['172.16.0.0/12'],
      ports: [{ port: 80, protocol: 'TCP' }],
    };
    const status = { loadBalancer: { ingress: [{ ip: '192.168.88.18' }] } };
    await put('ranges', spec, ips, status);
    expect(await lab.dial(lab.outside, '192.168.88.18:80')).toEqual(['ETIMEDOUT']);
    await put('ranges', { ...spec, loadBalancerSourceRanges: ['172.16.0.0/12', '192.168.77.0/24'] }, ips, status);
    expect(distinct(await lab.dial(lab.outside, '192.168.88.18:80'))).toHaveLength(1);
  });

  it('UDP clients with a fixed port move on when their endpoint goes', async () => {
    const spec = { clusterIP: '10.96.0.19', ports: [{ port: 53, protocol: 'UDP' }] };
    const ports = [{ name: '', port: 8080, protocol: 'UDP' }];
    informers.put(Service, service('udp', spec));
    informers.put(EndpointSlice, slice('udp', [ips[0]!], { ports }));
    await proxy.whenApplied();
    expect(await lab.dial(pods[2]!, '10.96.0.19:53', { protocol: 'udp', sourcePort: 5353 })).toEqual([`a ${ips[2]}`]);
    informers.put(EndpointSlice, slice('udp', [ips[1]!], { ports }));
    await expect
      .poll(() => lab.dial(pods[2]!, '10.96.0.19:53', { protocol: 'udp', sourcePort: 5353 }))
      .toEqual([`b ${ips[2]}`]);
  });

  it('terminating endpoints serve only while no other is ready', async () => {
    await put('drain', { clusterIP: '10.96.0.20' }, [{ address: ips[0]!, ready: false, terminating: true }, ips[1]!]);
    expect(distinct(await lab.dial(pods[2]!, '10.96.0.20:80', { count: 20 }))).toEqual(['b']);
    await put('drain', { clusterIP: '10.96.0.20' }, [
      { address: ips[0]!, ready: false, terminating: true },
      { address: ips[1]!, ready: false, serving: false },
    ]);
    expect(distinct(await lab.dial(pods[2]!, '10.96.0.20:80', { count: 20 }))).toEqual(['a']);
  });

  it('no connection fails while endpoints are replaced over and over', async () => {
    await put('roll', { clusterIP: '10.96.0.21' }, ips);
    const dialing = lab.dial(pods[2]!, '10.96.0.21:80', { count: 1500 });
    let done = false;
    dialing.finally(() => {
      done = true;
    });
    for (let i = 0; !done; i++)
      await put('roll', { clusterIP: '10.96.0.21' }, [ips[i % 3]!, ...(i % 2 ? [ips[(i + 1) % 3]!] : [])]);
    const answers = await dialing;
    expect(answers.filter((answer) => !/^[abc] 10\.244\.0\.1/.test(answer))).toEqual([]);
  });

  it('pods reach outside with the node address', async () => {
    await lab.serve(lab.outside, 'out', [7000]);
    expect(await lab.dial(pods[0]!, `${lab.outsideIp}:7000`)).toEqual([`out ${lab.nodeIp}`]);
  });

  it('loopback addresses of the node are closed to the outside', async () => {
    await lab.ip(lab.outside, 'route', 'add', '127.9.0.0/16', 'via', lab.nodeIp);
    expect(await lab.dial(lab.outside, '127.9.0.1:9000')).not.toEqual(['host']);
  });

  it('a restart takes over what is there, and removes what is gone', async () => {
    await proxy.stop();
    expect(distinct(await lab.dial(pods[0]!, '10.96.0.10:80', { count: 30 }))).toEqual(['a', 'b', 'c']);
    informers.remove(Service, 'default/self');
    proxy = await startServiceProxy({
      informers,
      nodeName: 'node',
      clusterName: lab.name,
      podCidr: '10.244.0.0/16',
      serviceCidr: '10.96.0.0/16',
      clock: realClock,
      log,
      nft: lab.nft,
      run: lab.run,
    });
    expect(distinct(await lab.dial(pods[0]!, '10.96.0.10:80', { count: 30 }))).toEqual(['a', 'b', 'c']);
    expect(await lab.dial(pods[0]!, '10.96.0.11:80')).toEqual(['ETIMEDOUT']);
  });

  it('every change was a change of elements, without building the table again', () => {
    expect(complaints).toEqual([]);
  });

  it('clean-up leaves nothing', async () => {
    await proxy.stop();
    expect(
      await cleanUpNetwork({ dataDir, clusterName: lab.name, run: lab.run, writeSetting: lab.writeSetting }),
    ).toEqual([]);
    expect(
      JSON.parse(await lab.ip(lab.node, '-j', 'route', 'show')).map((route: { dst: string }) => route.dst),
    ).toEqual(['192.168.77.0/24']);
    expect((await lab.nft.list(['list', 'ruleset'])).filter((object) => object['table'])).toEqual([]);
    expect(await lab.ip(lab.node, '-br', 'link')).not.toMatch(/^(tm-|veth)/m);
  });
});
