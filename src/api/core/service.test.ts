import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import { Service } from './service.ts';

const port = { port: 80 };
/** A service as it is after allocation: with an address, if its type has one. */
const service = (spec: object = {}, metadata: object = {}) =>
  admitted(Service, { metadata, spec: { ports: [port], clusterIP: '10.0.0.1', ...spec } });

describe('Service defaults', () => {
  it('are those of a cluster IP', () => {
    expect(service().spec).toEqual({
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      clusterIP: '10.0.0.1',
      clusterIPs: ['10.0.0.1'],
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    });
  });

  it('depend on the type', () => {
    expect(service({ type: 'LoadBalancer' }).spec).toMatchObject({
      externalTrafficPolicy: 'Cluster',
      allocateLoadBalancerNodePorts: true,
    });
    expect(service({ type: 'ExternalName', externalName: 'a.example', clusterIP: '' }).spec).not.toHaveProperty(
      'internalTrafficPolicy',
    );
    expect(service({ sessionAffinity: 'ClientIP' }).spec.sessionAffinityConfig).toEqual({
      clientIP: { timeoutSeconds: 10800 },
    });
  });
});

describe('a service that is refused', () => {
  const dual = { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1', '10.0.0.2'] };
  it.each<[string, object, string[]]>([
    ['no ports', { ports: [] }, ['spec.ports: Required value']],
    [
      'two ports without names',
      { ports: [port, { port: 81 }] },
      ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
    ],
    [
      'one port twice',
      {
        ports: [
          { ...port, name: 'a' },
          { ...port, name: 'b' },
        ],
      },
      ['spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}'],
    ],
    [
      'port 0',
      { ports: [{ port: 0, targetPort: 1 }] },
      ['spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'],
    ],
    [
      'unknown type',
      { type: 'Magic' },
      [
        'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
      ],
    ],
    [
      'node port on a cluster IP',
      { ports: [{ ...port, nodePort: 30000 }] },
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    [
      'headless node port',
      { type: 'NodePort', clusterIP: 'None' },
      ['spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'],
    ],
    ['external name without name', { type: 'ExternalName', clusterIP: '' }, ['spec.externalName: Required value']],
    [
      'two addresses of one family',
      dual,
      ['spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family'],
    ],
    [
      'address that is none',
      { clusterIP: 'abc' },
      ['spec.clusterIPs[0]: Invalid value: "abc": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ],
    [
      'family that does not fit',
      { ipFamilies: ['IPv6'] },
      ['spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`'],
    ],
    [
      'loopback from outside',
      { externalIPs: ['127.0.0.1'] },
      ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ],
    [
      'affinity for too long',
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } } },
      [
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
      ],
    ],
    [
      'balancer fields on another type',
      { loadBalancerClass: 'a.b/c' },
      ["spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ],
    [
      'external policy inside',
      { externalTrafficPolicy: 'Local' },
      ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ],
    [
      'source range that is none',
      { type: 'LoadBalancer', loadBalancerSourceRanges: ['1.2.3.4'] },
      [
        'spec.LoadBalancerSourceRanges[0]: Invalid value: "1.2.3.4": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      ],
    ],
  ])('%s', (_, spec, problems) => {
    expect(createProblems(Service, service(spec))).toEqual(problems);
  });

  it('names are DNS labels', () => {
    expect(Service.validateName!('1a', false)).toEqual([]);
    expect(Service.validateName!('a.b', false)).toHaveLength(1);
    expect(Service.validateName!('a-', true)).toEqual([]);
  });
});

describe('an update of a service', () => {
  it('keeps the cluster IP', () => {
    expect(
      updateProblems(Service, service(), (s) => {
        s.spec.clusterIP = '10.0.0.2';
      }),
    ).toEqual(['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set']);
  });

  it('that leaves out what was allocated keeps it', () => {
    const old = service({ type: 'NodePort', ports: [{ ...port, nodePort: 30080 }] });
    const object = structuredClone(old);
    delete object.spec.clusterIP;
    delete object.spec.clusterIPs;
    delete object.spec.ports![0]!.nodePort;
    Service.prepareUpdate!(object, old as never, { now: 0 });
    expect(object.spec).toEqual(old.spec);
  });

  it('may change the type alone: what the new type cannot have goes', () => {
    const old = service({ type: 'NodePort', ports: [{ ...port, nodePort: 30080 }] });
    expect(
      updateProblems(Service, old, (s) => {
        s.spec.type = 'ClusterIP';
      }),
    ).toEqual([]);
    expect(
      updateProblems(Service, old, (s) => {
        s.spec.type = 'ExternalName';
        s.spec.externalName = 'a.example';
      }),
    ).toEqual([]);
  });

  it('keeps the class of a load balancer', () => {
    expect(
      updateProblems(Service, service({ type: 'LoadBalancer' }), (s) => {
        s.spec.loadBalancerClass = 'a.b/c';
      }),
    ).toEqual(['spec.loadBalancerClass: Invalid value: "a.b/c": may not change once set']);
  });
});

describe('Service columns', () => {
  it.each<[object, object, string, string]>([
    [{}, {}, '<none>', '80/TCP'],
    [{ type: 'NodePort', ports: [{ ...port, nodePort: 30080 }] }, {}, '<none>', '80:30080/TCP'],
    [{ type: 'LoadBalancer' }, {}, '<pending>', '80/TCP'],
    [
      { type: 'LoadBalancer' },
      { loadBalancer: { ingress: [{ hostname: 'b' }, { ip: '1.2.3.4' }] } },
      '1.2.3.4,b',
      '80/TCP',
    ],
    [{ type: 'ExternalName', externalName: 'a.example', clusterIP: '', ports: [] }, {}, 'a.example', '<none>'],
  ])('%j %j', (spec, status, external, ports) => {
    const object = service(spec);
    object.status = { loadBalancer: {}, ...status };
    expect(cells(Service, object)).toMatchObject({ 'External-IP': external, 'Port(s)': ports, Selector: '<none>' });
  });
});
