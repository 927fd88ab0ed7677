import { ageColumn, integerColumn, nameColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as storage from '../types/storage-v1.ts';
import { validateCsiNode, validateCsiNodeUpdate } from './csi-validation.ts';

/** The storage drivers that run on a node. */
export type CSINode = storage.CSINode;

/** storage.k8s.io/v1 CSINode. */
export const CSINode = defineKind<CSINode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  scope: 'Cluster',
  schema: 'storage/v1.CSINode',
  validate: validateCsiNode,
  validateUpdate: validateCsiNodeUpdate,
  columns: [nameColumn, integerColumn('Drivers', (n) => n.spec.drivers.length), ageColumn],
});
