import { describe, expect, it } from 'vitest';
import { defineKind, type KubeObject } from '../kind.ts';
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  compareVersions,
  groupKinds,
} from './discovery.ts';

const base = { scope: 'Namespaced', schema: 'apps/v1.Deployment' } as const;
const deployment = defineKind<KubeObject>({
  ...base,
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: { status: true, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
});
const legacy = defineKind<KubeObject>({
  ...base,
  group: 'apps',
  version: 'v1beta1',
  kind: 'Deployment',
  plural: 'deployments',
  storedAs: { kind: () => deployment, toStorage: (o) => o, fromStorage: (o) => o as KubeObject, warning: 'old' },
});
const pod = defineKind<KubeObject>({
  ...base,
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  subresources: { eviction: { verbs: ['create'], group: 'policy', version: 'v1', kind: 'Eviction' } },
});
const widget = defineKind<KubeObject>({
  ...base,
  group: 'a.example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
});

describe('discovery', () => {
  const groups = groupKinds([legacy, widget, deployment, pod]);

  it('lists groups by priority and versions by stability', () => {
    expect(groups.map(({ group, versions }) => [group, versions.map((v) => v.version)])).toEqual([
      ['', ['v1']],
      ['apps', ['v1', 'v1beta1']],
      ['a.example.com', ['v1']],
    ]);
    const versions = ['v1alpha1', 'foo', 'v10', 'v2beta1', 'v2', 'v1beta2', 'v11beta2', 'bar'];
    expect(versions.sort(compareVersions)).toEqual([
      'v10',
      'v2',
      'v11beta2',
      'v2beta1',
      'v1beta2',
      'v1alpha1',
      'bar',
      'foo',
    ]);
  });

  it('writes groups', () => {
    expect(apiGroup(groups[1]!)).toEqual({
      kind: 'APIGroup',
      apiVersion: 'v1',
      name: 'apps',
      versions: [
        { groupVersion: 'apps/v1', version: 'v1' },
        { groupVersion: 'apps/v1beta1', version: 'v1beta1' },
      ],
      preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
    });
    expect((apiGroupList(groups)['groups'] as object[]).map((g) => Object.keys(g))).toEqual([
      ['name', 'versions', 'preferredVersion'],
      ['name', 'versions', 'preferredVersion'],
    ]);
  });

  it('writes resources with their subresources', () => {
    const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
    expect(apiResourceList({ group: 'apps', version: 'v1' }, [deployment])).toEqual({
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: 'apps/v1',
      resources: [
        {
          name: 'deployments',
          singularName: 'deployment',
          namespaced: true,
          kind: 'Deployment',
          verbs,
          shortNames: ['deploy'],
          categories: ['all'],
          storageVersionHash: '8aSe+NMegvE=',
        },
        {
          name: 'deployments/scale',
          singularName: '',
          namespaced: true,
          group: 'autoscaling',
          version: 'v1',
          kind: 'Scale',
          verbs: ['get', 'patch', 'update'],
        },
        {
          name: 'deployments/status',
          singularName: '',
          namespaced: true,
          kind: 'Deployment',
          verbs: ['get', 'patch', 'update'],
        },
      ],
    });
  });

  it('aggregates', () => {
    const core = aggregatedDiscovery(groups, { path: '/api' });
    expect(core).toMatchObject({
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
      items: [
        {
          metadata: {},
          versions: [
            {
              version: 'v1',
              freshness: 'Current',
              resources: [
                {
                  resource: 'pods',
                  responseKind: { group: '', version: 'v1', kind: 'Pod' },
                  scope: 'Namespaced',
                  singularResource: 'pod',
                  subresources: [
                    {
                      subresource: 'eviction',
                      responseKind: { group: 'policy', version: 'v1', kind: 'Eviction' },
                      verbs: ['create'],
                    },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
    const others = aggregatedDiscovery(groups, { path: '/apis', version: 'v2beta1' });
    expect(others['apiVersion']).toBe('apidiscovery.k8s.io/v2beta1');
    expect((others['items'] as { metadata: object }[]).map((item) => item.metadata)).toEqual([
      { name: 'apps' },
      { name: 'a.example.com' },
    ]);
  });
});
