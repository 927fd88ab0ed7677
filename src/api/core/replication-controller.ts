import { defineKind, type Shared } from '../kind.ts';
import { required } from '../machinery/field-error.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, formatLabels, integerColumn, nameColumn, templateColumns } from './columns.ts';
import { validateNonNegative } from './field-rules.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { podRules } from './pod-ratcheting.ts';
import { workloadWarnings } from './pod-warnings.ts';
import { ratcheted } from './ratcheting.ts';
import {
  validateCounts,
  validateReplicaCounts,
  validateRunningTemplate,
  validateTemplateLabels,
} from './workload-validation.ts';

/** Keeps a number of equal pods running; ReplicaSet replaced it. */
export type ReplicationController = core.ReplicationController;

/** core/v1 ReplicationController. */
export const ReplicationController = defineKind<ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'core/v1.ReplicationController',
  subresources: {
    status: true,
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  defaults({ metadata, spec }) {
    setPodTemplateDefaults(spec.template);
    spec.replicas ??= 1;
    const labels = spec.template?.metadata.labels;
    if (!labels) return;
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  },
  prepareCreate(controller) {
    controller.status = { replicas: 0 };
  },
  validate: ratcheted<Shared<ReplicationController>>(({ spec }) => {
    const selector = spec.selector && { matchLabels: spec.selector };
    const empty = Object.keys(spec.selector ?? {}).length === 0;
    return [
      ...validateNonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
      ...(empty ? [required('spec.selector')] : []),
      ...validateNonNegative(spec.replicas, 'spec.replicas'),
      ...(spec.template && !empty ? validateTemplateLabels(selector, spec.template, 'spec.template') : []),
      ...validateRunningTemplate(spec.template, 'ReplicationController', 'spec.template'),
    ];
  }, podRules),
  validateStatusUpdate({ status }) {
    const { replicas, fullyLabeledReplicas, readyReplicas, availableReplicas, observedGeneration } = status;
    const parts = { fullyLabeledReplicas, readyReplicas, availableReplicas };
    return [
      ...validateCounts({ replicas, ...parts, observedGeneration }, 'status'),
      ...validateReplicaCounts(replicas, parts, 'status'),
    ];
  },
  warnings: (controller, old) =>
    controller.spec.template ? workloadWarnings(controller, old, controller.spec.template) : [],
  columns: [
    nameColumn,
    integerColumn('Desired', (c) => c.spec.replicas ?? 0),
    integerColumn('Current', (c) => c.status.replicas),
    integerColumn('Ready', (c) => c.status.readyReplicas ?? 0),
    ageColumn,
    ...templateColumns<ReplicationController>(
      (c) => c.spec.template?.spec.containers,
      (c) => formatLabels(c.spec.selector),
    ),
  ],
  fieldLabels: { 'status.replicas': (c) => String(c.status.replicas) },
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
});
