import type { SchemaFacts } from '../facts.ts';

/** The types of admission.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'admission/v1',
  apiVersion: 'admission.k8s.io/v1',
  openapi: 'io.k8s.api.admission.v1',
  text: `
type AdmissionRequest
  1 uid string optional
  2 kind meta/v1.GroupVersionKind optional
  3 resource meta/v1.GroupVersionResource optional
  4 subResource? string
  13 requestKind? *meta/v1.GroupVersionKind
  14 requestResource? *meta/v1.GroupVersionResource
  15 requestSubResource? string
  5 name? string
  6 namespace? string
  7 operation Operation optional
  8 userInfo authentication/v1.UserInfo optional
  9 object? RawExtension
  10 oldObject? RawExtension
  11 dryRun? *bool
  12 options? RawExtension
type AdmissionResponse
  1 uid string optional
  2 allowed bool optional
  3 status? *meta/v1.Status
  4 patch? bytes
  5 patchType? *PatchType
  6 auditAnnotations? {}string
  7 warnings? []string list=atomic
type AdmissionReview
  - ... meta/v1.TypeMeta
  1 request? *AdmissionRequest
  2 response? *AdmissionResponse
alias Operation string CREATE UPDATE DELETE CONNECT
alias PatchType string JSONPatch
`,
};
