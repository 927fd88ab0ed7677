/** Who else may have a device, or a part of it: other claims, administrators, pods of other nodes, extended resources. */
import { describe, expect, it } from 'vitest';
import type { Device } from '../../api/types/resource-v1.ts';
import { node, pod } from '../test-world.ts';
import { allocate, claim, deviceClass, devicesNamed, driver, exactly, given, none, slice } from './test-devices.ts';

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
