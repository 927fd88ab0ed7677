import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import type { Shared } from '../kind.ts';
import { fieldErrorMessage } from '../machinery/field-error.ts';
import { ConfigMap } from './config-map.ts';
import { Endpoints } from './endpoints.ts';
import { Event } from './event.ts';
import { LimitRange } from './limit-range.ts';
import { Namespace } from './namespace.ts';
import { Node } from './node.ts';
import { PersistentVolume } from './persistent-volume.ts';
import { PersistentVolumeClaim } from './persistent-volume-claim.ts';
import { ReplicationController } from './replication-controller.ts';
import { ResourceQuota } from './resource-quota.ts';
import { Secret } from './secret.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('ConfigMap', () => {
  it('has keys that can be file names, each once', () => {
    const map = admitted(ConfigMap, { data: { 'a/b': '1', c: '2' }, binaryData: { c: base64('3') } });
    expect(createProblems(ConfigMap, map)).toEqual([
      `data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
      'data[c]: Invalid value: "c": duplicate of key present in binaryData',
    ]);
  });

  it('is at most 1 MiB', () => {
    expect(createProblems(ConfigMap, admitted(ConfigMap, { data: { a: 'x'.repeat(1024 * 1024) } }))).toEqual([]);
    expect(
      createProblems(ConfigMap, admitted(ConfigMap, { data: { a: 'x'.repeat(1024 * 1024), b: 'y' } })),
    ).toHaveLength(1);
  });

  it('that is immutable stays so', () => {
    const map = admitted(ConfigMap, { immutable: true, data: { a: '1' } });
    expect(
      updateProblems(ConfigMap, map, (m) => {
        m.data = { a: '2' };
      }),
    ).toEqual(['data: Forbidden: field is immutable when `immutable` is set']);
    expect(
      updateProblems(ConfigMap, map, (m) => {
        m.immutable = false;
      }),
    ).toEqual(['immutable: Forbidden: field is immutable when `immutable` is set']);
  });
});

describe('Secret', () => {
  it('stores stringData as data', () => {
    const secret = admitted(Secret, { data: { a: base64('1') }, stringData: { a: '2', b: '3' } });
    expect(secret).toMatchObject({ type: 'Opaque', data: { a: base64('2'), b: base64('3') } });
    expect(secret).not.toHaveProperty('stringData');
    expect(cells(Secret, secret)).toMatchObject({ Type: 'Opaque', Data: 2 });
  });

  it.each<[string, object, string[]]>([
    ['kubernetes.io/tls', {}, ['data[tls.crt]: Required value', 'data[tls.key]: Required value']],
    ['kubernetes.io/basic-auth', {}, ['data[username]: Required value', 'data[password]: Required value']],
    ['kubernetes.io/basic-auth', { username: base64('u') }, []],
    ['kubernetes.io/ssh-auth', {}, ['data[ssh-privatekey]: Required value']],
    ['kubernetes.io/dockerconfigjson', {}, ['data[.dockerconfigjson]: Required value']],
    ['kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64('{}') }, []],
    [
      'kubernetes.io/service-account-token',
      {},
      ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
    ],
    ['example.com/mine', {}, []],
  ])('type %s with %j', (type, data, problems) => {
    expect(createProblems(Secret, admitted(Secret, { type, data }))).toEqual(problems);
  });

  it('does not show what a broken registry secret contains', () => {
    const data = { '.dockercfg': base64('hunter2') };
    expect(createProblems(Secret, admitted(Secret, { type: 'kubernetes.io/dockercfg', data })).join()).not.toContain(
      'hunter2',
    );
  });

  it('keeps its type', () => {
    expect(
      updateProblems(Secret, admitted(Secret, {}), (s) => {
        s.type = 'other';
      }),
    ).toEqual(['type: Invalid value: "other": field is immutable']);
  });
});

describe('Namespace', () => {
  it('gets its finalizer and the label of its name', () => {
    expect(admitted(Namespace, { metadata: { name: 'team' } })).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': 'team' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  });

  it('keeps its finalizers in ordinary updates', () => {
    const old = admitted(Namespace, {});
    const object = structuredClone(old);
    delete object.spec.finalizers;
    Namespace.prepareUpdate!(object, old as Shared<Namespace>, { now: 0 });
    expect(object.spec.finalizers).toEqual(['kubernetes']);
  });
});

describe('Node', () => {
  it('shows readiness, roles and addresses', () => {
    const node = admitted(Node, {
      metadata: { labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/control-plane': '' } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      },
    });
    expect(cells(Node, node)).toMatchObject({
      Status: 'Ready,SchedulingDisabled',
      Roles: 'control-plane,worker',
      'Internal-IP': '10.0.0.1',
      'External-IP': '<none>',
    });
  });

  it('keeps podCIDR and podCIDRs equal, and both once set', () => {
    const node = admitted(Node, { spec: { podCIDR: '10.1.0.0/24' } });
    expect(node.spec.podCIDRs).toEqual(['10.1.0.0/24']);
    expect(
      updateProblems(Node, node, (n) => {
        n.spec.podCIDRs = ['10.2.0.0/24'];
      }),
    ).toEqual(['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid']);
  });

  it('has each taint once', () => {
    const taint = { key: 'a', effect: 'NoSchedule' };
    expect(createProblems(Node, admitted(Node, { spec: { taints: [taint, taint] } }))).toEqual([
      'metadata.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}: taints must be unique by key and effect pair',
    ]);
  });
});

describe('Node updates', () => {
  it.each<[string, object, string[]]>([
    ['taints', { taints: [{ key: 'a', effect: 'NoSchedule' }] }, []],
    ['the first range', { podCIDRs: ['10.0.0.0/24'] }, []],
    ['another provider', { providerID: 'p2' }, ['spec.providerID']],
    ['an external id', { externalID: 'e' }, ['spec.externalID']],
  ])('%s', (_, more, paths) => {
    const node = admitted(Node, { spec: { providerID: 'p1' } });
    const problems = updateProblems(Node, node, (n) => {
      Object.assign(n.spec, more);
    });
    expect(problems.map((problem) => problem.split(':')[0])).toEqual(paths);
  });
});

describe('LimitRange', () => {
  it('fills default limits and requests of containers', () => {
    const range = admitted(LimitRange, {
      spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] },
    });
    expect(range.spec.limits[0]).toMatchObject({ default: { cpu: '2' }, defaultRequest: { cpu: '2', memory: '1Mi' } });
  });

  it('is refused when its bounds contradict each other', () => {
    const limits = [{ type: 'Container', max: { cpu: '1' }, min: { cpu: '2' }, default: { cpu: '1' } }];
    expect(createProblems(LimitRange, admitted(LimitRange, { spec: { limits } }))).toContain(
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    );
    const above = [{ type: 'Container', max: { cpu: '1' }, default: { cpu: '2' }, defaultRequest: { cpu: '1' } }];
    expect(createProblems(LimitRange, admitted(LimitRange, { spec: { limits: above } }))).toEqual([
      'spec.limits[0].default[cpu]: Invalid value: "1": default value 2 is greater than max value 1',
    ]);
  });
});

describe('ResourceQuota', () => {
  it('shows use by limits and requests', () => {
    const quota = admitted(ResourceQuota, {});
    quota.status = { hard: { 'limits.cpu': '2', pods: '10' }, used: { pods: '3' } };
    expect(cells(ResourceQuota, quota)).toMatchObject({ Request: 'pods: 3/10', Limit: 'limits.cpu: 0/2' });
  });

  it.each<[string, object, string[]]>([
    ['counts of other groups', { hard: { 'count/deployments.apps': '1' } }, []],
    [
      'unknown resource',
      { hard: { disk: '1' } },
      [
        'spec.hard[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
        'spec.hard[disk]: Invalid value: "disk": must be a standard resource for quota',
      ],
    ],
    ['fraction of a pod', { hard: { pods: '500m' } }, ['spec.hard[pods]: Invalid value: "500m": must be an integer']],
    [
      'scopes that exclude each other',
      { scopes: ['BestEffort', 'NotBestEffort'] },
      ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
    ],
    [
      'a scope that the resource has not',
      { hard: { secrets: '1' }, scopes: ['Terminating'] },
      ['spec.scopes: Invalid value: ["Terminating"]: unsupported scope applied to resource'],
    ],
  ])('%s', (_, spec, problems) => {
    expect(createProblems(ResourceQuota, admitted(ResourceQuota, { spec }))).toEqual(problems);
  });
});

describe('ReplicationController', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  it('selects the labels of its template', () => {
    const controller = admitted(ReplicationController, { spec: { template } });
    expect(controller.spec).toMatchObject({ replicas: 1, selector: { a: 'b' } });
    expect(controller.metadata.labels).toEqual({ a: 'b' });
    expect(createProblems(ReplicationController, controller)).toEqual([]);
  });

  it('is refused when its selector selects others', () => {
    expect(
      createProblems(
        ReplicationController,
        admitted(ReplicationController, { spec: { selector: { a: 'c' }, template } }),
      ),
    ).toEqual(['spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`']);
  });
});

