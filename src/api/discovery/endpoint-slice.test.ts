import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import { EndpointSlice } from './endpoint-slice.ts';

const slice = (more: object = {}) =>
  admitted(EndpointSlice, {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'] }],
    ports: [{ port: 80 }],
    ...more,
  });

describe('EndpointSlice', () => {
  it('names its ports', () => expect(slice().ports).toEqual([{ name: '', protocol: 'TCP', port: 80 }]));

  it.each<[string, object, string[]]>([
    ['fine', {}, []],
    [
      'unknown type',
      { addressType: 'Phone', endpoints: [] },
      ['addressType: Unsupported value: "Phone": supported values: "FQDN", "IPv4", "IPv6"'],
    ],
    [
      'address of another family',
      { endpoints: [{ addresses: ['2001:db8::1'] }] },
      ['endpoints[0].addresses[0]: Invalid value: "2001:db8::1": must be a valid IPv4 address'],
    ],
    [
      'no address',
      { endpoints: [{ addresses: [] }] },
      ['endpoints[0].addresses: Required value: must contain at least 1 address'],
    ],
    [
      'unspecified address',
      { endpoints: [{ addresses: ['0.0.0.0'] }] },
      ['endpoints[0].addresses[0]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)'],
    ],
    ['one name twice', { ports: [{ port: 1 }, { port: 2 }] }, ['ports[1].name: Duplicate value: ""']],
    [
      'too many',
      { endpoints: Array.from({ length: 1001 }, () => ({ addresses: ['10.0.0.1'] })) },
      ['endpoints: Too many: 1001: must have at most 1000 items'],
    ],
  ])('%s', (_, more, problems) => {
    expect(createProblems(EndpointSlice, slice(more))).toEqual(problems);
  });

  it('keeps its type of address and shows three of each', () => {
    expect(
      updateProblems(EndpointSlice, slice({ endpoints: [] }), (s) => {
        s.addressType = 'IPv6';
      }),
    ).toEqual(['addressType: Invalid value: "IPv6": field is immutable']);
    const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
    expect(cells(EndpointSlice, slice({ endpoints: [{ addresses }] }))).toMatchObject({
      Ports: '80',
      Endpoints: '10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...',
    });
    expect(cells(EndpointSlice, slice({ endpoints: [], ports: [] }))).toMatchObject({
      Ports: '<unset>',
      Endpoints: '<unset>',
    });
  });
});
