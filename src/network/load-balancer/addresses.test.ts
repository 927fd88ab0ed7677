import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Node, Service } from '../../api/types/core-v1.ts';
import { type AssignmentInput, assignAddresses, wantsAddress } from './addresses.ts';

const service = (name: string, spec: object = {}, more: { addresses?: string[]; created?: string } = {}) =>
  ({
    metadata: { namespace: 'default', name, uid: name, creationTimestamp: more.created ?? '2026-01-01T00:00:00Z' },
    spec: { type: 'LoadBalancer', ipFamilies: ['IPv4'], ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    status: { loadBalancer: { ingress: more.addresses?.map((ip) => ({ ip })) } },
  }) as unknown as Shared<Service>;
const node = (name: string, address: string, more: { ready?: string; labels?: object; external?: string } = {}) =>
  ({
    metadata: { name, labels: more.labels ?? {} },
    status: {
      conditions: [{ type: 'Ready', status: more.ready ?? 'True' }],
      addresses: [
        { type: 'InternalIP', address },
        ...(more.external ? [{ type: 'ExternalIP', address: more.external }] : []),
      ],
    },
  }) as unknown as Shared<Node>;
const assign = (input: Partial<AssignmentInput> & { service: Shared<Service> }) =>
  assignAddresses({
    services: [],
    nodes: [node('a', '192.0.2.1'), node('b', '192.0.2.2')],
    endpointNodes: new Set(),
    reservedPorts: [6443],
    ...input,
  });

describe('addresses of the nodes', () => {
  it('are those of nodes that are ready and not excluded', () => {
    const nodes = [
      node('a', '192.0.2.2'),
      node('b', '192.0.2.1', { external: '198.51.100.1' }),
      node('c', '192.0.2.3', { ready: 'Unknown' }),
      node('d', '192.0.2.4', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }),
      node('e', 'fd00::5'),
    ];
    expect(assign({ service: service('x'), nodes })).toEqual({ addresses: ['192.0.2.2', '198.51.100.1'] });
    expect(assign({ service: service('x', { ipFamilies: ['IPv6'] }), nodes })).toEqual({ addresses: ['fd00::5'] });
  });

  it('under policy Local are those of nodes with endpoints', () => {
    const local = service('x', { externalTrafficPolicy: 'Local' });
    expect(assign({ service: local, endpointNodes: new Set(['b']) })).toEqual({ addresses: ['192.0.2.2'] });
    expect(assign({ service: local })).toEqual({ addresses: [] });
  });

  it('are not given to a second service with the same port', () => {
    const first = service('first', {}, { created: '2026-01-01T00:00:00Z' });
    const second = service('second', {}, { created: '2026-01-02T00:00:00Z' });
    const services = [first, second];
    expect(assign({ service: first, services })).toHaveProperty('addresses');
    expect(assign({ service: second, services })).toEqual({ problem: expect.stringContaining('80/TCP') });
    expect(assign({ service: service('udp', { ports: [{ port: 80, protocol: 'UDP' }] }), services })).toHaveProperty(
      'addresses',
    );
    const holder = service('second', {}, { created: '2026-01-02T00:00:00Z', addresses: ['192.0.2.1'] });
    expect(assign({ service: first, services: [first, holder] })).toHaveProperty('problem');
  });

  it('keep the ports that the nodes need', () => {
    expect(assign({ service: service('x', { ports: [{ port: 6443 }] }) })).toHaveProperty('problem');
  });
});

describe('addresses of a pool', () => {
  const pool = '203.0.113.0/30';
  it('are given out one by one and kept', () => {
    expect(assign({ service: service('x'), pool })).toEqual({ addresses: ['203.0.113.1'] });
    const other = service('other', {}, { addresses: ['203.0.113.1'] });
    expect(assign({ service: service('x'), services: [other], pool })).toEqual({ addresses: ['203.0.113.2'] });
    expect(assign({ service: service('x', {}, { addresses: ['203.0.113.2'] }), pool })).toEqual({
      addresses: ['203.0.113.2'],
    });
  });

  it('end, with a message that says what to do', () => {
    const services = [
      service('a', {}, { addresses: ['203.0.113.1'] }),
      service('b', {}, { addresses: ['203.0.113.2'] }),
    ];
    expect(assign({ service: service('x'), services, pool })).toEqual({ problem: expect.stringContaining('enlarge') });
  });

  it('can be asked for', () => {
    const wanted = (loadBalancerIP: string, services: Shared<Service>[] = []) =>
      assign({ service: service('x', { loadBalancerIP }), services, pool });
    expect(wanted('203.0.113.2')).toEqual({ addresses: ['203.0.113.2'] });
    expect(wanted('192.0.2.9')).toHaveProperty('problem');
    expect(wanted('203.0.113.2', [service('o', {}, { addresses: ['203.0.113.2'] })])).toHaveProperty('problem');
    expect(assign({ service: service('x'), pool: 'nonsense' })).toHaveProperty('problem');
  });
});

it('services of other classes are left to others', () => {
  expect(wantsAddress(service('x'))).toBe(true);
  expect(wantsAddress(service('x', { loadBalancerClass: 'timonel.dev/node' }))).toBe(true);
  expect(wantsAddress(service('x', { loadBalancerClass: 'example.com/other' }))).toBe(false);
  expect(wantsAddress(service('x', { type: 'NodePort' }))).toBe(false);
});
