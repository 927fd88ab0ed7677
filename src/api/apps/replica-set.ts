import { ageColumn, formatLabelSelector, integerColumn, nameColumn, templateColumns } from '../core/columns.ts';
import { setPodTemplateDefaults } from '../core/pod-defaults.ts';
import { podRules } from '../core/pod-ratcheting.ts';
import { workloadWarnings } from '../core/pod-warnings.ts';
import { ratcheted } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1.ts';
import { validateReplicaSet, validateReplicaSetStatusUpdate, validateSelectorUpdate } from './deployment-validation.ts';

/** Keeps a number of equal pods running. */
export type ReplicaSet = apps.ReplicaSet;

/** apps/v1 ReplicaSet. */
export const ReplicaSet = defineKind<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'apps/v1.ReplicaSet',
  subresources: {
    status: true,
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  defaults({ spec }) {
    setPodTemplateDefaults(spec.template);
    spec.replicas ??= 1;
  },
  prepareCreate(set) {
    set.status = { replicas: 0 };
  },
  validate: ratcheted(validateReplicaSet, podRules),
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: validateReplicaSetStatusUpdate,
  warnings: (object, old) => workloadWarnings(object, old, object.spec.template),
  columns: [
    nameColumn,
    integerColumn('Desired', (s) => s.spec.replicas ?? 0),
    integerColumn('Current', (s) => s.status.replicas),
    integerColumn('Ready', (s) => s.status.readyReplicas ?? 0),
    ageColumn,
    ...templateColumns<ReplicaSet>(
      (s) => s.spec.template.spec.containers,
      (s) => formatLabelSelector(s.spec.selector),
    ),
  ],
  fieldLabels: { 'status.replicas': (s) => String(s.status.replicas) },
  allowUnconditionalUpdate: true,
});
