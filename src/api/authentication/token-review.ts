import { defineKind } from '../kind.ts';
import type * as authentication from '../types/authentication-v1.ts';

/** Asks whose token this is. */
export type TokenReview = authentication.TokenReview;

/** authentication.k8s.io/v1 TokenReview: answered at once, never stored. */
export const TokenReview = defineKind<TokenReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
  scope: 'Cluster',
  schema: 'authentication/v1.TokenReview',
  verbs: ['create'],
  tracksGeneration: false,
  persisted: false,
});
