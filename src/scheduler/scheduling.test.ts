import { describe, expect, it } from 'vitest';
import type { Pod } from '../api/types/core-v1.ts';
import type { DeepPartial } from '../base/deep.ts';
import { feasibleNodesToFind } from './schedule-one.ts';
import { node, pod, requests, world } from './test-world.ts';

describe('resources', () => {
  it('places pods until the node is full, and says what it lacks', () => {
    const w = world([node('a', { cpu: '1' })]);
    w.placed(pod('one', requests('600m')));
    expect(w.refusal(pod('two', requests('600m')))).toBe('0/1 nodes are available: 1 Insufficient cpu.');
    expect(w.refusal(pod('big', requests('100m', '100Gi')))).toBe('0/1 nodes are available: 1 Insufficient memory.');
  });

  it('counts init containers by their largest, sidecars with the others, and overhead', () => {
    const w = world([node('a', { cpu: '1' })]);
    const p = pod('p', {
      containers: [{ name: 'c', resources: { requests: { cpu: '300m' } } }],
      initContainers: [
        { name: 'sidecar', restartPolicy: 'Always', resources: { requests: { cpu: '200m' } } },
        { name: 'init', resources: { requests: { cpu: '700m' } } },
      ],
      overhead: { cpu: '50m' },
    } as DeepPartial<Pod['spec']>);
    w.placed(p);
    expect(w.cache.node('a')!.requested.get('cpu')).toBe(950);
  });

  it.each([
    ['what is wanted', { cpu: '2' }, {}, undefined, 2000],
    ['what is still allocated', { cpu: '1' }, { allocatedResources: { cpu: '3' } }, undefined, 3000],
    ['what is still in effect', { cpu: '1' }, { resources: { requests: { cpu: '4' } } }, undefined, 4000],
    [
      'the most of all',
      { cpu: '5' },
      { allocatedResources: { cpu: '3' }, resources: { requests: { cpu: '4' } } },
      undefined,
      5000,
    ],
    ['no wish that cannot be granted', { cpu: '5' }, { allocatedResources: { cpu: '3' } }, 'Infeasible', 3000],
    ['a wish that may be granted later', { cpu: '5' }, { allocatedResources: { cpu: '3' } }, 'Deferred', 5000],
  ])('counts, while a pod is resized, %s', (_, wanted, status, pending, expected) => {
    const w = world([node('a', { cpu: '16' })]);
    const base = pod('p', {
      containers: [{ name: 'c', resources: { requests: { cpu: '0' } } }],
      initContainers: [{ name: 's', restartPolicy: 'Always', resources: { requests: wanted } }],
    } as DeepPartial<Pod['spec']>);
    const conditions = pending ? [{ type: 'PodResizePending', status: 'True', reason: pending }] : [];
    const resizing = { ...base, status: { conditions, initContainerStatuses: [{ name: 's', ...status }] } };
    w.place(resizing as never, 'a');
    expect(w.cache.node('a')!.requested.get('cpu')).toBe(expected);
  });

  it('counts pod-level requests in place of the sum, for the resources that have them', () => {
    const w = world([node('a')]);
    w.place(
      pod('p', {
        containers: [{ name: 'c', resources: { requests: { cpu: '3', 'example.com/x': '1' } } }],
        resources: { requests: { cpu: '1', memory: '1Gi' } },
        overhead: { cpu: '100m' },
      } as DeepPartial<Pod['spec']>),
      'a',
    );
    const { requested } = w.cache.node('a')!;
    expect([requested.get('cpu'), requested.get('memory'), requested.get('example.com/x')]).toEqual([1100, 2 ** 30, 1]);
  });

  it('prefers the node that has the images, unless all the others have none to gain', () => {
    const image = (size: number) => [{ names: ['registry.example/app:latest'], sizeBytes: size * 1024 * 1024 }];
    const with_ = (name: string, size: number) => node(name, { images: image(size) });
    const app = (name: string) => pod(name, { containers: [{ name: 'c', image: 'registry.example/app' }] });
    const w = world([node('a'), with_('b', 900), node('c')]);
    expect(w.placed(app('p'))).toBe('b');
    expect(w.cache.nodesWithImage('registry.example/app:latest')).toBe(1);
    w.cache.setNode(with_('c', 900));
    w.cache.removeNode('b');
    expect(w.cache.nodesWithImage('registry.example/app:latest')).toBe(1);
    expect(w.placed(app('q'))).toBe('c');
  });

  it('keeps to the number of pods a node takes', () => {
    const w = world([node('a', { pods: '1' })]);
    w.placed(pod('one'));
    expect(w.refusal(pod('two'))).toBe('0/1 nodes are available: 1 Too many pods.');
  });

  it('prefers the emptier node', () => {
    const w = world([node('a'), node('b')]);
    w.place(pod('x', requests('3')), 'a');
    expect(w.placed(pod('y', requests('500m')))).toBe('b');
  });

  it('frees what a removed pod held', () => {
    const w = world([node('a', { cpu: '1' })]);
    const first = pod('one', requests('800m'));
    w.placed(first);
    w.cache.removePod(first.metadata.uid);
    expect(w.placed(pod('two', requests('800m')))).toBe('a');
  });
});

