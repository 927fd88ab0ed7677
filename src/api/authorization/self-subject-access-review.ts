import { defineKind } from '../kind.ts';
import type * as authorization from '../types/authorization-v1.ts';
import { validateSelfSubjectAccessReview } from './access-review-validation.ts';

/** Asks whether the caller may do something. */
export type SelfSubjectAccessReview = authorization.SelfSubjectAccessReview;

/** authorization.k8s.io/v1 SelfSubjectAccessReview: answered at once, never stored. */
export const SelfSubjectAccessReview = defineKind<SelfSubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  scope: 'Cluster',
  schema: 'authorization/v1.SelfSubjectAccessReview',
  verbs: ['create'],
  validate: validateSelfSubjectAccessReview,
  tracksGeneration: false,
  persisted: false,
});
