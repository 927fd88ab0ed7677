import { defineKind } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, formatLabels, integerColumn, nameColumn, templateColumns } from './columns.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';

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
