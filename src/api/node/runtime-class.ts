import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { invalidEach } from '../core/field-rules.ts';
import { validateContainerResourceName, validateResourceList } from '../core/resource-validation.ts';
import { validateTolerations } from '../core/toleration-validation.ts';
import { defineKind } from '../kind.ts';
import { dns1123Label } from '../machinery/names.ts';
import { validateImmutable, validateLabels } from '../machinery/object-meta.ts';
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
  validate: ({ handler, overhead, scheduling }) => [
    ...invalidEach('handler', handler, dns1123Label(handler)),
    ...validateResourceList(overhead?.podFixed, 'overhead.limits', validateContainerResourceName),
    ...validateLabels(scheduling?.nodeSelector, 'scheduling.nodeSelector'),
    ...validateTolerations(scheduling?.tolerations, 'scheduling.tolerations'),
  ],
  validateUpdate: (runtimeClass, old) => validateImmutable(runtimeClass.handler, old.handler, 'handler'),
  columns: [nameColumn, textColumn('Handler', (c) => c.handler), ageColumn],
});