describe('nodes', () => {
  it('refuses cordoned and tainted nodes with a reason each', () => {
    const w = world([
      node('a', { spec: { unschedulable: true } }),
      node('b', { spec: { taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] } }),
      node('c', { cpu: '100m' }),
    ]);
    expect(w.refusal(pod('p', requests('1')))).toBe(
      '0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {dedicated: db}, 1 node(s) were unschedulable.',
    );
    expect(w.placed(pod('t', { tolerations: [{ key: 'dedicated', operator: 'Exists' }], ...requests('1') }))).toBe('b');
  });

  it('follows node selectors and affinity', () => {
    const w = world([
      node('a', { labels: { disk: 'hdd', gen: '3' } }),
      node('b', { labels: { disk: 'ssd', gen: '7' } }),
    ]);
    expect(w.placed(pod('p', { nodeSelector: { disk: 'ssd' } }))).toBe('b');
    const older = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'gen', operator: 'Lt', values: ['5'] }] }],
        },
      },
    };
    expect(w.placed(pod('q', { affinity: older }))).toBe('a');
    expect(w.refusal(pod('r', { nodeSelector: { disk: 'tape' } }))).toBe(
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
    );
  });

  it('looks only at the nodes that affinity names outright', () => {
    const w = world([node('a'), node('b'), node('c')]);
    const named = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['c'] }] }],
        },
      },
    };
    expect(w.placed(pod('daemon', { affinity: named }))).toBe('c');
  });

  it('keeps host ports apart', () => {
    const w = world([node('a')]);
    const withPort = (name: string) =>
      pod(name, {
        containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 8080, protocol: 'TCP' }], resources: {} }],
      } as DeepPartial<Pod['spec']>);
    w.placed(withPort('one'));
    expect(w.refusal(withPort('two'))).toContain("1 node(s) didn't have free ports for the requested pod ports");
  });

  it('says so when there are none', () => {
    expect(world([]).refusal(pod('p'))).toBe('no nodes available to schedule pods');
  });
});

describe('topology spread', () => {
  const zones = [
    node('a1', { labels: { 'topology.kubernetes.io/zone': 'a' } }),
    node('a2', { labels: { 'topology.kubernetes.io/zone': 'a' } }),
    node('b1', { labels: { 'topology.kubernetes.io/zone': 'b' } }),
  ];
  const spread = (name: string, when = 'DoNotSchedule') =>
    pod(
      name,
      {
        topologySpreadConstraints: [
          {
            topologyKey: 'topology.kubernetes.io/zone',
            maxSkew: 1,
            whenUnsatisfiable: when,
            labelSelector: { matchLabels: { app: 'x' } },
          },
        ],
      } as DeepPartial<Pod['spec']>,
      { labels: { app: 'x' } },
    );

  it('keeps the skew', () => {
    const w = world(zones);
    const counts: Record<string, number> = { a: 0, b: 0 };
    for (let i = 0; i < 6; i++) counts[w.placed(spread(`p${i}`))[0]!]!++;
    expect(counts).toEqual({ a: 3, b: 3 });
  });

  it('refuses when only the fuller zone has room', () => {
    const w = world([zones[0]!, node('b1', { labels: { 'topology.kubernetes.io/zone': 'b' }, pods: '0' })]);
    w.placed(spread('first'));
    expect(w.refusal(spread('second'))).toBe(
      "0/2 nodes are available: 1 Too many pods, 1 node(s) didn't match pod topology spread constraints.",
    );
  });

  it('names nodes without the label', () => {
    const w = world([node('bare')]);
    expect(w.refusal(spread('p'))).toContain('(missing required label)');
  });

  it('prefers the emptier zone when it is only a wish', () => {
    const w = world(zones);
    w.place(spread('x'), 'b1');
    expect(w.placed(spread('y', 'ScheduleAnyway'))).toMatch(/^a/);
  });

  it('follows nodes that are labelled anew', () => {
    const w = world([zones[0]!, zones[2]!]);
    w.placed(spread('one'));
    w.placed(spread('two'));
    w.cache.setNode(node('b1', { labels: { 'topology.kubernetes.io/zone': 'a' } }));
    w.placed(spread('three'));
    expect(w.cache.nodes().reduce((sum, n) => sum + n.pods.size, 0)).toBe(3);
  });
});

