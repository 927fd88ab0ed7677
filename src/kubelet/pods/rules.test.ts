import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { parseResolvConf, podDnsConfig } from './dns.ts';
import { expandVariables } from './expansion.ts';
import { podFieldText, resourceFieldText } from './field-path.ts';
import { podHostname, podHostsFile } from './hosts-file.ts';
import { containerResources, cpuQuota, cpuShares, oomScoreAdjust, podCgroup, podCgroupLimits } from './resources.ts';
import { goDuration, RestartBackoff } from './restart-backoff.ts';

function podOf(spec: Partial<Pod['spec']>, metadata: object = {}): Shared<Pod> {
  return {
    metadata: { name: 'web-1', namespace: 'shop', uid: 'u1', ...metadata },
    spec: { containers: [], ...spec },
    status: {},
  } as unknown as Shared<Pod>;
}

const withResources = (resources: object, name = 'main') => podOf({ containers: [{ name, resources }] });
const gibi = 1024 ** 3;

describe('$(NAME) in commands and variables', () => {
  const known = new Map([
    ['HOST', 'db'],
    ['EMPTY', ''],
  ]);
  it.each([
    ['$(HOST):1', 'db:1'],
    ['$(EMPTY)x', 'x'],
    ['$(UNKNOWN)', '$(UNKNOWN)'],
    ['$$(HOST)', '$(HOST)'],
    ['$$$(HOST)', '$db'],
    ['$HOST $', '$HOST $'],
    ['$(HOST', '$(HOST'],
  ])('%s becomes %s', (text, expected) => {
    expect(expandVariables(text, known)).toBe(expected);
  });
});

describe('the downward API', () => {
  const facts = { podIps: ['10.0.0.2', 'fd00::2'], hostIps: ['192.0.2.1'], nodeName: 'n1' };
  it('gives fields, labels one a line with quotes, and single labels', () => {
    const pod = podOf({ serviceAccountName: 'sa' }, { labels: { b: 'x "y"', a: '1' } });
    expect(podFieldText(pod, 'metadata.labels', facts)).toBe('a="1"\nb="x \\"y\\""');
    expect(podFieldText(pod, "metadata.labels['a']", facts)).toBe('1');
    expect(podFieldText(pod, 'status.podIPs', facts)).toBe('10.0.0.2,fd00::2');
    expect(podFieldText(pod, 'spec.nodeName', facts)).toBe('n1');
    expect(() => podFieldText(pod, 'spec.containers', facts)).toThrow('unsupported fieldPath');
  });

  it('rounds resources up to units of the divisor, and takes the node when there is no limit', () => {
    const pod = withResources({ limits: { cpu: '1500m', memory: '100Mi' } });
    const text = (resource: string, divisor = '0') =>
      resourceFieldText(
        pod.spec.containers,
        { resource, divisor },
        { containerName: 'main', allocatable: { cpu: '4' } },
      );
    expect(text('limits.cpu')).toBe('2');
    expect(text('limits.cpu', '1m')).toBe('1500');
    expect(text('limits.memory', '1Mi')).toBe('100');
    const unlimited = withResources({});
    expect(
      resourceFieldText(
        unlimited.spec.containers,
        { resource: 'limits.cpu', divisor: '1' },
        { containerName: 'main', allocatable: { cpu: '4' } },
      ),
    ).toBe('4');
  });
});

describe('resources as the kernel takes them', () => {
  it('computes shares and quota as upstream does', () => {
    expect([cpuShares(0), cpuShares(1), cpuShares(100), cpuShares(2000)]).toEqual([2, 2, 102, 2048]);
    expect([cpuQuota(0), cpuQuota(5), cpuQuota(250)]).toEqual([0, 1000, 25_000]);
  });

  it('scores memory pressure by QoS class', () => {
    const score = (resources: object) => {
      const pod = withResources(resources);
      return oomScoreAdjust(pod, pod.spec.containers[0]!, 10 * gibi);
    };
    expect(score({ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } })).toBe(-997);
    expect(score({})).toBe(1000);
    expect(score({ requests: { memory: '1Gi' } })).toBe(900);
    expect(score({ requests: { memory: '10Gi' } })).toBe(3);
    expect(score({ requests: { cpu: '1' } })).toBe(999);
  });

  it('takes a limit for the request where there is none', () => {
    const pod = withResources({ limits: { cpu: '500m' } });
    expect(containerResources(pod, pod.spec.containers[0]!, { memoryBytes: gibi })).toMatchObject({
      cpu_shares: 512,
      cpu_quota: 50_000,
    });
  });

  it('limits a pod only where all its containers are limited', () => {
    const limited = { limits: { cpu: '1', memory: '1Gi' } };
    const both = podOf({
      containers: [
        { name: 'a', resources: limited },
        { name: 'b', resources: limited },
      ],
    });
    expect(podCgroupLimits(both)).toEqual({ cpuShares: 2048, cpuQuota: 200_000, memory: 2 * gibi });
    const one = podOf({
      containers: [
        { name: 'a', resources: limited },
        { name: 'b', resources: {} },
      ],
    });
    expect(podCgroupLimits(one)).toMatchObject({ cpuQuota: -1, memory: -1 });
  });

  it('lets sidecars count with main containers, and an init container only while it is larger', () => {
    const pod = podOf({
      initContainers: [
        { name: 'side', restartPolicy: 'Always', resources: { requests: { cpu: '100m' } } },
        { name: 'init', resources: { requests: { cpu: '1' } } },
      ],
      containers: [{ name: 'a', resources: { requests: { cpu: '200m' } } }],
    });
    expect(podCgroupLimits(pod).cpuShares).toBe(cpuShares(1100));
  });

  it('names groups by QoS class', () => {
    expect(podCgroup('/c', withResources({}))).toBe('/c/kubepods/besteffort/podu1');
    expect(podCgroup('/c', withResources({ requests: { cpu: '1' } }))).toBe('/c/kubepods/burstable/podu1');
  });
});

