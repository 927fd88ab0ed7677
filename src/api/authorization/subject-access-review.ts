import { defineKind } from '../kind.ts';
import type * as authorization from '../types/authorization-v1.ts';
import { validateSubjectAccessReview } from './access-review-validation.ts';

/** Asks whether someone may do something. */
export type SubjectAccessReview = authorization.SubjectAccessReview;

/** authorization.k8s.io/v1 SubjectAccessReview: answered at once, never stored. */
export const SubjectAccessReview = defineKind<SubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  scope: 'Cluster',
  schema: 'authorization/v1.SubjectAccessReview',
  verbs: ['create'],
  validate: validateSubjectAccessReview,
  tracksGeneration: false,
  persisted: false,
});