describe('PersistentVolumeClaim', () => {
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const claim = (more: object = {}) => admitted(PersistentVolumeClaim, { spec: { ...spec, ...more } });

  it.each<[string, object, string[]]>([
    ['no modes', { accessModes: [] }, ['spec.accessModes: Required value: at least 1 access mode is required']],
    ['no size', { resources: {} }, ['spec.resources[storage]: Required value']],
    [
      'size zero',
      { resources: { requests: { storage: '0' } } },
      ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
    ],
    [
      'exclusive mode among others',
      { accessModes: ['ReadWriteOncePod', 'ReadWriteOnce'] },
      ['spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
    ],
    [
      'unknown volume mode',
      { volumeMode: 'Tape' },
      ['spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"'],
    ],
  ])('%s', (_, more, problems) => {
    expect(createProblems(PersistentVolumeClaim, claim(more))).toEqual(problems);
  });

  it('grows when bound, and changes nothing else', () => {
    const bound = claim({ storageClassName: 's', volumeName: 'v' });
    bound.status = { phase: 'Bound', capacity: { storage: '1Gi' } };
    const resize = (storage: string) => (c: PersistentVolumeClaim) => {
      c.spec.resources = { requests: { storage } };
    };
    expect(updateProblems(PersistentVolumeClaim, bound, resize('2Gi'))).toEqual([]);
    expect(updateProblems(PersistentVolumeClaim, bound, resize('512Mi'))).toEqual([
      'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
    ]);
    expect(
      updateProblems(PersistentVolumeClaim, bound, (c) => {
        c.spec.volumeName = 'w';
      })[0],
    ).toMatch(
      /^spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n/,
    );
  });

  it('changes its class of attributes only when bound, and never to none', () => {
    const pending = claim({ storageClassName: 's', volumeName: 'v', volumeAttributesClassName: 'gold' });
    const bound = structuredClone(pending);
    bound.status = { phase: 'Bound', capacity: { storage: '1Gi' } };
    const change = (name: string) => (c: PersistentVolumeClaim) => {
      c.spec.volumeAttributesClassName = name;
    };
    expect(updateProblems(PersistentVolumeClaim, bound, change('silver'))).toEqual([]);
    expect(updateProblems(PersistentVolumeClaim, pending, change('silver'))[0]).toMatch(/^spec: Forbidden: /);
    expect(updateProblems(PersistentVolumeClaim, bound, change(''))).toEqual([
      'spec.volumeAttributesClassName: Forbidden: update from non-nil value to an empty string is forbidden',
    ]);
  });

  it('shows the volume when it has one', () => {
    const bound = claim({ volumeName: 'v', storageClassName: 's' });
    bound.status = { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteMany', 'ReadWriteOnce'] };
    expect(cells(PersistentVolumeClaim, bound)).toMatchObject({
      Status: 'Bound',
      Volume: 'v',
      Capacity: '1Gi',
      'Access Modes': 'RWO,RWX',
      StorageClass: 's',
      VolumeAttributesClass: '<unset>',
      VolumeMode: 'Filesystem',
    });
    expect(cells(PersistentVolumeClaim, claim())).toMatchObject({
      Status: 'Pending',
      Volume: '',
      Capacity: '',
      'Access Modes': '',
    });
  });
});

describe('PersistentVolume', () => {
  const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' } };
  it.each<[string, object, string[]]>([
    ['fine', {}, []],
    ['no source', { hostPath: undefined }, ['spec: Required value: must specify a volume type']],
    [
      'two sources',
      { nfs: { server: 's', path: '/' } },
      ['spec.hostPath: Forbidden: may not specify more than 1 volume type'],
    ],
    [
      'local without a place',
      { hostPath: undefined, local: { path: '/d' } },
      ['spec.nodeAffinity: Required value: Local volume requires node affinity'],
    ],
    [
      'recycling the root',
      { hostPath: { path: '/' }, persistentVolumeReclaimPolicy: 'Recycle' },
      ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
    ],
    [
      'attributes of a volume without a driver',
      { volumeAttributesClassName: 'gold' },
      ['spec.csi: Required value: has to be specified when using volumeAttributesClassName'],
    ],
  ])('%s', (_, more, problems) => {
    const given = Object.fromEntries(Object.entries({ ...spec, ...more }).filter(([, v]) => v !== undefined));
    expect(createProblems(PersistentVolume, admitted(PersistentVolume, { spec: given }))).toEqual(problems);
  });

  it('keeps its source', () => {
    const volume = admitted(PersistentVolume, { spec });
    expect(
      updateProblems(PersistentVolume, volume, (v) => {
        v.spec.hostPath!.path = '/other';
      })[0],
    ).toMatch(/^spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n/);
  });

  it('notes when its phase changes', () => {
    const old = admitted(PersistentVolume, { spec });
    const object = structuredClone(old);
    object.status.phase = 'Available';
    PersistentVolume.prepareStatusUpdate!(object, old as Shared<PersistentVolume>, { now: Date.UTC(2027, 0, 1) });
    expect(object.status.lastPhaseTransitionTime).toBe('2027-01-01T00:00:00Z');
  });
});

describe('Endpoints and Event', () => {
  it('endpoints need addresses that can be reached', () => {
    const subsets = [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 80 }, { port: 81 }] }, {}];
    expect(createProblems(Endpoints, admitted(Endpoints, { subsets }))).toEqual([
      'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'subsets[0].ports[0].name: Required value',
      'subsets[0].ports[1].name: Required value',
      'subsets[1]: Required value: must specify `addresses` or `notReadyAddresses`',
    ]);
  });

  it('endpoints show three addresses at most', () => {
    const addresses = [1, 2, 3, 4, 5].map((n) => ({ ip: `10.0.0.${n}` }));
    const subsets = [{ addresses, ports: [{ port: 80 }] }];
    expect(cells(Endpoints, admitted(Endpoints, { subsets })).Endpoints).toBe(
      '10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 2 more...',
    );
  });

  it('an event is in the namespace of its object', () => {
    const event = admitted(Event, { involvedObject: { kind: 'Pod', namespace: 'other', name: 'p' } });
    expect(Event.validate!(event as Shared<Event>).map(fieldErrorMessage)).toEqual([
      'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
    ]);
  });

  it('events show when they were last seen', () => {
    const event = admitted(Event, {
      involvedObject: { kind: 'Pod', name: 'p' },
      reason: 'Pulled',
      type: 'Normal',
      message: ' done ',
      count: 3,
      firstTimestamp: '2025-12-31T23:00:00Z',
      lastTimestamp: '2025-12-31T23:59:00Z',
      source: { component: 'kubelet', host: 'n' },
    });
    expect(cells(Event, event)).toEqual({
      'Last Seen': '60s',
      Type: 'Normal',
      Reason: 'Pulled',
      Object: 'pod/p',
      Subobject: '',
      Source: 'kubelet, n',
      Message: 'done',
      'First Seen': '60m',
      Count: '3',
      Name: 'x',
    });
  });
});
