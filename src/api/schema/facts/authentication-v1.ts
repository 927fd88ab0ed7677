import type { SchemaFacts } from '../facts.ts';

/** The types of authentication.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'authentication/v1',
  apiVersion: 'authentication.k8s.io/v1',
  openapi: 'io.k8s.api.authentication.v1',
  text: `
type BoundObjectReference
  1 kind? string
  2 apiVersion? string
  3 name? string
  4 uid? string
alias ExtraValue []string
type SelfSubjectReview cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 status? SelfSubjectReviewStatus
type SelfSubjectReviewStatus
  1 userInfo? UserInfo
type TokenRequest
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec TokenRequestSpec optional
  3 status? TokenRequestStatus
type TokenRequestSpec
  1 audiences []string optional list=atomic
  4 expirationSeconds *int64 optional
  3 boundObjectRef *BoundObjectReference optional
type TokenRequestStatus
  1 token string optional
  2 expirationTimestamp Time optional
type TokenReview cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec TokenReviewSpec required
  3 status? TokenReviewStatus
type TokenReviewSpec
  1 token? string required
  2 audiences? []string list=atomic
type TokenReviewStatus
  1 authenticated? bool
  2 user? UserInfo
  4 audiences? []string list=atomic
  3 error? string
type UserInfo
  1 username? string
  2 uid? string
  3 groups? []string list=atomic
  4 extra? {}ExtraValue
`,
};
