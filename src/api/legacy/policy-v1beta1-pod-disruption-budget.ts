import { defineKind } from '../kind.ts';
import { PodDisruptionBudget } from '../policy/pod-disruption-budget.ts';
import type { LabelSelector } from '../types/meta-v1.ts';
import type * as policy from '../types/policy-v1beta1.ts';
import { storedUnderNewerVersion } from './newer-version.ts';

/** PodDisruptionBudget as policy/v1beta1 had it. */
export type PolicyV1beta1PodDisruptionBudget = policy.PodDisruptionBudget;

/**
 * policy/v1beta1 PodDisruptionBudget, stored as policy/v1. An empty selector matched no pod in v1beta1 and matches
 * every pod in v1: it is stored with a requirement on this label, which pods are not to have.
 */
export const PolicyV1beta1PodDisruptionBudget = defineKind<PolicyV1beta1PodDisruptionBudget>({
  group: 'policy',
  version: 'v1beta1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  scope: 'Namespaced',
  schema: 'policy/v1beta1.PodDisruptionBudget',
  subresources: { status: true },
  columns: PodDisruptionBudget.columns,
  storedAs: storedUnderNewerVersion<PolicyV1beta1PodDisruptionBudget, PodDisruptionBudget>({
    kind: () => PodDisruptionBudget,
    apiVersion: 'policy/v1beta1',
    deprecatedIn: '1.21',
    removedIn: '1.25',
    toStorage({ spec }) {
      if (isEmpty(spec.selector)) spec.selector = markerSelector('Exists');
      else if (isMarker(spec.selector, 'DoesNotExist')) spec.selector = {};
    },
    fromStorage({ spec }) {
      if (isEmpty(spec.selector)) spec.selector = markerSelector('DoesNotExist');
      else if (isMarker(spec.selector, 'Exists')) spec.selector = {};
    },
  }),
});

const marker = 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match';

const markerSelector = (operator: 'Exists' | 'DoesNotExist'): LabelSelector => ({
  matchExpressions: [{ key: marker, operator }],
});

const isEmpty = (selector: LabelSelector | undefined) =>
  selector !== undefined && !Object.keys(selector.matchLabels ?? {}).length && !selector.matchExpressions?.length;

function isMarker(selector: LabelSelector | undefined, operator: string): boolean {
  const [only, ...rest] = selector?.matchExpressions ?? [];
  return (
    only?.key === marker &&
    only.operator === operator &&
    rest.length === 0 &&
    !Object.keys(selector?.matchLabels ?? {}).length
  );
}
