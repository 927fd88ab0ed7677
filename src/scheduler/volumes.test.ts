import { describe, expect, it } from 'vitest';
import type { KubeObject, Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { DeepPartial } from '../base/deep.ts';
import { node, pod, world } from './test-world.ts';

const object = (kind: string, name: string, rest: object, namespace?: string) =>
  ({
    kind,
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      uid: `${kind}-${name}`,
      ...(rest as { metadata?: object }).metadata,
    },
    status: {},
    ...Object.fromEntries(Object.entries(rest).filter(([key]) => key !== 'metadata')),
  }) as unknown as Shared<KubeObject>;

const claim = (name: string, spec: object, bound = false) =>
  object(
    'PersistentVolumeClaim',
    name,
    {
      metadata: bound ? { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } } : {},
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
    },
    'default',
  );

const volume = (name: string, onNode: string | undefined, rest: object = {}, labels: Record<string, string> = {}) =>
  object('PersistentVolume', name, {
    metadata: { labels },
    spec: {
      capacity: { storage: '2Gi' },
      accessModes: ['ReadWriteOnce'],
      ...(onNode
        ? {
            nodeAffinity: {
              required: {
                nodeSelectorTerms: [
                  { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [onNode] }] },
                ],
              },
            },
          }
        : {}),
      ...rest,
    },
  });

const storageClass = (name: string, more: object) => object('StorageClass', name, more);

const using = (...claims: string[]) =>
  ({
    containers: [{ name: 'c', resources: {} }],
    volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
  }) as DeepPartial<Pod['spec']>;

const late = { volumeBindingMode: 'WaitForFirstConsumer', provisioner: 'kubernetes.io/no-provisioner' };

describe('claims and nodes', () => {
  const nodes = [node('a'), node('b')];

  it('refuses a claim that is missing, or not bound at once as its class wants', () => {
    expect(world(nodes).refusal(pod('p', using('data')))).toBe(
      '0/2 nodes are available: persistentvolumeclaim "data" not found.',
    );
    expect(world(nodes, [claim('data', {})]).refusal(pod('p', using('data')))).toBe(
      '0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.',
    );
  });

  it('goes where the bound volume is', () => {
    const w = world(nodes, [volume('v', 'b'), claim('data', { volumeName: 'v' }, true)]);
    expect(w.placed(pod('p', using('data')))).toBe('b');
    const nowhere = world(nodes, [volume('v', 'c'), claim('data', { volumeName: 'v' }, true)]);
    expect(nowhere.refusal(pod('p', using('data')))).toBe(
      "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity.",
    );
  });

  it('finds the node that has a volume for a claim that waits', () => {
    const w = world(nodes, [
      storageClass('local', late),
      volume('v', 'b', { storageClassName: 'local' }),
      claim('data', { storageClassName: 'local' }),
    ]);
    expect(w.placed(pod('p', using('data')))).toBe('b');
    expect(
      world(nodes, [
        storageClass('local', late),
        volume('small', 'b', { storageClassName: 'local', capacity: { storage: '500Mi' } }),
        claim('data', { storageClassName: 'local' }),
      ]).refusal(pod('p', using('data'))),
    ).toBe("0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.");
  });

  it('needs a volume for each of its claims', () => {
    const others = [
      storageClass('local', late),
      claim('one', { storageClassName: 'local' }),
      claim('two', { storageClassName: 'local' }),
      volume('v', 'b', { storageClassName: 'local' }),
    ];
    expect(world(nodes, others).refusal(pod('p', using('one', 'two')))).toContain("didn't find available");
    const both = world(nodes, [...others, volume('w', 'b', { storageClassName: 'local' })]);
    expect(both.placed(pod('p', using('one', 'two')))).toBe('b');
  });

  it('leaves to the provisioner what it can make, in the topology that the class allows', () => {
    const allowedTopologies = [{ matchLabelExpressions: [{ key: 'kubernetes.io/hostname', values: ['a'] }] }];
    const w = world(nodes, [
      storageClass('made', { ...late, provisioner: 'example.com/disk', allowedTopologies }),
      claim('data', { storageClassName: 'made' }),
    ]);
    expect(w.placed(pod('p', using('data')))).toBe('a');
  });

  it('keeps to the zone that a volume is labelled with', () => {
    const zones = [
      node('a', { labels: { 'topology.kubernetes.io/zone': 'east' } }),
      node('b', { labels: { 'topology.kubernetes.io/zone': 'west' } }),
    ];
    const others = [
      volume('v', undefined, {}, { 'topology.kubernetes.io/zone': 'west' }),
      claim('data', { volumeName: 'v' }, true),
    ];
    expect(world(zones, others).placed(pod('p', using('data')))).toBe('b');
    expect(world([zones[0]!], others).refusal(pod('p', using('data')))).toBe(
      '0/1 nodes are available: 1 node(s) had no available volume zone.',
    );
  });

  it('lets one pod alone use a ReadWriteOncePod claim', () => {
    const w = world(nodes, [
      volume('v', undefined),
      claim('data', { volumeName: 'v', accessModes: ['ReadWriteOncePod'] }, true),
    ]);
    w.placed(pod('first', using('data')));
    expect(w.refusal(pod('second', using('data')))).toBe(
      '0/2 nodes are available: 2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode.',
    );
  });

  it('attaches no more volumes than a driver can', () => {
    const csi = (name: string) => volume(name, undefined, { csi: { driver: 'disk.example.com', volumeHandle: name } });
    const w = world(
      [node('a')],
      [
        object('CSINode', 'a', {
          spec: { drivers: [{ name: 'disk.example.com', nodeID: 'a', allocatable: { count: 1 } }] },
        }),
        csi('v1'),
        csi('v2'),
        claim('one', { volumeName: 'v1' }, true),
        claim('two', { volumeName: 'v2' }, true),
      ],
    );
    w.placed(pod('p1', using('one')));
    expect(w.refusal(pod('p2', using('two')))).toBe('0/1 nodes are available: 1 node(s) exceed max volume count.');
    expect(w.placed(pod('p3', using('one')))).toBe('a');
  });

  it('waits for the claims of ephemeral volumes, and uses no other’s', () => {
    const user = pod('p', {
      containers: [],
      volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate: {} } }],
    } as DeepPartial<Pod['spec']>);
    expect(world([node('a')]).refusal(user)).toBe(
      '0/1 nodes are available: waiting for ephemeral volume controller to create the persistentvolumeclaim "p-scratch".',
    );
    expect(world([node('a')], [claim('p-scratch', {})]).refusal(user)).toBe(
      '0/1 nodes are available: PVC default/p-scratch was not created for pod default/p (pod is not owner).',
    );
  });

  it('keeps two writers of one disk apart', () => {
    const onDisk = (name: string, readOnly: boolean) =>
      pod(name, {
        containers: [],
        volumes: [{ name: 'd', gcePersistentDisk: { pdName: 'x', readOnly } }],
      } as DeepPartial<Pod['spec']>);
    const w = world([node('a')]);
    w.place(onDisk('reader', true), 'a');
    expect(w.placed(onDisk('another', true))).toBe('a');
    expect(w.refusal(onDisk('writer', false))).toBe('0/1 nodes are available: 1 node(s) had no available disk.');
  });
});