describe('DNS of a pod', () => {
  const host = parseResolvConf(
    'nameserver 192.0.2.53\nsearch corp.example.\noptions ndots:1 rotate\n# nameserver 9.9.9.9\n',
  );
  const cluster = { addresses: ['10.96.0.10'], domain: 'cluster.local', host };

  it('is the cluster first, with the node’s searches after its own', () => {
    expect(podDnsConfig(podOf({ dnsPolicy: 'ClusterFirst' }), cluster)).toEqual({
      servers: ['10.96.0.10'],
      searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example'],
      options: ['ndots:5'],
    });
  });

  it('is the node’s for host network and policy Default', () => {
    expect(podDnsConfig(podOf({ dnsPolicy: 'ClusterFirst', hostNetwork: true }), cluster)).toEqual(host);
    expect(podDnsConfig(podOf({ dnsPolicy: 'Default' }), cluster).servers).toEqual(['192.0.2.53']);
    const asked = podDnsConfig(podOf({ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }), cluster);
    expect(asked.servers).toEqual(['10.96.0.10']);
  });

  it('merges the pod’s own configuration', () => {
    const dnsConfig = {
      nameservers: ['1.1.1.1'],
      searches: ['my.dns'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
    };
    expect(podDnsConfig(podOf({ dnsPolicy: 'None', dnsConfig }), cluster)).toEqual({
      servers: ['1.1.1.1'],
      searches: ['my.dns'],
      options: ['ndots:2', 'edns0'],
    });
    expect(podDnsConfig(podOf({ dnsConfig }), cluster).options).toEqual(['ndots:2', 'edns0']);
  });
});

describe('names of a pod', () => {
  const env = { clusterDomain: 'cluster.local', nodeHostname: 'node' };
  it('are the pod’s, its spec’s, or the node’s', () => {
    expect(podHostname(podOf({}), env)).toEqual({ hostname: 'web-1', domain: '' });
    expect(podHostname(podOf({ hostname: 'db', subdomain: 'peers' }), env)).toEqual({
      hostname: 'db',
      domain: 'peers.shop.svc.cluster.local',
    });
    expect(podHostname(podOf({ hostNetwork: true }), env).hostname).toBe('node');
    expect(podHostname(podOf({ subdomain: 's', setHostnameAsFQDN: true }), env).hostname).toBe(
      'web-1.s.shop.svc.cluster.local',
    );
    expect(podHostname(podOf({}, { name: `${'x'.repeat(62)}-y` }), env).hostname).toBe('x'.repeat(62));
  });

  it('are in its hosts file, with aliases after', () => {
    const text = podHostsFile(['10.0.0.2'], { hostname: 'db', domain: 'peers.shop.svc.cluster.local' }, [
      { ip: '1.2.3.4', hostnames: ['a', 'b'] },
    ]);
    expect(text).toContain('10.0.0.2\tdb.peers.shop.svc.cluster.local\tdb\n');
    expect(text).toMatch(/# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb\n$/);
  });
});

describe('crash loop backoff', () => {
  it('starts at once after the first failure, then waits 10 s, doubling to 5 minutes', () => {
    const backoff = new RestartBackoff();
    const waits: number[] = [];
    let now = 0;
    for (let i = 0; i < 8; i++) {
      const wait = backoff.waitMs('k', now, now);
      waits.push(wait);
      now += wait;
      backoff.next('k', now - wait, now);
    }
    expect(waits).toEqual([0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  });

  it('forgets after ten minutes of running', () => {
    const backoff = new RestartBackoff();
    backoff.next('k', 0, 0);
    expect(backoff.waitMs('k', 1000, 1000)).toBe(10_000);
    expect(backoff.waitMs('k', 600_001, 600_001)).toBe(0);
  });

  it('is said as Go says durations', () => {
    expect([10_000, 80_000, 300_000, 3_600_000].map(goDuration)).toEqual(['10s', '1m20s', '5m0s', '1h0m0s']);
    expect([0, 250, 1500, 61_234].map(goDuration)).toEqual(['0s', '250ms', '1.5s', '1m1.234s']);
  });
});
