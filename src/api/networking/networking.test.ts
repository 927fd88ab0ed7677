import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import type { Shared } from '../kind.ts';
import { Ingress } from './ingress.ts';
import { IngressClass } from './ingress-class.ts';
import { IPAddress } from './ip-address.ts';
import { NetworkPolicy } from './network-policy.ts';
import { ServiceCIDR } from './service-cidr.ts';

const service = { service: { name: 's', port: { number: 80 } } };
const rule = (path: object, host = 'a.example') => ({
  host,
  http: { paths: [{ pathType: 'Prefix', path: '/', backend: service, ...path }] },
});
const ingress = (spec: object) => admitted(Ingress, { spec });
const first = 'spec.rules[0].http.paths[0]';

describe('Ingress', () => {
  it.each<[string, object, string[]]>([
    ['fine', { rules: [rule({})] }, []],
    ['nothing to route', {}, ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified']],
    [
      'address as host',
      { rules: [rule({}, '1.2.3.4')] },
      ['spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'],
    ],
    [
      'no path type',
      { rules: [{ http: { paths: [{ backend: service }] } }] },
      [`${first}.pathType: Required value: pathType must be specified`],
    ],
    [
      'relative path',
      { rules: [rule({ path: 'a' })] },
      [`${first}.path: Invalid value: "a": must be an absolute path`],
    ],
    [
      'double slash',
      { rules: [rule({ path: '/a//b' })] },
      [`${first}.path: Invalid value: "/a//b": must not contain '//'`],
    ],
    [
      'no backend',
      { rules: [rule({ backend: {} })] },
      [`${first}.backend: Invalid value: "": resource or service backend is required`],
    ],
    [
      'no port',
      { rules: [rule({ backend: { service: { name: 's', port: {} } } })] },
      [`${first}.backend: Required value: port name or number is required`],
    ],
    [
      'two backends',
      { defaultBackend: { ...service, resource: { kind: 'K', name: 'n' } } },
      ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
    ],
    [
      'unknown path type',
      { rules: [rule({ pathType: 'Regex' })] },
      [`${first}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`],
    ],
  ])('%s', (_, spec, problems) => {
    expect(createProblems(Ingress, ingress(spec))).toEqual(problems);
  });

  it('names its class once', () => {
    const metadata = { annotations: { 'kubernetes.io/ingress.class': 'b' } };
    const object = admitted(Ingress, { metadata, spec: { ingressClassName: 'a', rules: [rule({})] } });
    expect(createProblems(Ingress, object)).toEqual([
      'annotations.kubernetes.io/ingress.class: Invalid value: "b": must match `ingressClassName` when both are specified',
    ]);
    expect(Ingress.warnings!(object as Shared<Ingress>)).toEqual([
      'annotation "kubernetes.io/ingress.class" is deprecated, please use \'spec.ingressClassName\' instead',
    ]);
  });

  it('shows hosts, addresses and ports', () => {
    const rules = ['a', 'b', 'c', 'd'].map((name) => rule({}, `${name}.example`));
    const object = ingress({ ingressClassName: 'n', rules, tls: [{ hosts: ['a.example'] }] });
    object.status.loadBalancer = { ingress: [{ ip: '1.2.3.4' }] };
    expect(cells(Ingress, object)).toMatchObject({
      Class: 'n',
      Hosts: 'a.example,b.example,c.example + 1 more...',
      Address: '1.2.3.4',
      Ports: '80, 443',
    });
    expect(cells(Ingress, ingress({ defaultBackend: service }))).toMatchObject({
      Class: '<none>',
      Hosts: '*',
      Ports: '80',
    });
  });
});

describe('IngressClass', () => {
  it('keeps its controller and says where its parameters are', () => {
    const object = admitted(IngressClass, {
      spec: { controller: 'example.com/c', parameters: { apiGroup: 'a.example', kind: 'K', name: 'n' } },
    });
    expect(object.spec.parameters!.scope).toBe('Cluster');
    expect(createProblems(IngressClass, object)).toEqual([]);
    expect(cells(IngressClass, object)).toMatchObject({ Name: 'x', Parameters: 'K.a.example/n' });
    object.metadata.annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' };
    expect(cells(IngressClass, object).Name).toBe('x (default)');
    expect(
      updateProblems(IngressClass, object, (c) => {
        c.spec.controller = 'example.com/d';
      }),
    ).toEqual(['spec.controller: Invalid value: "example.com/d": field is immutable']);
  });
});

describe('NetworkPolicy', () => {
  const policy = (spec: object) => admitted(NetworkPolicy, { spec: { podSelector: {}, ...spec } });

  it('applies to egress only when it says something of it', () => {
    expect(policy({}).spec.policyTypes).toEqual(['Ingress']);
    expect(policy({ egress: [{ ports: [{ port: 53 }] }] }).spec).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      egress: [{ ports: [{ port: 53, protocol: 'TCP' }] }],
    });
  });

  const from = (peer: object) => ({ ingress: [{ from: [peer] }] });
  const ports = (port: object) => ({ ingress: [{ ports: [port] }] });
  it.each<[string, object, string[]]>([
    ['peer that is nobody', from({}), ['spec.ingress[0].from[0]: Required value: must specify a peer']],
    [
      'peer that is two things',
      from({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }),
      ['spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer'],
    ],
    [
      'exception from outside',
      from({ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }),
      ['spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`'],
    ],
    [
      'exception of everything',
      from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] } }),
      ['spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`'],
    ],
    [
      'range that ends before it begins',
      ports({ port: 80, endPort: 79 }),
      ['spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`'],
    ],
    [
      'range from a name',
      ports({ port: 'http', endPort: 90 }),
      ['spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is non-numeric'],
    ],
    ['fine', from({ ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] } }), []],
  ])('%s', (_, spec, problems) => {
    expect(createProblems(NetworkPolicy, policy(spec))).toEqual(problems);
  });
});

describe('addresses of services', () => {
  it('are named by their canonical form', () => {
    expect(IPAddress.validateName!('10.0.0.1', false)).toEqual([]);
    expect(IPAddress.validateName!('2001:db8::1', false)).toEqual([]);
    expect(IPAddress.validateName!('2001:db8:0::1', false)).toEqual(['must be in canonical form ("2001:db8::1")']);
    expect(IPAddress.validateName!('a', false)).toEqual(['must be a valid IP address']);
  });

  it('come from one range for each family', () => {
    const range = admitted(ServiceCIDR, { spec: { cidrs: ['10.0.0.0/16'] } });
    expect(createProblems(ServiceCIDR, range)).toEqual([]);
    const long = admitted(ServiceCIDR, { spec: { cidrs: ['2001:DB8:0::/112'] } });
    expect(createProblems(ServiceCIDR, long)).toEqual([
      'spec.cidrs[0]: Invalid value: "2001:DB8:0::/112": must be in canonical form ("2001:db8::/112")',
    ]);
    expect(
      updateProblems(ServiceCIDR, range, (r) => {
        r.spec.cidrs!.push('2001:db8::/64');
      }),
    ).toEqual([]);
    expect(
      updateProblems(ServiceCIDR, range, (r) => {
        r.spec.cidrs = ['10.1.0.0/16'];
      }),
    ).toEqual(['spec.cidrs: Forbidden: field is immutable']);
  });
});
