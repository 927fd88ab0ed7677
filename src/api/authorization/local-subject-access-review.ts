import { defineKind } from '../kind.ts';
import type * as authorization from '../types/authorization-v1.ts';
import { validateLocalSubjectAccessReview } from './access-review-validation.ts';

/** Asks whether someone may do something in a namespace. */
export type LocalSubjectAccessReview = authorization.LocalSubjectAccessReview;

/** authorization.k8s.io/v1 LocalSubjectAccessReview: answered at once, never stored. */
export const LocalSubjectAccessReview = defineKind<LocalSubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'LocalSubjectAccessReview',
  plural: 'localsubjectaccessreviews',
  scope: 'Namespaced',
  schema: 'authorization/v1.LocalSubjectAccessReview',
  verbs: ['create'],
  validate: validateLocalSubjectAccessReview,
  tracksGeneration: false,
  persisted: false,
});
