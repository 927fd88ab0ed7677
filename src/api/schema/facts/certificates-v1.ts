import type { SchemaFacts } from '../facts.ts';

/** The types of certificates.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'certificates/v1',
  apiVersion: 'certificates.k8s.io/v1',
  openapi: 'io.k8s.api.certificates.v1',
  text: `
type CertificateSigningRequest cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec CertificateSigningRequestSpec
  3 status? CertificateSigningRequestStatus
type CertificateSigningRequestCondition
  1 type RequestConditionType
  6 status core/v1.ConditionStatus
  2 reason? string
  3 message? string
  4 lastUpdateTime? Time
  5 lastTransitionTime? Time
type CertificateSigningRequestList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []CertificateSigningRequest
type CertificateSigningRequestSpec
  1 request bytes
  7 signerName string
  8 expirationSeconds? *int32
  5 usages? []KeyUsage list=atomic
  2 username? string
  3 uid? string
  4 groups? []string list=atomic
  6 extra? {}ExtraValue
type CertificateSigningRequestStatus
  1 conditions? []CertificateSigningRequestCondition list=map keys=type
  2 certificate? bytes
alias ExtraValue []string
alias KeyUsage string signing "digital signature" "content commitment" "key encipherment" "key agreement" "data encipherment" "cert sign" "crl sign" "encipher only" "decipher only" any "server auth" "client auth" "code signing" "email protection" s/mime "ipsec end system" "ipsec tunnel" "ipsec user" timestamping "ocsp signing" "microsoft sgc" "netscape sgc"
alias RequestConditionType string Approved Denied Failed
`,
};
