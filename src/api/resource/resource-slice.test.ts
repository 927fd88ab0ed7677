import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import { ResourceSlice } from './resource-slice.ts';

const slice = (more: object) =>
  admitted(ResourceSlice, {
    spec: {
      driver: 'd.example.com',
      pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
      nodeName: 'n',
      ...more,
    },
  });
const problems = (more: object) => createProblems(ResourceSlice, slice(more));
const deviceProblems = (device: object, more: object = {}) =>
  problems({ devices: [{ name: 'a', ...device }], ...more });

describe('ResourceSlice', () => {
  const oneOf = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  const term = { matchExpressions: [{ key: 'zone', operator: 'Exists' }] };
  const elaborate = Array.from({ length: 65 }, (_, i) => ({ name: `d${i}` }));
  it.each<[string, object, string[]]>([
    ['a node', {}, []],
    ['no node', { nodeName: undefined }, [`spec: Required value: ${oneOf}`]],
    [
      'a node and all nodes',
      { allNodes: true },
      [`spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${oneOf}, but multiple fields are set`],
    ],
    [
      'not all nodes',
      { allNodes: false },
      ['spec.allNodes: Invalid value: false: must be either unset or set to true'],
    ],
    [
      'two terms',
      { nodeName: undefined, nodeSelector: { nodeSelectorTerms: [term, term] } },
      [
        'spec.nodeSelector.nodeSelectorTerms: Invalid value: [{"matchExpressions":[{"key":"zone","operator":"Exists"}]},{"matchExpressions":[{"key":"zone","operator":"Exists"}]}]: must have exactly one node selector term',
      ],
    ],
    [
      'an impossible pool',
      { pool: { name: 'p', generation: -1, resourceSliceCount: 0 } },
      [
        'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
        'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero',
      ],
    ],
    [
      'a pool without a name',
      { pool: { name: '', generation: 1, resourceSliceCount: 1 } },
      ['spec.pool.name: Required value'],
    ],
    ['a device twice', { devices: [{ name: 'a' }, { name: 'a' }] }, ['spec.devices[1]: Duplicate value: "a"']],
    [
      'more than 128 devices',
      { devices: Array.from({ length: 129 }, (_, i) => ({ name: `d${i}` })) },
      ['spec.devices: Too many: 129: must have at most 128 items'],
    ],
    ['65 plain devices', { devices: elaborate }, []],
    [
      '65 devices, one of them with a taint',
      { devices: elaborate.map((d, i) => (i ? d : { ...d, taints: [{ key: 'k', effect: 'NoSchedule' }] })) },
      ['spec.devices: Too many: 65: must have at most 64 items'],
    ],
    [
      'devices and counters',
      { devices: [{ name: 'a' }], sharedCounters: [{ name: 'c', counters: { memory: { value: '1Gi' } } }] },
      ['spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed'],
    ],
    [
      'counters without a name, and without an amount',
      { sharedCounters: [{ name: '', counters: { memory: { value: '1Gi' } } }, { name: 'c' }] },
      ['spec.sharedCounters[0].name: Required value', 'spec.sharedCounters[1].counters: Required value'],
    ],
    [
      'more than eight sets of counters',
      { sharedCounters: Array.from({ length: 9 }, (_, i) => ({ name: `c${i}`, counters: { m: { value: '1' } } })) },
      ['spec.sharedCounters: Too many: 9: must have at most 8 items'],
    ],
  ])('of %s', (_what, more, expected) => {
    expect(problems(more)).toEqual(expected);
  });

  const device = 'spec.devices[0]';
  const named = (count: number, value: object) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, value]));
  it.each<[string, object, string[]]>([
    ['one value an attribute', { attributes: { a: { int: 1 }, 'x.example.com/b': { version: '1.2.3-rc.1+5' } } }, []],
    [
      'two values, and none',
      { attributes: { a: { int: 1, bool: true }, b: {} } },
      [
        `${device}.attributes[a]: Invalid value: {"int":1,"bool":true}: exactly one value must be specified`,
        `${device}.attributes[b]: Invalid value: "": exactly one value must be specified`,
      ],
    ],
    [
      'a version that is none',
      { attributes: { a: { version: '1.2' } } },
      [`${device}.attributes[a].version: Invalid value: "1.2": must be a string compatible with semver.org spec 2.0.0`],
    ],
    [
      'a long value',
      { attributes: { a: { string: 'x'.repeat(65) } } },
      [`${device}.attributes[a].string: Too long: may not be more than 64 bytes`],
    ],
    [
      'attributes with bad names',
      { attributes: { '/a': { int: 1 }, 'd.example.com/': { int: 1 }, 'a/b/c': { int: 1 } } },
      [
        `${device}.attributes: Invalid value: "": the domain must not be empty`,
        `${device}.attributes: Invalid value: "": the name must not be empty`,
        `${device}.attributes: Invalid value: "a/b/c": must not contain more than one slash`,
      ],
    ],
    [
      'too many attributes and capacities',
      { attributes: named(17, { int: 1 }), capacity: named(16, { value: '1' }) },
      [`${device}: Invalid value: 33: the total number of attributes and capacities must not exceed 32`],
    ],
    [
      'a policy though it is not shared',
      { capacity: { memory: { value: '8Gi', requestPolicy: { default: '1Gi' } } } },
      [`${device}.capacity[memory].requestPolicy: Forbidden: allowMultipleAllocations must be true`],
    ],
    ['a taint without an effect', { taints: [{ key: 'k' }] }, [`${device}.taints[0].effect: Required value`]],
    [
      'too many taints',
      { taints: Array.from({ length: 17 }, (_, i) => ({ key: `k${i}`, effect: 'None' })) },
      [`${device}.taints: Too many: 17: must have at most 16 items`],
    ],
    [
      'counters without amounts',
      { consumesCounters: [{ counterSet: 'c', counters: {} }] },
      [`${device}.consumesCounters[0].counters: Required value`],
    ],
    [
      'too many sets of counters',
      { consumesCounters: ['a', 'b', 'c'].map((counterSet) => ({ counterSet, counters: { m: { value: '1' } } })) },
      [`${device}.consumesCounters: Too many: 3: must have at most 2 items`],
    ],
    [
      'a node though its slice has one',
      { nodeName: 'other' },
      [
        `${device}: Invalid value: null: \`nodeName\`, \`nodeSelector\` and \`allNodes\` can only be set if \`perDeviceNodeSelection\` is set to true in the ResourceSlice spec`,
      ],
    ],
    [
      'conditions to wait for, but none to give up for',
      { bindingConditions: ['d.example.com/ready'] },
      [
        `${device}.bindingFailureConditions: Invalid value: []: bindingFailureConditions are required to use bindingConditions`,
      ],
    ],
    [
      'a condition that is both',
      { bindingConditions: ['a', 'a'], bindingFailureConditions: ['a'] },
      [
        `${device}.bindingConditions[1]: Duplicate value: "a"`,
        `${device}.bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions`,
      ],
    ],
  ])('with a device with %s', (_what, more, expected) => {
    expect(deviceProblems(more)).toEqual(expected);
  });

  it('leaves the nodes to its devices', () => {
    const more = { nodeName: undefined, perDeviceNodeSelection: true };
    const required =
      'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    expect(deviceProblems({ allNodes: true }, more)).toEqual([]);
    expect(deviceProblems({}, more)).toEqual([`${device}: Required value: ${required}`]);
    expect(deviceProblems({ allNodes: true, nodeName: 'n' }, more)).toEqual([
      `${device}: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${required}`,
    ]);
  });

  const policyPath = `${device}.capacity[memory].requestPolicy`;
  it.each<[string, object, string[]]>([
    ['values', { default: '1Gi', validValues: ['1Gi', '2Gi'] }, []],
    ['a range', { default: '1Gi', validRange: { min: '1Gi', max: '4Gi', step: '1Gi' } }, []],
    [
      'values and a range',
      { default: '1Gi', validValues: ['1Gi'], validRange: { min: '1Gi' } },
      [
        `${policyPath}: Forbidden: exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time`,
      ],
    ],
    [
      'no default',
      { validValues: ['1Gi'] },
      [`${policyPath}.default: Required value: required when validValues is defined`],
    ],
    [
      'values in disorder, twice, too large, without the default',
      { default: '3Gi', validValues: ['2Gi', '1Gi', '1Gi', '9Gi'] },
      [
        `${policyPath}.validValues[1]: Invalid value: "1Gi": values must be sorted in ascending order`,
        `${policyPath}.validValues[3]: Invalid value: "9Gi": option is larger than capacity value: 8Gi`,
        `${policyPath}.validValues[2]: Duplicate value: "1073741824"`,
        `${policyPath}.validValues: Invalid value: "3Gi": default value is not valid according to the requestPolicy`,
      ],
    ],
    [
      'a range beyond the capacity',
      { default: '1Gi', validRange: { min: '2Gi', max: '9Gi' } },
      [
        `${policyPath}.validRange.default: Invalid value: "1Gi": default is less than min: 2Gi`,
        `${policyPath}.validRange.max: Invalid value: "9Gi": max is larger than capacity value: 8Gi`,
      ],
    ],
    [
      'steps that miss the end',
      { default: '1Gi', validRange: { min: '1Gi', max: '4Gi', step: '2Gi' } },
      [`${policyPath}.validRange.step: Invalid value: "4Gi": value is not a multiple of a given step (2Gi) from (1Gi)`],
    ],
    [
      'no step',
      { default: '1Gi', validRange: { min: '1Gi', step: '0' } },
      [`${policyPath}.validRange.step: Invalid value: "0": must be greater than zero`],
    ],
  ])('with a shared capacity in %s', (_what, requestPolicy, expected) => {
    const capacity = { memory: { value: '8Gi', requestPolicy } };
    expect(deviceProblems({ allowMultipleAllocations: true, capacity })).toEqual(expected);
  });

  it('keeps its driver, pool and node; old taints and capacities are not looked at again', () => {
    const old = slice({ devices: [{ name: 'a', taints: [{ key: 'k', effect: 'FromTheFuture' }] }] });
    expect(
      updateProblems(ResourceSlice, old, (s) => {
        s.spec.pool.generation = 2;
      }),
    ).toEqual([]);
    expect(
      updateProblems(ResourceSlice, old, (s) => {
        s.spec.devices![0]!.taints![0]!.key = 'l';
      }),
    ).toHaveLength(1);
    expect(
      updateProblems(ResourceSlice, slice({}), (s) => {
        s.spec.driver = 'e.example.com';
        s.spec.pool.name = 'q';
        s.spec.nodeName = 'm';
      }),
    ).toEqual([
      'spec.pool.name: Invalid value: "q": field is immutable',
      'spec.driver: Invalid value: "e.example.com": field is immutable',
      'spec.nodeName: Invalid value: "m": field is immutable',
    ]);
  });

  it('drops what only alpha features have', () => {
    const attributes = { a: { int: 1, strings: ['x'] } };
    const [kept] = slice({ devices: [{ name: 'a', attributes, nodeAllocatableResourceMappings: { cpu: {} } }] }).spec
      .devices!;
    expect(kept).toEqual({ name: 'a', attributes: { a: { int: 1 } } });
  });

  it('notes when a taint came', () => {
    const devices = [{ name: 'a', taints: [{ key: 'k', effect: 'NoSchedule' }] }];
    expect(slice({ devices }).spec.devices![0]!.taints![0]!.timeAdded).toBe('2026-01-01T00:00:00Z');
    expect(cells(ResourceSlice, slice({ devices }))).toMatchObject({ Node: 'n', Driver: 'd.example.com', Pool: 'p' });
  });
});
