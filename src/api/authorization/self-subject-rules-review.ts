import { defineKind } from '../kind.ts';
import type * as authorization from '../types/authorization-v1.ts';

/** Asks for all that the caller may do in a namespace. */
export type SelfSubjectRulesReview = authorization.SelfSubjectRulesReview;

/** authorization.k8s.io/v1 SelfSubjectRulesReview: answered at once, never stored. */
export const SelfSubjectRulesReview = defineKind<SelfSubjectRulesReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectRulesReview',
  plural: 'selfsubjectrulesreviews',
  scope: 'Cluster',
  schema: 'authorization/v1.SelfSubjectRulesReview',
  verbs: ['create'],
  tracksGeneration: false,
  persisted: false,
});
