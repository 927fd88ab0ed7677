/** What upstream's four built-in signers will sign, and the certificate that they issue. */
import type { CertificateSigningRequest } from '../../api/certificates/certificate-signing-request.ts';
import type { Shared } from '../../api/kind.ts';
import { type CertificateRequest, readCertificateRequest } from '../../base/certificate-reader.ts';
import {
  type CertificateAndKey,
  certifyKey,
  clockSkewMs,
  type ExtendedKeyUsage,
  type KeyUsage,
} from '../../base/pki.ts';

type Csr = Shared<CertificateSigningRequest>;

/** As upstream's --cluster-signing-duration. */
const longestMs = 365 * 24 * 3_600_000;

export const apiServerClientSigner = 'kubernetes.io/kube-apiserver-client';
export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
export const kubeletServingSigner = 'kubernetes.io/kubelet-serving';
const legacySigner = 'kubernetes.io/legacy-unknown';

const keyUsages: Readonly<Record<string, KeyUsage>> = {
  signing: 'digitalSignature',
  'digital signature': 'digitalSignature',
  'content commitment': 'contentCommitment',
  'key encipherment': 'keyEncipherment',
  'key agreement': 'keyAgreement',
  'data encipherment': 'dataEncipherment',
  'encipher only': 'encipherOnly',
  'decipher only': 'decipherOnly',
};
const extendedUsages: Readonly<Record<string, ExtendedKeyUsage>> = {
  'server auth': 'serverAuth',
  'client auth': 'clientAuth',
  'code signing': 'codeSigning',
  'email protection': 'emailProtection',
  's/mime': 'emailProtection',
  timestamping: 'timeStamping',
  'ocsp signing': 'ocspSigning',
};

const decode = (csr: Csr): CertificateRequest =>
  readCertificateRequest(Buffer.from(csr.spec.request, 'base64').toString('utf8'));

const only = (usages: readonly string[], allowed: readonly string[], needed: readonly string[]): boolean =>
  usages.every((usage) => allowed.includes(usage)) && needed.every((usage) => usages.includes(usage));

/** Why a kubelet's client certificate must not be issued; undefined when it may. */
export function kubeletClientProblem(request: CertificateRequest, usages: readonly string[]): string | undefined {
  if (!isNodeSubject(request)) return notANode(request);
  if (request.dnsNames.length) return 'DNS subjectAltNames are not allowed';
  if (request.emails.length) return 'Email subjectAltNames are not allowed';
  if (request.ipAddresses.length) return 'IP subjectAltNames are not allowed';
  if (request.uris.length) return 'URI subjectAltNames are not allowed';
  const allowed = ['digital signature', 'key encipherment', 'client auth'];
  if (!only(usages, allowed, ['digital signature', 'client auth'])) return 'usages did not match';
  return undefined;
}

function kubeletServingProblem(request: CertificateRequest, usages: readonly string[]): string | undefined {
  if (!isNodeSubject(request)) return notANode(request);
  if (request.dnsNames.length + request.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
  if (request.emails.length) return 'Email subjectAltNames are not allowed';
  if (request.uris.length) return 'URI subjectAltNames are not allowed';
  const allowed = ['digital signature', 'key encipherment', 'server auth'];
  if (!only(usages, allowed, ['digital signature', 'server auth'])) return 'usages did not match';
  return undefined;
}

const isNodeSubject = ({ subject }: CertificateRequest): boolean =>
  subject.organizations.length === 1 &&
  subject.organizations[0] === 'system:nodes' &&
  subject.commonName.startsWith('system:node:');

const notANode = ({ subject }: CertificateRequest): string =>
  subject.commonName.startsWith('system:node:')
    ? 'subject organization is not system:nodes'
    : 'subject common name does not begin with system:node:';

/** Whether the signer is one of those that run here. */
export const isOurs = (signerName: string): boolean =>
  [apiServerClientSigner, kubeletClientSigner, kubeletServingSigner, legacySigner].includes(signerName);

export type Signed = { readonly certificate: string } | { readonly problem: string };

/** The certificate that an approved request gets (base64 of its PEM, as the status has it), or why it gets none. */
export function signRequest(csr: Csr, authority: CertificateAndKey, now: number): Signed {
  const usages = csr.spec.usages ?? [];
  let request: CertificateRequest;
  try {
    request = decode(csr);
  } catch (error) {
    return { problem: `unable to parse csr ${JSON.stringify(csr.metadata.name)}: ${(error as Error).message}` };
  }
  const problem = problemOf(csr.spec.signerName, request, usages);
  if (problem) return { problem };
  const unknown = usages.find((usage) => !keyUsages[usage] && !extendedUsages[usage]);
  if (unknown) return { problem: `unrecognized usage values: ["${unknown}"]` };
  const wishedMs = csr.spec.expirationSeconds === undefined ? longestMs : csr.spec.expirationSeconds * 1000;
  const lifetimeMs = Math.min(longestMs, Math.max(600_000, wishedMs));
  const pem = certifyKey(authority, request.publicKey, {
    subject: request.subject,
    usages: [...new Set(usages.map((usage) => extendedUsages[usage]).filter((usage) => usage !== undefined))],
    keyUsages: [...new Set(usages.map((usage) => keyUsages[usage]).filter((usage) => usage !== undefined))],
    dnsNames: request.dnsNames,
    ipAddresses: request.ipAddresses,
    uris: request.uris,
    emails: request.emails,
    notBefore: now - clockSkewMs,
    notAfter: now + lifetimeMs,
  });
  return { certificate: Buffer.from(pem).toString('base64') };
}

function problemOf(signer: string, request: CertificateRequest, usages: readonly string[]): string | undefined {
  if (signer === kubeletClientSigner) return kubeletClientProblem(request, usages);
  if (signer === kubeletServingSigner) return kubeletServingProblem(request, usages);
  if (signer !== apiServerClientSigner) return undefined;
  const allowed = ['digital signature', 'key encipherment', 'client auth'];
  return only(usages, allowed, ['client auth']) ? undefined : 'usages did not match';
}

/** The review questions that an automatic approval of a kubelet's request depends on; none when it is no such request. */
export function approvalPermissions(csr: Csr): readonly { readonly subresource: string; readonly message: string }[] {
  if (csr.spec.signerName !== kubeletClientSigner) return [];
  try {
    const request = decode(csr);
    if (kubeletClientProblem(request, csr.spec.usages ?? [])) return [];
    const self = csr.spec.username === request.subject.commonName;
    return [
      ...(self
        ? [
            {
              subresource: 'selfnodeclient',
              message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
            },
          ]
        : []),
      { subresource: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' },
    ];
  } catch {
    return [];
  }
}
