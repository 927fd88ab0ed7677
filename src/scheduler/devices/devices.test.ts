/** Devices for pods: which devices a node gives a claim, and why it gives none. */
import { describe, expect, it } from 'vitest';
import type { KubeObject, Shared } from '../../api/kind.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import type { Device, DeviceClass, DeviceRequest, ResourceClaim, ResourceSlice } from '../../api/types/resource-v1.ts';
import type { DeepPartial } from '../../base/deep.ts';
import { node, pod, world } from '../test-world.ts';

const driver = 'gpu.example.com';

function slice(name: string, spec: Omit<Partial<ResourceSlice['spec']>, 'pool'> & { pool?: object }): ResourceSlice {
  const pool = { name: spec.nodeName ?? 'shared', generation: 1, resourceSliceCount: 1, ...spec.pool };
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceSlice',
    metadata: { name, uid: name, resourceVersion: '1' },
    spec: { driver, ...spec, pool },
  } as unknown as ResourceSlice;
}

const devicesNamed = (...names: string[]): Device[] => names.map((name) => ({ name }));

const deviceClass = (name = 'gpu', spec: DeviceClass['spec'] = {}): DeviceClass =>
  ({
    apiVersion: 'resource.k8s.io/v1',
    kind: 'DeviceClass',
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec,
  }) as unknown as DeviceClass;

type Request = DeepPartial<DeviceRequest['exactly']>;
const exactly = (name: string, more: Request = {}) => ({
  name,
  exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, ...more },
});

function claim(
  name: string,
  devices: { requests: readonly object[]; constraints?: readonly object[]; config?: readonly object[] },
  status: ResourceClaim['status'] = {},
): ResourceClaim {
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: { name, namespace: 'default', uid: `claim-${name}`, resourceVersion: '1' },
    spec: { devices },
    status,
  } as unknown as ResourceClaim;
}

const using = (...names: string[]): Shared<Pod> =>
  pod('user', { resourceClaims: names.map((name) => ({ name, resourceClaimName: name })) });

interface Planned {
  readonly allocation: NonNullable<ResourceClaim['status']['allocation']>;
}

/** What a pod's claims get on the node that it is placed on; the refusal when there is none. */
function allocate(
  objects: readonly object[],
  { nodes = [node('a')], user = using('c') }: { nodes?: readonly Shared<Node>[]; user?: Shared<Pod> } = {},
) {
  const outcome = world(nodes, objects as readonly Shared<KubeObject>[]).schedule(user);
  if (outcome.kind === 'refused') return outcome.message;
  const { plans } = outcome.state.get('DynamicResources') as { plans: Map<string, readonly Planned[]> };
  return { nodeName: outcome.nodeName, allocations: plans.get(outcome.nodeName)!.map(({ allocation }) => allocation) };
}

/** The devices by request, as `request=device`. */
function given(...args: Parameters<typeof allocate>): string[] | string {
  const outcome = allocate(...args);
  if (typeof outcome === 'string') return outcome;
  return outcome.allocations.flatMap(({ devices }) => devices.results!.map((r) => `${r.request}=${r.device}`));
}

const none = '0/1 nodes are available: 1 cannot allocate all claims.';

