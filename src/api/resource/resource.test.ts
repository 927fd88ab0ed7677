import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import { ResourceClaim } from './resource-claim.ts';
import { ResourceSlice } from './resource-slice.ts';

describe('ResourceClaim', () => {
  const claim = (exactly: object) =>
    admitted(ResourceClaim, { spec: { devices: { requests: [{ name: 'r', exactly }] } } });

  it('asks for one device by default', () => {
    const object = claim({ deviceClassName: 'gpu' });
    expect(object.spec.devices.requests![0]!.exactly).toEqual({
      deviceClassName: 'gpu',
      allocationMode: 'ExactCount',
      count: 1,
    });
    expect(createProblems(ResourceClaim, object)).toEqual([]);
    expect(cells(ResourceClaim, object).State).toBe('pending');
  });

  it('is refused without a class, or with a number of all', () => {
    expect(createProblems(ResourceClaim, claim({ deviceClassName: '', allocationMode: 'All', count: 2 }))).toEqual([
      'spec.devices.requests[0].exactly.deviceClassName: Required value',
      "spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'",
    ]);
  });

  it('stays as it is, and shows who uses it', () => {
    const object = claim({ deviceClassName: 'gpu' });
    expect(
      updateProblems(ResourceClaim, object, (c) => {
        c.spec.devices.requests![0]!.name = 's';
      })[0],
    ).toMatch(/^spec: Invalid value: .*: field is immutable$/);
    object.status = { allocation: { devices: {} }, reservedFor: [{ resource: 'pods', name: 'p', uid: 'u' }] };
    expect(cells(ResourceClaim, object).State).toBe('allocated,reserved');
  });
});

describe('ResourceSlice', () => {
  const slice = (more: object) =>
    admitted(ResourceSlice, {
      spec: {
        driver: 'd.example.com',
        pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
        nodeName: 'n',
        ...more,
      },
    });

  it('is of one place and has each device once', () => {
    expect(createProblems(ResourceSlice, slice({}))).toEqual([]);
    const devices = [{ name: 'a' }, { name: 'a' }];
    expect(createProblems(ResourceSlice, slice({ allNodes: true, devices }))).toEqual([
      'spec: Invalid value: null: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
      'spec.devices[1].name: Duplicate value: "a"',
    ]);
  });

  it('notes when a taint came', () => {
    const devices = [{ name: 'a', taints: [{ key: 'k', effect: 'NoSchedule' }] }];
    expect(slice({ devices }).spec.devices![0]!.taints![0]!.timeAdded).toBe('2026-01-01T00:00:00Z');
  });
});
