import { ReplicaSet } from '../apps/replica-set.ts';
import { defineKind } from '../kind.ts';
import type * as extensions from '../types/extensions-v1beta1.ts';
import { storedUnderNewerVersion } from './newer-version.ts';
import { selectTemplateLabels } from './workload-defaults.ts';

/** ReplicaSet as extensions/v1beta1 had it. */
export type ExtensionsV1beta1ReplicaSet = extensions.ReplicaSet;

/** extensions/v1beta1 ReplicaSet, stored as apps/v1. */
export const ExtensionsV1beta1ReplicaSet = defineKind<ExtensionsV1beta1ReplicaSet>({
  group: 'extensions',
  version: 'v1beta1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'extensions/v1beta1.ReplicaSet',
  subresources: {
    status: true,
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  defaults({ metadata, spec }) {
    selectTemplateLabels(metadata, spec);
  },
  columns: ReplicaSet.columns,
  fieldLabels: { 'status.replicas': (s) => String(s.status.replicas) },
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
  storedAs: storedUnderNewerVersion<ExtensionsV1beta1ReplicaSet, ReplicaSet>({
    kind: () => ReplicaSet,
    apiVersion: 'extensions/v1beta1',
    deprecatedIn: '1.8',
    removedIn: '1.16',
  }),
});