describe('claims that are not ready', () => {
  const offers = [deviceClass(), slice('s', { nodeName: 'a', devices: devicesNamed('gpu-0') })];

  it.each([
    [
      'whose class is not there',
      claim('c', { requests: [exactly('r', { deviceClassName: 'fpga' })] }),
      'request r: device class fpga does not exist',
    ],
    [
      'whose alternative has no class',
      claim('c', {
        requests: [
          {
            name: 'r',
            firstAvailable: [{ name: 'x', deviceClassName: 'fpga', allocationMode: 'ExactCount', count: 1 }],
          },
        ],
      }),
      'request r/x: device class fpga does not exist',
    ],
    [
      'that are held by as many pods as can be',
      claim(
        'c',
        { requests: [exactly('r')] },
        {
          allocation: { devices: {} },
          reservedFor: Array.from({ length: 256 }, (_, i) => ({ resource: 'pods', name: `p${i}`, uid: `p${i}` })),
        },
      ),
      'resourceclaim in use',
    ],
  ])('refuses claims %s', (_, wanted, why) => {
    expect(given([...offers, wanted])).toBe(`0/1 nodes are available: ${why}.`);
  });

  it('does not queue pods whose claims are missing, going, or another pod’s', () => {
    const gone = { ...claim('gone', { requests: [] }) };
    (gone.metadata as { deletionTimestamp?: string }).deletionTimestamp = '2026-01-01T00:00:00Z';
    const { framework } = world([node('a')], [gone, claim('foreign', { requests: [] })] as never);
    const gate = framework.preEnqueue.find(({ definition }) => definition.name === 'DynamicResources')!;
    const why = (user: Shared<Pod>) => gate.running.preEnqueue!(user)?.reasons[0];
    expect(why(using('missing'))).toBe('resourceclaim "missing" not found');
    expect(why(using('gone'))).toBe('resourceclaim "gone" is being deleted');
    const fromTemplate = pod('user', { resourceClaims: [{ name: 't', resourceClaimTemplateName: 't' }] });
    expect(why(fromTemplate)).toBe('pod "default/user": ResourceClaim not created yet');
    const made = { ...fromTemplate, status: { resourceClaimStatuses: [{ name: 't', resourceClaimName: 'foreign' }] } };
    expect(why(made as never)).toBe(
      'ResourceClaim default/foreign was not created for pod default/user (pod is not owner)',
    );
    expect(why(using())).toBeUndefined();
  });
});

