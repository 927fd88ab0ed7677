import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { NetworkPolicy } from '../../src/api/networking/network-policy.ts';
import { realClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { type NetworkPolicies, startNetworkPolicies } from '../../src/network/policies/network-policies.ts';
import { FakeInformers } from './fake-informers.ts';
import { missingForPackets, NetLab } from './net-lab.ts';
import { namespace, pod, policy } from './objects.ts';

const missing = missingForPackets();
if (missing) console.warn(`skipped: ${missing}`);

describe.skipIf(missing)('network policies', () => {
  const lab = new NetLab();
  const informers = new FakeInformers();
  let policies: NetworkPolicies;
  const ip = { a: '10.244.0.11', b: '10.244.0.12', c: '10.244.0.13' };
  const ns: Record<string, string> = {};
  const put = async (name: string, spec: object) => {
    informers.put(NetworkPolicy, policy(name, spec));
    await policies.whenApplied();
  };
  const reaches = async (from: keyof typeof ip | 'node' | 'outside', to: keyof typeof ip, port = 8080) => {
    const netns = from === 'node' ? lab.node : from === 'outside' ? lab.outside : ns[from]!;
    const [answer] = await lab.dial(netns, `${ip[to]}:${port}`);
    return answer!.startsWith(`${to} `);
  };

  beforeAll(async () => {
    await lab.start();
    await lab.writeSetting('net/ipv4/ip_forward', '1');
    await Promise.all(
      (['a', 'b', 'c'] as const).map(async (name) => {
        ns[name] = await lab.pod(name, ip[name], [8080, 8081]);
      }),
    );
    await lab.ip(lab.outside, 'route', 'add', '10.244.0.0/24', 'via', lab.nodeIp);
    informers.put(Namespace, namespace('default', { team: 'red' }));
    informers.put(Namespace, namespace('other', { team: 'blue' }));
    informers.put(Pod, pod('a', { app: 'a' }, ip.a, { ports: [{ name: 'web', containerPort: 8080 }] }));
    informers.put(Pod, pod('b', { app: 'b' }, ip.b, { ports: [{ name: 'web', containerPort: 8081 }] }));
    informers.put(Pod, pod('c', { app: 'c' }, ip.c, { namespace: 'other' }));
    policies = await startNetworkPolicies({
      informers,
      nodeName: 'node',
      clusterName: lab.name,
      clock: realClock,
      log: silentLogger,
      nft: lab.nft,
      dnsAddresses: ['10.244.0.1'],
    });
  });

  afterEach(async () => {
    for (const object of informers.informer(NetworkPolicy).list())
      informers.remove(NetworkPolicy, `default/${object.metadata.name}`);
    await policies.whenApplied();
  });

  afterAll(async () => {
    await policies?.stop({ remove: true });
    await lab.close();
  });

  it('without a policy everything is open', async () => {
    expect([await reaches('a', 'b'), await reaches('outside', 'a'), await reaches('node', 'a')]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('an ingress policy without rules isolates the pods that it selects, except from themselves and their node', async () => {
    await put('deny', { podSelector: { matchLabels: { app: 'a' } }, policyTypes: ['Ingress'] });
    expect(
      await Promise.all([
        reaches('b', 'a'),
        reaches('outside', 'a'),
        reaches('a', 'a'),
        reaches('node', 'a'),
        reaches('a', 'b'),
      ]),
    ).toEqual([false, false, true, true, true]);
  });

  it('pods are allowed by their labels, and by those of their namespace', async () => {
    await put('pods', {
      podSelector: { matchLabels: { app: 'a' } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'b' } } }] }],
    });
    expect(await Promise.all([reaches('b', 'a'), reaches('c', 'a')])).toEqual([true, false]);
    await put('spaces', {
      podSelector: { matchLabels: { app: 'a' } },
      ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'blue' } } }] }],
    });
    expect(await Promise.all([reaches('b', 'a'), reaches('c', 'a')])).toEqual([true, true]);
    informers.remove(NetworkPolicy, 'default/pods');
    await policies.whenApplied();
    expect(await Promise.all([reaches('b', 'a'), reaches('c', 'a')])).toEqual([false, true]);
  });

  it('a pod that gets other labels is judged anew', async () => {
    await put('pods', {
      podSelector: { matchLabels: { app: 'a' } },
      ingress: [{ from: [{ podSelector: { matchLabels: { role: 'friend' } } }] }],
    });
    expect(await reaches('b', 'a')).toBe(false);
    informers.put(Pod, pod('b', { app: 'b', role: 'friend' }, ip.b));
    await policies.whenApplied();
    expect(await reaches('b', 'a')).toBe(true);
    informers.put(Pod, pod('b', { app: 'b' }, ip.b, { ports: [{ name: 'web', containerPort: 8081 }] }));
    await policies.whenApplied();
    expect(await reaches('b', 'a')).toBe(false);
  });

  it('ports are numbers, ranges or names of the destination', async () => {
    const all = { podSelector: {}, policyTypes: ['Ingress'] };
    await put('ports', { ...all, ingress: [{ ports: [{ port: 8080, protocol: 'TCP' }] }] });
    expect(await Promise.all([reaches('c', 'a'), reaches('c', 'a', 8081)])).toEqual([true, false]);
    await put('ports', { ...all, ingress: [{ ports: [{ port: 8081, endPort: 9000 }] }] });
    expect(await Promise.all([reaches('c', 'a'), reaches('c', 'a', 8081)])).toEqual([false, true]);
    await put('ports', { ...all, ingress: [{ ports: [{ port: 'web' }] }] });
    expect(
      await Promise.all([reaches('c', 'a'), reaches('c', 'a', 8081), reaches('c', 'b'), reaches('c', 'b', 8081)]),
    ).toEqual([true, false, false, true]);
    await put('ports', { ...all, ingress: [{ ports: [{ protocol: 'UDP' }] }] });
    expect(await reaches('c', 'a')).toBe(false);
  });

  it('address blocks allow, their exceptions do not', async () => {
    const block = (cidr: string, except?: string[]) => ({
      podSelector: { matchLabels: { app: 'a' } },
      ingress: [{ from: [{ ipBlock: { cidr, ...(except ? { except } : {}) } }] }],
    });
    await put('block', block('192.168.0.0/16'));
    expect(await Promise.all([reaches('outside', 'a'), reaches('b', 'a')])).toEqual([true, false]);
    await put('block', block('0.0.0.0/0', ['192.168.77.0/28', '172.16.0.0/12']));
    expect(await Promise.all([reaches('outside', 'a'), reaches('b', 'a')])).toEqual([false, true]);
  });

  it('an egress policy limits where pods go, to the node too, and knows the cluster DNS by its customary labels', async () => {
    await lab.serve(lab.node, 'host', [53, 9000]);
    await put('egress', {
      podSelector: { matchLabels: { app: 'a' } },
      policyTypes: ['Egress'],
      egress: [
        { to: [{ podSelector: { matchLabels: { app: 'b' } } }], ports: [{ port: 'web' }] },
        {
          to: [
            {
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
              podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
            },
          ],
          ports: [{ port: 53, protocol: 'UDP' }],
        },
      ],
    });
    informers.put(Namespace, namespace('kube-system', { 'kubernetes.io/metadata.name': 'kube-system' }));
    await policies.whenApplied();
    expect(await Promise.all([reaches('a', 'b', 8081), reaches('a', 'b'), reaches('a', 'c')])).toEqual([
      true,
      false,
      false,
    ]);
    expect(await lab.dial(ns['a']!, `${lab.nodeIp}:9000`)).toEqual(['ETIMEDOUT']);
    expect((await lab.dial(ns['a']!, '10.244.0.1:53', { protocol: 'udp' }))[0]).toMatch(/^host /);
    expect(await reaches('b', 'a')).toBe(true);
  });

  it('stopping with removal opens everything', async () => {
    await put('deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    expect(await reaches('b', 'a')).toBe(false);
    await policies.stop({ remove: true });
    expect(await reaches('b', 'a')).toBe(true);
  });
});
