import { SubjectAccessReview } from '../../api/authorization/subject-access-review.ts';
import { CertificateSigningRequest } from '../../api/certificates/certificate-signing-request.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import type { CertificateSigningRequestCondition } from '../../api/types/certificates-v1.ts';
import { formatTime, parseTime } from '../../base/clock.ts';
import { certificateFacts } from '../../base/pki.ts';
import { type ControllerContext, defineController, type ReconcileResult } from '../../client/reconcile.ts';
import { findCondition } from '../conditions.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { approvalPermissions, isOurs, signRequest } from './signing.ts';

type Csr = Shared<CertificateSigningRequest>;

const hour = 3_600_000;
/** How long requests are kept, by what became of them, as upstream. */
const keptMs = { approved: hour, denied: hour, failed: hour, pending: 24 * hour };

/** Approves what kubelets may have, signs what was approved, and throws old requests away. */
export const certificateController = defineController<CertificateSigningRequest>({
  name: 'certificate-controller',
  for: CertificateSigningRequest,
  rbac: [
    allow('get list watch delete', 'certificates.k8s.io', 'certificatesigningrequests'),
    allow('update', 'certificates.k8s.io', 'certificatesigningrequests/status certificatesigningrequests/approval'),
    allow('approve', 'certificates.k8s.io', 'signers', ['kubernetes.io/kube-apiserver-client-kubelet']),
    allow('sign', 'certificates.k8s.io', 'signers', [
      'kubernetes.io/legacy-unknown',
      'kubernetes.io/kube-apiserver-client',
      'kubernetes.io/kube-apiserver-client-kubelet',
      'kubernetes.io/kubelet-serving',
    ]),
    allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    recordEvents,
  ],
  async reconcile(key, context) {
    const csr = context.lister(CertificateSigningRequest).byKey(key);
    if (!csr || csr.metadata.deletionTimestamp) return undefined;
    const leftMs = expiryOf(csr) - context.clock.now();
    if (leftMs <= 0) {
      try {
        await context.client.delete(CertificateSigningRequest, csr.metadata, {
          preconditions: { uid: csr.metadata.uid },
        });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return undefined;
    }
    const again: ReconcileResult = { requeueAfterMs: leftMs };
    const is = (type: string) => findCondition(csr.status.conditions, type)?.status === 'True';
    if (is('Denied') || is('Failed') || csr.status.certificate) return again;
    if (is('Approved')) await sign(csr, context);
    else await approve(csr, context);
    return again;
  },
});

function expiryOf(csr: Csr): number {
  const created = parseTime(csr.metadata.creationTimestamp);
  const since = (type: string) => {
    const condition = findCondition(csr.status.conditions, type);
    if (condition?.status !== 'True') return undefined;
    return parseTime(condition.lastUpdateTime ?? condition.lastTransitionTime ?? csr.metadata.creationTimestamp);
  };
  const denied = since('Denied');
  if (denied !== undefined) return denied + keptMs.denied;
  const failed = since('Failed');
  if (failed !== undefined) return failed + keptMs.failed;
  const approved = since('Approved');
  if (approved === undefined) return created + keptMs.pending;
  if (!csr.status.certificate) return approved + keptMs.approved;
  const kept = approved + keptMs.approved;
  try {
    const pem = Buffer.from(csr.status.certificate, 'base64').toString();
    return Math.min(kept, certificateFacts(pem).notAfter);
  } catch {
    return kept;
  }
}

async function approve(csr: Csr, { client, clock }: ControllerContext): Promise<void> {
  const { username, groups, uid, extra } = csr.spec;
  const permissions = approvalPermissions(csr);
  for (const { subresource, message } of permissions) {
    const review = await client.create(SubjectAccessReview, {
      spec: {
        user: username ?? '',
        ...(groups ? { groups: [...groups] } : {}),
        ...(uid ? { uid } : {}),
        ...(extra ? { extra: extra as Record<string, string[]> } : {}),
        resourceAttributes: {
          group: 'certificates.k8s.io',
          resource: 'certificatesigningrequests',
          verb: 'create',
          subresource,
          version: '*',
        },
      },
    });
    if (!review.status.allowed) continue;
    const conditions = [
      ...(csr.status.conditions ?? []),
      condition('Approved', 'AutoApproved', { message, now: clock.now() }),
    ];
    const body = { ...csr, status: { ...csr.status, conditions } };
    const where = { name: csr.metadata.name, subresource: 'approval' };
    await client.subresource('update', CertificateSigningRequest, where, body);
    return;
  }
  if (permissions.length > 0) {
    // The permission may be given a moment later, as a joining node's is.
    throw new Error(`recognized csr ${JSON.stringify(csr.metadata.name)} but subject access review was not approved`);
  }
}

async function sign(csr: Csr, { client, clock, settings }: ControllerContext): Promise<void> {
  if (!isOurs(csr.spec.signerName) || !settings.signer) return;
  const authority = { cert: settings.signer.certificate, key: settings.signer.key };
  const signed = signRequest(csr, authority, clock.now());
  const status =
    'certificate' in signed
      ? { ...csr.status, certificate: signed.certificate }
      : {
          ...csr.status,
          conditions: [
            ...(csr.status.conditions ?? []),
            condition('Failed', 'SignerValidationFailure', { message: signed.problem, now: clock.now() }),
          ],
        };
  await client.updateStatus(CertificateSigningRequest, { ...csr, status });
}

function condition(
  type: string,
  reason: string,
  { message, now }: { message: string; now: number },
): CertificateSigningRequestCondition {
  const at = formatTime(now);
  return { type, status: 'True', reason, message, lastUpdateTime: at, lastTransitionTime: at };
}