describe('pod affinity', () => {
  const term = (app: string, topologyKey = 'kubernetes.io/hostname') => ({
    topologyKey,
    labelSelector: { matchLabels: { app } },
  });
  const anti = (app: string) =>
    ({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } } }) as DeepPartial<
      Pod['spec']
    >;
  const near = (app: string) =>
    ({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } } }) as DeepPartial<
      Pod['spec']
    >;

  it('keeps pods of one kind apart', () => {
    const w = world([node('a'), node('b')]);
    const on = [
      w.placed(pod('p1', anti('db'), { labels: { app: 'db' } })),
      w.placed(pod('p2', anti('db'), { labels: { app: 'db' } })),
    ];
    expect(on.sort()).toEqual(['a', 'b']);
    expect(w.refusal(pod('p3', anti('db'), { labels: { app: 'db' } }))).toBe(
      "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
    );
  });

  it('minds the anti-affinity of pods that are there already', () => {
    const w = world([node('a'), node('b')]);
    w.place(pod('loner', anti('web')), 'a');
    expect(w.placed(pod('web', {}, { labels: { app: 'web' } }))).toBe('b');
    const full = world([node('a')]);
    full.place(pod('loner', anti('web')), 'a');
    expect(full.refusal(pod('web', {}, { labels: { app: 'web' } }))).toBe(
      "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.",
    );
  });

  it('puts pods together, and lets the first of a group go anywhere', () => {
    const w = world([node('a'), node('b'), node('c')]);
    const first = w.placed(pod('p1', near('web'), { labels: { app: 'web' } }));
    expect(w.placed(pod('p2', near('web'), { labels: { app: 'web' } }))).toBe(first);
    expect(w.refusal(pod('stranger', near('nobody')))).toBe(
      "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.",
    );
  });

  it('is about the own namespace unless said otherwise', () => {
    const w = world([node('a')]);
    w.place(pod('other', {}, { labels: { app: 'db' }, namespace: 'elsewhere' }), 'a');
    expect(w.placed(pod('p', anti('db')))).toBe('a');
    const everywhere = {
      affinity: {
        podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...term('db'), namespaceSelector: {} }] },
      },
    } as DeepPartial<Pod['spec']>;
    expect(w.refusal(pod('q', everywhere))).toContain("didn't match pod anti-affinity rules");
  });
});

describe('features that nodes declare', () => {
  const declaring = (name: string, ...declaredFeatures: string[]) => {
    const it = node(name);
    return { ...it, status: { ...it.status, declaredFeatures } };
  };
  const restarting = pod('p', {
    containers: [{ name: 'c', restartPolicyRules: [{ action: 'RestartAllContainers' }] }],
  } as DeepPartial<Pod['spec']>);

  it('are looked for by the pods that need them', () => {
    const w = world([node('old'), declaring('new', 'RestartAllContainersOnContainerExits')]);
    expect(w.placed(restarting)).toBe('new');
    expect(w.refusal(pod('q', { hostNetwork: true, hostUsers: false }))).toBe(
      '0/2 nodes are available: 2 node declared features check failed - unsatisfied requirements: UserNamespacesHostNetworkSupport.',
    );
    expect(['old', 'new']).toContain(w.placed(pod('r')));
  });

  it('help when they come', () => {
    const { running } = world([]).framework.filter.find(
      ({ definition }) => definition.name === 'NodeDeclaredFeatures',
    )!;
    const update = (object: unknown, old: unknown) =>
      running.helps!({ kind: 'Node', action: 'update', object, old } as never, restarting);
    expect(update(declaring('a', 'RestartAllContainersOnContainerExits'), node('a'))).toBe(true);
    expect(update(node('a', { labels: { x: 'y' } }), node('a'))).toBe(false);
  });
});

describe('the search', () => {
  it('looks at as many nodes as upstream does', () => {
    expect([10, 100, 1000, 5000, 6000].map((n) => feasibleNodesToFind(n, 0))).toEqual([10, 100, 420, 500, 300]);
    expect(feasibleNodesToFind(5000, 100)).toBe(5000);
  });

  it('takes zones in turn', () => {
    const w = world(
      ['a', 'a', 'b', 'b'].map((zone, i) => node(`${zone}${i}`, { labels: { 'topology.kubernetes.io/zone': zone } })),
    );
    expect(w.cache.nodes().map((n) => n.name[0])).toEqual(['a', 'b', 'a', 'b']);
  });
});
