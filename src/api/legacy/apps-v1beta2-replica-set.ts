import { ReplicaSet } from '../apps/replica-set.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1beta2.ts';
import { storedUnderNewerVersion } from './newer-version.ts';

/** ReplicaSet as apps/v1beta2 had it. */
export type AppsV1beta2ReplicaSet = apps.ReplicaSet;

/** apps/v1beta2 ReplicaSet, stored as apps/v1. */
export const AppsV1beta2ReplicaSet = defineKind<AppsV1beta2ReplicaSet>({
  group: 'apps',
  version: 'v1beta2',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'apps/v1beta2.ReplicaSet',
  subresources: {
    status: true,
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  columns: ReplicaSet.columns,
  fieldLabels: { 'status.replicas': (s) => String(s.status.replicas) },
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
  storedAs: storedUnderNewerVersion<AppsV1beta2ReplicaSet, ReplicaSet>({
    kind: () => ReplicaSet,
    apiVersion: 'apps/v1beta2',
    deprecatedIn: '1.9',
    removedIn: '1.16',
  }),
});