describe('choosing devices', () => {
  const withAttributes = (name: string, attributes: Device['attributes']): Device => ({
    name,
    attributes: attributes!,
  });
  const numa = (name: string, int: number) => withAttributes(name, { numa: { int } });

  it('places a pod where the devices are', () => {
    const outcome = allocate(
      [
        deviceClass(),
        slice('s', { nodeName: 'b', devices: devicesNamed('gpu-0') }),
        claim('c', { requests: [exactly('r')] }),
      ],
      { nodes: [node('a'), node('b'), node('c')] },
    );
    expect(outcome).toEqual({
      nodeName: 'b',
      allocations: [
        {
          devices: { results: [{ request: 'r', driver, pool: 'b', device: 'gpu-0' }] },
          nodeSelector: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }],
          },
        },
      ],
    });
  });

  it.each<[string, Device[], DeepPartial<ResourceClaim['spec']['devices']>, string[] | string]>([
    ['as many as asked for', devicesNamed('a', 'b', 'c'), { requests: [exactly('r', { count: 2 })] }, ['r=a', 'r=b']],
    ['no more than there are', devicesNamed('a'), { requests: [exactly('r', { count: 2 })] }, none],
    ['no device twice', devicesNamed('a'), { requests: [exactly('r'), exactly('s')] }, none],
    [
      'all of them',
      devicesNamed('a', 'b'),
      { requests: [exactly('r', { allocationMode: 'All', count: 0 })] },
      ['r=a', 'r=b'],
    ],
    ['all, but at least one', [], { requests: [exactly('r', { allocationMode: 'All', count: 0 })] }, none],
    [
      'by attribute',
      [numa('a', 0), numa('b', 1)],
      {
        requests: [exactly('r', { selectors: [{ cel: { expression: `device.attributes["${driver}"].numa == 1` } }] })],
      },
      ['r=b'],
    ],
    [
      'by version',
      [withAttributes('a', { v: { version: '1.9.0' } }), withAttributes('b', { v: { version: '1.10.0' } })],
      {
        requests: [
          exactly('r', {
            selectors: [{ cel: { expression: `device.attributes["${driver}"].v.isGreaterThan(semver("1.9.5"))` } }],
          }),
        ],
      },
      ['r=b'],
    ],
    [
      'by capacity',
      [
        { name: 'a', capacity: { memory: { value: '8Gi' } } },
        { name: 'b', capacity: { memory: { value: '40Gi' } } },
      ],
      {
        requests: [
          exactly('r', {
            selectors: [
              { cel: { expression: `device.capacity["${driver}"].memory.compareTo(quantity("10Gi")) >= 0` } },
            ],
          }),
        ],
      },
      ['r=b'],
    ],
    [
      'of another domain: empty, not an error',
      devicesNamed('a'),
      {
        requests: [
          exactly('r', { selectors: [{ cel: { expression: '!("x" in device.attributes["other.example.com"])' } }] }),
        ],
      },
      ['r=a'],
    ],
    [
      'the first alternative that there is',
      [numa('a', 0)],
      {
        requests: [
          {
            name: 'r',
            firstAvailable: [
              { name: 'two', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 2 },
              { name: 'one', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 },
            ],
          },
        ],
      },
      ['r/one=a'],
    ],
    [
      'with one value of an attribute',
      [numa('a', 0), numa('b', 1), numa('c', 1)],
      { requests: [exactly('r'), exactly('s')], constraints: [{ matchAttribute: `${driver}/numa` }] },
      ['r=b', 's=c'],
    ],
    [
      'with one value among some requests only',
      [numa('a', 0), numa('b', 1)],
      { requests: [exactly('r'), exactly('s')], constraints: [{ matchAttribute: `${driver}/numa`, requests: ['r'] }] },
      ['r=a', 's=b'],
    ],
    [
      'with different values',
      [numa('a', 0), numa('b', 0), numa('c', 1)],
      { requests: [exactly('r', { count: 2 })], constraints: [{ distinctAttribute: `${driver}/numa` }] },
      ['r=a', 'r=c'],
    ],
    [
      'without the attribute never',
      devicesNamed('a'),
      { requests: [exactly('r')], constraints: [{ matchAttribute: `${driver}/numa` }] },
      none,
    ],
    [
      'an earlier choice revised for a later request',
      [numa('a', 0), numa('b', 1)],
      {
        requests: [
          exactly('r'),
          exactly('s', { selectors: [{ cel: { expression: `device.attributes["${driver}"].numa == 0` } }] }),
        ],
      },
      ['r=b', 's=a'],
    ],
    [
      'not the tainted',
      [
        { name: 'a', taints: [{ key: 'k', effect: 'NoSchedule' }] },
        { name: 'b', taints: [{ key: 'k', effect: 'None' }] },
      ],
      { requests: [exactly('r')] },
      ['r=b'],
    ],
    [
      'the tainted for those that tolerate it',
      [{ name: 'a', taints: [{ key: 'k', value: 'v', effect: 'NoExecute' }] }],
      { requests: [exactly('r', { tolerations: [{ key: 'k', operator: 'Equal', value: 'v' }] })] },
      ['r=a'],
    ],
  ])('gives %s', (_, devices, wanted, expected) => {
    const objects = [deviceClass(), slice('s', { nodeName: 'a', devices }), claim('c', wanted as never)];
    expect(given(objects)).toEqual(expected);
  });

  it('heeds the selectors of the class, and hands on its configuration and the claim’s', () => {
    const opaque = (text: string) => ({ opaque: { driver, parameters: { text } } });
    const expression = `device.driver == "${driver}" && device.attributes["${driver}"].numa == 1`;
    const outcome = allocate([
      deviceClass('gpu', { selectors: [{ cel: { expression } }], config: [opaque('class')] }),
      slice('s', { nodeName: 'a', devices: [numa('x', 0), numa('y', 1), numa('z', 1)] }),
      claim('c', {
        requests: [exactly('r'), exactly('s')],
        config: [opaque('all'), { requests: ['s'], ...opaque('some') }],
      }),
    ]);
    expect((outcome as { allocations: object[] }).allocations[0]).toMatchObject({
      devices: {
        results: [
          { request: 'r', device: 'y' },
          { request: 's', device: 'z' },
        ],
        config: [
          { source: 'FromClass', requests: ['r', 's'], ...opaque('class') },
          { source: 'FromClaim', ...opaque('all') },
          { source: 'FromClaim', requests: ['s'], ...opaque('some') },
        ],
      },
    });
  });

  it('fails the try, and says whose, when an expression does', () => {
    const bad = (expression: string) => () =>
      given([
        deviceClass(),
        slice('s', { nodeName: 'a', devices: devicesNamed('a') }),
        claim('c', { requests: [exactly('r', { selectors: [{ cel: { expression } }] })] }),
      ]);
    expect(bad(`device.attributes["${driver}"].missing == 1`)).toThrow(
      'running "DynamicResources" filter plugin: claim default/c: selector #0: CEL runtime error: no such key: missing',
    );
    expect(bad('device.nonsense')).toThrow('claim default/c: selector #0: CEL compile error: ');
  });

  it('refuses claims on more devices than a claim can hold', () => {
    const devices = devicesNamed(...Array.from({ length: 40 }, (_, i) => `d${i}`));
    const objects = [
      deviceClass(),
      slice('s', { nodeName: 'a', devices }),
      claim('c', { requests: [exactly('r', { count: 33 })] }),
    ];
    expect(() => given(objects)).toThrow(
      'claim default/c: number of requested devices 33 exceeds the claim limit of 32',
    );
  });

  it('is not lost in the ways to choose some of many devices that are alike', () => {
    const devices = Array.from({ length: 64 }, (_, i) => numa(`d${i}`, i % 2));
    const wanted = { requests: [exactly('r', { count: 16 }), exactly('s', { count: 16 })] };
    const objects = [deviceClass(), slice('s', { nodeName: 'a', devices: devices.slice(0, 31) }), claim('c', wanted)];
    expect(given(objects)).toBe(none);
    const unmatched = { ...wanted, constraints: [{ matchAttribute: `${driver}/numa` }] };
    expect(
      given([deviceClass(), slice('s', { nodeName: 'a', devices: devices.slice(0, 60) }), claim('c', unmatched)]),
    ).toBe('0/1 nodes are available: 1 timed out trying to allocate devices.');
  });
});

