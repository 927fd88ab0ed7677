import { ageColumn, integerColumn, nameColumn, textColumn } from '../core/columns.ts';
import { ratcheted, selectorValues } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import type * as policy from '../types/policy-v1.ts';
import { validatePodDisruptionBudget, validatePodDisruptionBudgetStatus } from './pod-disruption-budget-validation.ts';

/** Limits how many pods voluntary disruptions may take down at once. */
export type PodDisruptionBudget = policy.PodDisruptionBudget;

/** policy/v1 PodDisruptionBudget. */
export const PodDisruptionBudget = defineKind<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  scope: 'Namespaced',
  schema: 'policy/v1.PodDisruptionBudget',
  subresources: { status: true },
  prepareCreate(budget) {
    budget.status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  },
  validate: ratcheted(validatePodDisruptionBudget, [selectorValues]),
  validateStatusUpdate: validatePodDisruptionBudgetStatus,
  columns: [
    nameColumn,
    textColumn('Min Available', (b) => String(b.spec.minAvailable ?? 'N/A')),
    textColumn('Max Unavailable', (b) => String(b.spec.maxUnavailable ?? 'N/A')),
    integerColumn('Allowed Disruptions', (b) => b.status.disruptionsAllowed),
    ageColumn,
  ],
});
