import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import type { Shared } from '../kind.ts';
import { fieldErrorMessage } from '../machinery/field-error.ts';
import { ControllerRevision } from './controller-revision.ts';
import { DaemonSet } from './daemon-set.ts';
import { Deployment } from './deployment.ts';
import { ReplicaSet } from './replica-set.ts';
import { StatefulSet } from './stateful-set.ts';

const selector = { matchLabels: { app: 'a' } };
const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } };
const spec = { selector, template };
const deployment = (more: object = {}) => admitted(Deployment, { spec: { ...spec, ...more } });

describe('Deployment', () => {
  it('has defaults', () => {
    expect(deployment().spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      template: { spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 30 } },
    });
    expect(deployment().spec.template.spec).not.toHaveProperty('enableServiceLinks');
  });

  it.each<[string, object, string[]]>([
    ['no selector', { selector: undefined }, ['spec.selector: Required value']],
    [
      'empty selector',
      { selector: {} },
      ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
    ],
    [
      'selector of others',
      { selector: { matchLabels: { app: 'b' } } },
      ['spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'],
    ],
    ['negative replicas', { replicas: -1 }, ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']],
    [
      'pods that end',
      { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
      ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ],
    [
      'neither surge nor unavailable',
      { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } } },
      ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
    ],
    [
      'more than all unavailable',
      { strategy: { rollingUpdate: { maxUnavailable: '150%' } } },
      ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "150%": must not be greater than 100%'],
    ],
    [
      'rolling parameters when recreating',
      { strategy: { type: 'Recreate', rollingUpdate: {} } },
      ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ],
    [
      'deadline before readiness',
      { minReadySeconds: 10, progressDeadlineSeconds: 10 },
      ['spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds'],
    ],
  ])('is refused with %s', (_, more, problems) => {
    const given = Object.fromEntries(Object.entries({ ...spec, ...more }).filter(([, v]) => v !== undefined));
    expect(createProblems(Deployment, admitted(Deployment, { spec: given }))).toEqual(problems);
  });

  it('keeps its selector', () => {
    const problems = updateProblems(Deployment, deployment(), (d) => {
      d.spec.selector = { matchLabels: { app: 'a', more: 'b' } };
      d.spec.template.metadata.labels = { app: 'a', more: 'b' };
    });
    expect(problems).toEqual([
      'spec.selector: Invalid value: {"matchLabels":{"app":"a","more":"b"}}: field is immutable',
    ]);
  });

  it('reports numbers that fit each other', () => {
    const object = deployment();
    const old = structuredClone(object);
    object.status = { replicas: 1, readyReplicas: 2, availableReplicas: 3 };
    expect(
      Deployment.validateStatusUpdate!(object as Shared<Deployment>, old as Shared<Deployment>).map(fieldErrorMessage),
    ).toEqual([
      'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas',
    ]);
  });

  it('shows how far it is', () => {
    const object = deployment({ replicas: 3 });
    object.status = { replicas: 3, readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 };
    expect(cells(Deployment, object)).toMatchObject({
      Ready: '2/3',
      'Up-to-date': 1,
      Available: 2,
      Containers: 'c',
      Images: 'nginx:1',
      Selector: 'app=a',
    });
  });
});

describe('ReplicaSet', () => {
  it('prints selectors with expressions in the order of keys', () => {
    const matchExpressions = [
      { key: 'b', operator: 'In', values: ['y', 'x'] },
      { key: 'a', operator: 'DoesNotExist' },
    ];
    const set = admitted(ReplicaSet, { spec: { ...spec, selector: { ...selector, matchExpressions } } });
    expect(cells(ReplicaSet, set).Selector).toBe('!a,app=a,b in (x,y)');
  });
});

describe('StatefulSet', () => {
  const claims = [
    {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
  ];
  const mounting = {
    ...template,
    spec: { containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'data', mountPath: '/d' }] }] },
  };
  const set = (more: object = {}) =>
    admitted(StatefulSet, {
      spec: { ...spec, serviceName: 's', template: mounting, volumeClaimTemplates: claims, ...more },
    });

  it('has defaults', () => {
    expect(set().spec).toMatchObject({
      replicas: 1,
      podManagementPolicy: 'OrderedReady',
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          spec: { volumeMode: 'Filesystem' },
          status: { phase: 'Pending' },
        },
      ],
    });
  });

  it('may mount what its claims become', () => expect(createProblems(StatefulSet, set())).toEqual([]));

  it('changes a few fields only', () => {
    expect(
      updateProblems(StatefulSet, set(), (s) => {
        s.spec.replicas = 3;
        s.spec.minReadySeconds = 5;
      }),
    ).toEqual([]);
    expect(
      updateProblems(StatefulSet, set(), (s) => {
        s.spec.serviceName = 'other';
      }),
    ).toEqual([
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ]);
  });
});

describe('DaemonSet', () => {
  const set = (more: object = {}) => admitted(DaemonSet, { spec: { ...spec, ...more } });

  it('has defaults and counts the generations of its template', () => {
    expect(set().spec.updateStrategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
    });
    const old = set();
    const annotation = 'deprecated.daemonset.template.generation';
    expect(old.metadata.annotations).toEqual({ [annotation]: '1' });
    const object = structuredClone(old);
    object.spec.template.spec.containers[0]!.image = 'nginx:2';
    DaemonSet.prepareUpdate!(object, old as Shared<DaemonSet>, { now: 0 });
    expect(object.metadata.annotations).toEqual({ [annotation]: '2' });
  });

  it('surges or makes unavailable, not both and not neither', () => {
    const path = 'spec.updateStrategy.rollingUpdate';
    const update = (rollingUpdate: object) => createProblems(DaemonSet, set({ updateStrategy: { rollingUpdate } }));
    expect(update({ maxSurge: 1 })).toEqual([
      `${path}.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero`,
    ]);
    expect(update({ maxUnavailable: 0 })).toEqual([
      `${path}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0`,
    ]);
    expect(update({ maxUnavailable: 0, maxSurge: '10%' })).toEqual([]);
  });
});

describe('ControllerRevision', () => {
  it('keeps its data', () => {
    const revision = admitted(ControllerRevision, {
      data: { a: 1 },
      revision: 1,
      metadata: {
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'u', controller: true }],
      },
    });
    expect(cells(ControllerRevision, revision)).toMatchObject({ Controller: 'daemonset.apps/d', Revision: 1 });
    expect(
      updateProblems(ControllerRevision, revision, (r) => {
        r.data = { a: 2 };
      }),
    ).toEqual(['data: Invalid value: {"a":2}: field is immutable']);
  });
});

describe('warnings about workloads', () => {
  it("name names that do not fit into pods' host names", () => {
    const object = admitted(Deployment, { metadata: { name: 'a.b' }, spec });
    expect(Deployment.warnings!(object as Shared<Deployment>)[0]).toMatch(
      /^metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: \[/,
    );
  });
});
