import { nameColumn, textColumn } from '../core/columns.ts';
import { addResources, type ResourceList } from '../core/resource-list.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as metrics from '../types/metrics-v1beta1.ts';

/** What the containers of a pod use at present. */
export type PodMetrics = metrics.PodMetrics;

/** metrics.k8s.io/v1beta1 PodMetrics: measured on request, never stored. */
export const PodMetrics = defineKind<PodMetrics>({
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  kind: 'PodMetrics',
  plural: 'pods',
  singular: '',
  scope: 'Namespaced',
  schema: 'metrics/v1beta1.PodMetrics',
  verbs: ['get', 'list'],
  columns: [
    nameColumn,
    textColumn('cpu', (p) => usage(p).cpu ?? ''),
    textColumn('memory', (p) => usage(p).memory ?? ''),
    textColumn('Window', (p) => p.window),
  ],
  persisted: false,
});

const usage = ({ containers }: Shared<PodMetrics>) =>
  containers.reduce<ResourceList>((sum, c) => addResources(sum, c.usage), {});