describe('devices that are in use', () => {
  const held = (device: string, more: object = {}) => ({
    allocation: { devices: { results: [{ request: 'r', driver, pool: 'a', device, ...more }] } },
  });
  const offers = [deviceClass(), slice('s', { nodeName: 'a', devices: devicesNamed('x', 'y') })];

  it('are another claim’s alone', () => {
    const other = claim('other', { requests: [exactly('r')] }, held('x'));
    expect(given([...offers, other, claim('c', { requests: [exactly('r')] })])).toEqual(['r=y']);
    expect(
      given([...offers, other, claim('c', { requests: [exactly('r', { allocationMode: 'All', count: 0 })] })]),
    ).toBe(none);
  });

  it('can be looked at by an administrator, who takes nothing', () => {
    const other = claim('other', { requests: [exactly('r')] }, held('x'));
    const admin = claim('c', { requests: [exactly('r', { allocationMode: 'All', count: 0, adminAccess: true })] });
    expect(given([...offers, other, admin])).toEqual(['r=x', 'r=y']);
    const watching = claim('other', { requests: [exactly('r')] }, held('x', { adminAccess: true }));
    expect(given([...offers, watching, claim('c', { requests: [exactly('r')] })])).toEqual(['r=x']);
  });

  it('are shared by pods that share the claim, where they can be reached', () => {
    const here = (name: string) => ({
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
    });
    const allocated = { allocation: { ...held('x').allocation, nodeSelector: here('a') } };
    const outcome = allocate([...offers, claim('c', { requests: [exactly('r')] }, allocated)], {
      nodes: [node('a'), node('b')],
    });
    expect(outcome).toEqual({ nodeName: 'a', allocations: [] });
    const elsewhere = claim(
      'c',
      { requests: [exactly('r')] },
      { allocation: { ...held('x').allocation, nodeSelector: here('gone') } },
    );
    expect(given([...offers, elsewhere])).toBe('0/1 nodes are available: 1 resourceclaim not available on the node.');
  });
});

