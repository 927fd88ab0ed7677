/** Devices for pods: which devices a node gives a claim, and why it gives none. */
import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Device, ResourceClaim } from '../../api/types/resource-v1.ts';
import type { DeepPartial } from '../../base/deep.ts';
import { node, pod, world } from '../test-world.ts';
import {
  allocate,
  claim,
  deviceClass,
  devicesNamed,
  driver,
  exactly,
  given,
  none,
  slice,
  using,
} from './test-devices.ts';

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
