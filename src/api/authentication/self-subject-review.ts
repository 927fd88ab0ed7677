import { defineKind } from '../kind.ts';
import type * as authentication from '../types/authentication-v1.ts';

/** Asks who the caller is. */
export type SelfSubjectReview = authentication.SelfSubjectReview;

/** authentication.k8s.io/v1 SelfSubjectReview: answered at once, never stored. */
export const SelfSubjectReview = defineKind<SelfSubjectReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  scope: 'Cluster',
  schema: 'authentication/v1.SelfSubjectReview',
  verbs: ['create'],
  tracksGeneration: false,
  persisted: false,
});