describe('pools', () => {
  const wanted = claim('c', { requests: [exactly('r')] });
  const all = claim('c', { requests: [exactly('r', { allocationMode: 'All', count: 0 })] });

  it('are used once they are complete, in their newest generation', () => {
    const first = slice('one', { nodeName: 'a', devices: devicesNamed('x'), pool: { resourceSliceCount: 2 } });
    const second = slice('two', { nodeName: 'a', devices: devicesNamed('y'), pool: { resourceSliceCount: 2 } });
    expect(given([deviceClass(), first, wanted])).toBe(none);
    expect(given([deviceClass(), first, second, all])).toEqual(['r=x', 'r=y']);
    expect(given([deviceClass(), first, all])).toBe(
      '0/1 nodes are available: 1 claim default/c, request r: asks for all devices, but resource pool gpu.example.com/a is currently being updated.',
    );
    const newer = slice('three', { nodeName: 'a', devices: devicesNamed('z'), pool: { generation: 2 } });
    expect(given([deviceClass(), first, second, newer, all])).toEqual(['r=z']);
  });

  it('with two devices of a name are not used', () => {
    const twice = slice('s', { nodeName: 'a', devices: devicesNamed('x', 'x') });
    expect(given([deviceClass(), twice, wanted])).toBe(
      '0/1 nodes are available: 1 invalid resource pools were encountered.',
    );
  });

  it('can be on the network: for all nodes, for some, or device by device', () => {
    const labelled = {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'rack', operator: 'In', values: ['1'] }] }],
    };
    const nodes = [node('a'), node('b', { labels: { rack: '1' } })];
    const everywhere = allocate([deviceClass(), slice('s', { allNodes: true, devices: devicesNamed('x') }), wanted], {
      nodes,
    });
    expect((everywhere as { allocations: object[] }).allocations[0]).not.toHaveProperty('nodeSelector');
    const some = allocate([deviceClass(), slice('s', { nodeSelector: labelled, devices: devicesNamed('x') }), wanted], {
      nodes,
    });
    expect(some).toMatchObject({ nodeName: 'b', allocations: [{ nodeSelector: labelled }] });
    const each = slice('s', {
      perDeviceNodeSelection: true,
      devices: [
        { name: 'x', nodeName: 'gone' },
        { name: 'y', nodeSelector: labelled },
      ],
    });
    expect(allocate([deviceClass(), each, wanted], { nodes })).toMatchObject({
      nodeName: 'b',
      allocations: [{ devices: { results: [{ device: 'y' }] }, nodeSelector: labelled }],
    });
  });
});

