import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as node from '../types/node-v1.ts';

/** Names a configuration of the container runtime. */
export type RuntimeClass = node.RuntimeClass;

/** node.k8s.io/v1 RuntimeClass. */
export const RuntimeClass = defineKind<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  scope: 'Cluster',
  schema: 'node/v1.RuntimeClass',
  columns: [nameColumn, textColumn('Handler', (c) => c.handler), ageColumn],
});
