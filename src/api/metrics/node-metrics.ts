import { nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as metrics from '../types/metrics-v1beta1.ts';

/** What a node uses at present. */
export type NodeMetrics = metrics.NodeMetrics;

/** metrics.k8s.io/v1beta1 NodeMetrics: measured on request, never stored. */
export const NodeMetrics = defineKind<NodeMetrics>({
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  kind: 'NodeMetrics',
  plural: 'nodes',
  singular: '',
  scope: 'Cluster',
  schema: 'metrics/v1beta1.NodeMetrics',
  verbs: ['get', 'list'],
  columns: [
    nameColumn,
    textColumn('cpu', (n) => n.usage.cpu ?? ''),
    textColumn('memory', (n) => n.usage.memory ?? ''),
    textColumn('Window', (n) => n.window),
  ],
  persisted: false,
});
