import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { ratcheted, tolerable } from '../core/ratcheting.ts';
import { defineKind, type Shared } from '../kind.ts';
import { humanDuration } from '../machinery/duration.ts';
import type * as certificates from '../types/certificates-v1.ts';
import {
  validateApprovalUpdate,
  validateCertificateSigningRequest,
  validateCertificateStatusUpdate,
} from './certificate-signing-request-validation.ts';

/** A request for a certificate, to be approved and signed. */
export type CertificateSigningRequest = certificates.CertificateSigningRequest;

/** certificates.k8s.io/v1 CertificateSigningRequest. */
export const CertificateSigningRequest = defineKind<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  scope: 'Cluster',
  schema: 'certificates/v1.CertificateSigningRequest',
  subresources: { status: true, approval: { verbs: ['get', 'patch', 'update'] } },
  prepareCreate(request, { userName, userUid, userGroups, userExtra }) {
    const { username: _, uid: __, groups: ___, extra: ____, ...spec } = request.spec;
    // Who asks is what approvers and signers rely on, so it is never taken from the body.
    request.spec = {
      ...spec,
      ...(userName ? { username: userName } : {}),
      ...(userUid ? { uid: userUid } : {}),
      ...(userGroups?.length ? { groups: [...userGroups] } : {}),
      ...(userExtra && Object.keys(userExtra).length
        ? { extra: Object.fromEntries(Object.entries(userExtra).map(([key, values]) => [key, [...values]])) }
        : {}),
    };
    request.status = {};
  },
  prepareUpdate(request, old) {
    // Only metadata can change after creation.
    request.spec = structuredClone(old.spec) as CertificateSigningRequest['spec'];
  },
  validateName: () => [],
  validate: ratcheted(validateCertificateSigningRequest, [tolerable({ path: /^spec\./ })]),
  validateStatusUpdate: validateCertificateStatusUpdate,
  validateSubresourceUpdate: (subresource, request, old) =>
    subresource === 'approval' ? validateApprovalUpdate(request, old) : [],
  columns: [
    nameColumn,
    ageColumn,
    textColumn('SignerName', (r) => r.spec.signerName || '<none>'),
    textColumn('Requestor', (r) => r.spec.username ?? ''),
    textColumn('RequestedDuration', (r) =>
      r.spec.expirationSeconds === undefined ? '<none>' : humanDuration(r.spec.expirationSeconds * 1000),
    ),
    textColumn('Condition', condition),
  ],
  fieldLabels: { 'spec.signerName': (r) => r.spec.signerName },
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
});

function condition({ status }: Shared<CertificateSigningRequest>): string {
  const has = (type: string) => (status.conditions ?? []).some((c) => c.type === type);
  const texts = [];
  if (has('Denied')) texts.push('Denied');
  else if (has('Approved')) texts.push('Approved');
  else texts.push('Pending');
  if (has('Failed')) texts.push('Failed');
  if (status.certificate) texts.push('Issued');
  return texts.join(',');
}