describe('parts of devices', () => {
  const counted = (name: string, memory: string): Device => ({
    name,
    consumesCounters: [{ counterSet: 'gpu-0', counters: { memory: { value: memory } } }],
  });
  const partitioned = [
    deviceClass(),
    slice('counters', {
      nodeName: 'a',
      sharedCounters: [{ name: 'gpu-0', counters: { memory: { value: '40Gi' } } }],
      pool: { name: 'a', resourceSliceCount: 2 },
    }),
    slice('parts', {
      nodeName: 'a',
      devices: [counted('whole', '40Gi'), counted('half-0', '20Gi'), counted('half-1', '20Gi')],
      pool: { name: 'a', resourceSliceCount: 2 },
    }),
  ];
  const heldBy = (device: string) =>
    claim(
      'other',
      { requests: [exactly('r')] },
      {
        allocation: { devices: { results: [{ request: 'r', driver, pool: 'a', device }] } },
      },
    );

  it('exclude one another by the counters that they draw on', () => {
    const two = claim('c', { requests: [exactly('r', { count: 2 })] });
    expect(given([...partitioned, two])).toEqual(['r=half-0', 'r=half-1']);
    expect(given([...partitioned, heldBy('half-0'), claim('c', { requests: [exactly('r')] })])).toEqual(['r=half-1']);
    expect(given([...partitioned, heldBy('whole'), claim('c', { requests: [exactly('r')] })])).toBe(none);
  });

  it('can be shares of a capacity, rounded up to what the device allows', () => {
    const nic: Device = {
      name: 'nic',
      allowMultipleAllocations: true,
      capacity: {
        bandwidth: { value: '10G', requestPolicy: { default: '1G', validRange: { min: '1G', step: '1G', max: '8G' } } },
      },
    };
    const asking = (bandwidth?: string) =>
      claim('c', { requests: [exactly('r', bandwidth ? { capacity: { requests: { bandwidth } } } : {})] });
    const offers = [deviceClass(), slice('s', { nodeName: 'a', devices: [nic] })];
    const taken = (consumed: string) =>
      claim(
        'other',
        { requests: [exactly('r')] },
        {
          allocation: {
            devices: {
              results: [
                {
                  request: 'r',
                  driver,
                  pool: 'a',
                  device: 'nic',
                  shareID: 'one',
                  consumedCapacity: { bandwidth: consumed },
                },
              ],
            },
          },
        },
      );
    const share = (objects: object[]) => {
      const outcome = allocate(objects);
      if (typeof outcome === 'string') return outcome;
      const [result] = outcome.allocations[0]!.devices.results!;
      expect(result!.shareID).toMatch(/^[0-9a-f-]{36}$/);
      return result!.consumedCapacity;
    };
    expect(share([...offers, asking()])).toEqual({ bandwidth: '1G' });
    expect(share([...offers, asking('1500M')])).toEqual({ bandwidth: '2G' });
    expect(share([...offers, taken('8G'), asking('2G')])).toEqual({ bandwidth: '2G' });
    expect(share([...offers, taken('9G'), asking('2G')])).toBe(none);
    expect(share([...offers, asking('9G')])).toBe(none);
    const unknown = claim('c', { requests: [exactly('r', { capacity: { requests: { colour: '1' } } })] });
    expect(share([...offers, unknown])).toBe(none);
  });
});

describe('extended resources that a class serves', () => {
  const offers = [
    deviceClass('gpu', { extendedResourceName: 'example.com/gpu' }),
    slice('s', { nodeName: 'a', devices: devicesNamed('x', 'y', 'z') }),
  ];
  const asking = (...counts: number[]) => ({
    containers: counts.map((count, i) => ({
      name: `c${i}`,
      resources: { requests: { cpu: '1', 'example.com/gpu': String(count) } },
    })),
  });

  it('are devices where the node has no such resource', () => {
    expect(given(offers, { user: pod('user', asking(2)) })).toEqual([
      'container-0-request-1=x',
      'container-0-request-1=y',
    ]);
    expect(given(offers, { user: pod('user', asking(2, 2)) })).toBe(none);
    const implicit = {
      containers: [{ name: 'c', resources: { requests: { 'deviceclass.resource.kubernetes.io/gpu': '1' } } }],
    };
    expect(given(offers, { user: pod('user', implicit) })).toEqual(['container-0-request-0=x']);
  });

  it('are the node’s own where it has them', () => {
    const own = node('own');
    (own.status.allocatable as Record<string, string>)['example.com/gpu'] = '1';
    expect(allocate(offers, { nodes: [own], user: pod('user', asking(1)) })).toEqual({
      nodeName: 'own',
      allocations: [],
    });
    expect(allocate(offers, { nodes: [own], user: pod('user', asking(2)) })).toContain(
      '1 Insufficient example.com/gpu',
    );
  });

  it('lack in the usual way without a class', () => {
    expect(allocate([], { user: pod('user', asking(1)) })).toBe(
      '0/1 nodes are available: 1 Insufficient example.com/gpu.',
    );
  });

  it('are shared by init containers and what runs after them', () => {
    const container = (name: string, count: number) => ({
      name,
      resources: { requests: { 'example.com/gpu': String(count) } },
    });
    const user = pod('user', {
      initContainers: [container('first', 1), container('second', 3)],
      containers: [container('main', 2)],
    });
    expect(given(offers, { user })).toEqual([
      'container-1-request-0=x',
      'container-2-request-0=y',
      'container-2-request-0=z',
    ]);
  });
});
