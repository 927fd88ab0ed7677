import { ageColumn, nameColumn, templateColumns, textColumn } from '../core/columns.ts';
import { setClaimSpecDefaults } from '../core/persistent-volume-claim-defaults.ts';
import { setPodTemplateDefaults } from '../core/pod-defaults.ts';
import { podRules } from '../core/pod-ratcheting.ts';
import { workloadWarnings } from '../core/pod-warnings.ts';
import { ratcheted } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1.ts';
import {
  validateStatefulSet,
  validateStatefulSetCreate,
  validateStatefulSetStatusUpdate,
  validateStatefulSetUpdate,
} from './stateful-set-validation.ts';

/** Runs pods that keep their names and volumes. */
export type StatefulSet = apps.StatefulSet;

/** apps/v1 StatefulSet. */
export const StatefulSet = defineKind<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'apps/v1.StatefulSet',
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
    spec.podManagementPolicy ||= 'OrderedReady';
    const strategy = spec.updateStrategy;
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      strategy.rollingUpdate.partition ??= 0;
    }
    spec.persistentVolumeClaimRetentionPolicy ??= {};
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.apiVersion ||= 'v1';
      claim.kind ||= 'PersistentVolumeClaim';
      claim.status ??= {};
      claim.status.phase ||= 'Pending';
      setClaimSpecDefaults(claim.spec);
    }
  },
  prepareCreate(set) {
    set.status = { replicas: 0, availableReplicas: 0 };
  },
  validate: ratcheted(validateStatefulSet, podRules),
  validateCreate: validateStatefulSetCreate,
  validateUpdate: validateStatefulSetUpdate,
  validateStatusUpdate: validateStatefulSetStatusUpdate,
  warnings(set, old) {
    const warnings = workloadWarnings(set, old, set.spec.template);
    if ((set.spec.revisionHistoryLimit ?? 0) < 0) {
      const advice = 'a negative value retains all historical revisions; a value >= 0 is recommended';
      warnings.push(`spec.revisionHistoryLimit: ${advice}`);
    }
    return warnings;
  },
  columns: [
    nameColumn,
    textColumn('Ready', (s) => `${s.status.readyReplicas ?? 0}/${s.spec.replicas ?? 1}`),
    ageColumn,
    ...templateColumns<StatefulSet>((s) => s.spec.template.spec.containers),
  ],
  allowUnconditionalUpdate: true,
});
