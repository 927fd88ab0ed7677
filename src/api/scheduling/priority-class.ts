import { ageColumn, integerColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as scheduling from '../types/scheduling-v1.ts';
import { validatePriorityClass, validatePriorityClassUpdate } from './priority-class-validation.ts';

/** A name for how important pods are. */
export type PriorityClass = scheduling.PriorityClass;

/** scheduling.k8s.io/v1 PriorityClass. */
export const PriorityClass = defineKind<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  scope: 'Cluster',
  schema: 'scheduling/v1.PriorityClass',
  defaults(priorityClass) {
    priorityClass.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  prepareCreate(priorityClass) {
    priorityClass.metadata.generation = 1;
  },
  validate: validatePriorityClass,
  validateUpdate: validatePriorityClassUpdate,
  columns: [
    nameColumn,
    integerColumn('Value', (c) => c.value),
    { ...textColumn<PriorityClass>('Global-Default', (c) => c.globalDefault ?? false), type: 'boolean' },
    ageColumn,
    textColumn('PreemptionPolicy', (c) => c.preemptionPolicy ?? ''),
  ],
  allowUnconditionalUpdate: true,
});
