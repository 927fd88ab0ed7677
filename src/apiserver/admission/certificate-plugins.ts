/** The plugins that guard CertificateSigningRequests and trust bundles. */
import type { CertificateSigningRequest } from '../../api/certificates/certificate-signing-request.ts';
import type { Shared } from '../../api/kind.ts';
import { readCertificateRequest } from '../../base/certificate-reader.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { isResource, refusal } from './refusal.ts';
import { mayActForSigner } from './signer-authorization.ts';

const group = 'certificates.k8s.io';
const resource = 'certificatesigningrequests';

const isUpdateOf = (request: AdmissionRequest, subresource: string) =>
  request.operation === 'UPDATE' && isResource(request, group, resource, subresource);

/** Approving needs the verb `approve` on the signer. */
export const certificateApproval = defineAdmissionPlugin({
  name: 'CertificateApproval',
  order: 240,
  enabledByDefault: true,
  handles: (request) => isUpdateOf(request, 'approval'),
  create: ({ authorizer }) => ({
    async validate(request) {
      const { signerName } = (request.oldObject as Shared<CertificateSigningRequest>).spec;
      if (await mayActForSigner(authorizer, request.user, { verb: 'approve', signerName })) return;
      throw refusal(request, `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`);
    },
  }),
});

/** Issuing a certificate, or saying that it failed, needs the verb `sign` on the signer. */
export const certificateSigning = defineAdmissionPlugin({
  name: 'CertificateSigning',
  order: 250,
  enabledByDefault: true,
  handles: (request) => isUpdateOf(request, 'status'),
  create: ({ authorizer }) => ({
    async validate(request) {
      const old = request.oldObject as Shared<CertificateSigningRequest>;
      const updated = request.object as CertificateSigningRequest;
      const failed = (of: Shared<CertificateSigningRequest>) =>
        JSON.stringify((of.status.conditions ?? []).filter((condition) => condition.type === 'Failed'));
      if ((old.status.certificate ?? '') === (updated.status.certificate ?? '') && failed(old) === failed(updated))
        return;
      const { signerName } = old.spec;
      if (await mayActForSigner(authorizer, request.user, { verb: 'sign', signerName })) return;
      throw refusal(request, `user not permitted to sign requests with signerName ${JSON.stringify(signerName)}`);
    },
  }),
});

/** Nobody gets a client certificate for system:masters by asking for one. */
export const certificateSubjectRestriction = defineAdmissionPlugin({
  name: 'CertificateSubjectRestriction',
  order: 260,
  enabledByDefault: true,
  handles: (request) => request.operation === 'CREATE' && isResource(request, group, resource),
  create: () => ({
    validate(request) {
      const { spec } = request.object as CertificateSigningRequest;
      if (spec.signerName !== 'kubernetes.io/kube-apiserver-client') return;
      let organizations: readonly string[];
      try {
        organizations = readCertificateRequest(Buffer.from(String(spec.request), 'base64').toString()).subject
          .organizations;
      } catch (error) {
        throw refusal(request, `unable to parse CSR: ${(error as Error).message}`);
      }
      if (!organizations.includes('system:masters')) return;
      throw refusal(request, `use of ${spec.signerName} signer with system:masters group is not allowed`);
    },
  }),
});

/** Publishing trust in a signer's name needs the verb `attest` on the signer. */
export const clusterTrustBundleAttest = defineAdmissionPlugin({
  name: 'ClusterTrustBundleAttest',
  order: 255,
  enabledByDefault: true,
  handles: (request) =>
    (request.operation === 'CREATE' || request.operation === 'UPDATE') &&
    isResource(request, group, 'clustertrustbundles'),
  create: ({ authorizer }) => ({
    async validate(request) {
      const signerName = (request.object as unknown as { spec: { signerName?: string } }).spec.signerName;
      if (!signerName) return;
      if (await mayActForSigner(authorizer, request.user, { verb: 'attest', signerName })) return;
      throw refusal(request, `user not permitted to attest for signerName ${JSON.stringify(signerName)}`);
    },
  }),
});
