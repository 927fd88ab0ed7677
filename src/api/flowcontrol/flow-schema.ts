import { ageColumn, integerColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as flowcontrol from '../types/flowcontrol-v1.ts';
import { validateFlowSchema } from './flowcontrol-validation.ts';

/** Sorts requests into priority levels. */
export type FlowSchema = flowcontrol.FlowSchema;

/** flowcontrol.apiserver.k8s.io/v1 FlowSchema. */
export const FlowSchema = defineKind<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  scope: 'Cluster',
  schema: 'flowcontrol/v1.FlowSchema',
  subresources: { status: true },
  defaults({ spec }) {
    spec.matchingPrecedence ||= 1000;
  },
  validate: validateFlowSchema,
  columns: [
    nameColumn,
    textColumn('PriorityLevel', (s) => s.spec.priorityLevelConfiguration.name),
    integerColumn('MatchingPrecedence', (s) => s.spec.matchingPrecedence),
    textColumn('DistinguisherMethod', (s) => s.spec.distinguisherMethod?.type ?? '<none>'),
    ageColumn,
    textColumn('MissingPL', missingPriorityLevel),
  ],
  allowUnconditionalUpdate: true,
});

function missingPriorityLevel({ status }: Shared<FlowSchema>): string {
  return status.conditions?.find((c) => c.type === 'Dangling')?.status ?? '?';
}
