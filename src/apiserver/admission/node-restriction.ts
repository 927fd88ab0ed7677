import type { CertificateSigningRequest } from '../../api/certificates/certificate-signing-request.ts';
import type { Lease } from '../../api/coordination/lease.ts';
import type { Node } from '../../api/core/node.ts';
import type { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import type { TokenRequest } from '../../api/types/authentication-v1.ts';
import { readCertificateRequest } from '../../base/certificate-reader.ts';
import { deepEqual } from '../../base/deep.ts';
import { nodeOfUser } from '../authz/node.ts';
import { podReferences } from '../authz/node-graph.ts';
import { type AdmissionEnvironment, type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { refusal } from './refusal.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';
const key = ({ resource, subresource }: AdmissionRequest) =>
  `${resource.group ? `${resource.plural}.${resource.group}` : resource.plural}${subresource ? `/${subresource}` : ''}`;

/** A kubelet changes its own node, its own pods and what belongs to them, and nothing else (upstream noderestriction). */
export const nodeRestriction = defineAdmissionPlugin({
  name: 'NodeRestriction',
  order: 80,
  enabledByDefault: true,
  handles: ({ user, operation }) => operation !== 'CONNECT' && user.groups.includes('system:nodes'),
  create(environment) {
    return {
      validate(request) {
        const node = nodeOfUser(request.user);
        if (!node) {
          throw refusal(request, `could not determine node from user ${JSON.stringify(request.user.name)}`);
        }
        switch (key(request)) {
          case 'pods':
            return request.operation === 'CREATE'
              ? assertOwnMirrorPod(request, node)
              : request.operation === 'DELETE'
                ? assertOwnPod(environment, request, node)
                : denied(request, `unexpected operation ${JSON.stringify(request.operation)}`);
          case 'pods/status':
            return assertOwnPodStatus(request, node);
          case 'pods/eviction':
            return assertOwnPod(environment, request, node);
          case 'nodes':
          case 'nodes/status':
            return assertOwnNode(request, node);
          case 'persistentvolumeclaims/status':
            return assertClaimStatus(request);
          case 'serviceaccounts/token':
            return assertOwnToken(environment, request, node);
          case 'leases.coordination.k8s.io':
            return assertOwnLease(request, node);
          case 'csinodes.storage.k8s.io':
            return assertOwnNamed(request, node, 'CSINode');
          case 'resourceslices.resource.k8s.io':
            return assertOwnSlice(request, node);
          case 'certificatesigningrequests.certificates.k8s.io':
            return assertOwnCertificate(request, node);
        }
      },
    };
  },
});

function denied(request: AdmissionRequest, why: string): never {
  throw refusal(request, why);
}

async function livePod(
  { client }: AdmissionEnvironment,
  namespace: string,
  name: string,
): Promise<Shared<Pod> | undefined> {
  return client.find(Pod, { namespace, name });
}

function assertOwnMirrorPod(request: AdmissionRequest, node: string): void {
  const pod = request.object as Pod;
  if (pod.metadata.annotations?.[mirrorAnnotation] === undefined) {
    denied(
      request,
      `pod does not have ${JSON.stringify(mirrorAnnotation)} annotation, node ${JSON.stringify(node)} can only create mirror pods`,
    );
  }
  if (pod.spec.nodeName !== node) {
    denied(request, `node ${JSON.stringify(node)} can only create pods with spec.nodeName set to itself`);
  }
  const owners = pod.metadata.ownerReferences ?? [];
  if (owners.length > 1)
    denied(request, `node ${JSON.stringify(node)} can only create pods with a single owner reference set to itself`);
  const owner = owners[0];
  if (!owner)
    denied(request, `node ${JSON.stringify(node)} can only create pods with an owner reference set to itself`);
  if (owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    denied(request, `node ${JSON.stringify(node)} can only create pods with an owner reference set to itself`);
  }
  if (!owner.controller) {
    denied(
      request,
      `node ${JSON.stringify(node)} can only create pods with a controller owner reference set to itself`,
    );
  }
  if (owner.blockOwnerDeletion) {
    denied(request, `node ${JSON.stringify(node)} must not set blockOwnerDeletion on an owner reference`);
  }
  if (pod.spec.serviceAccountName)
    denied(request, `node ${JSON.stringify(node)} can not create pods that reference a service account`);
  const refs = podReferences(pod);
  const names: [string, number][] = [
    ['secrets', refs.secrets.size],
    ['configmaps', refs.configmaps.size],
    ['resourceclaims', refs.resourceclaims.size],
    ['persistentvolumeclaims', refs.persistentvolumeclaims.size],
  ];
  for (const [what, count] of names) {
    if (count > 0) denied(request, `node ${JSON.stringify(node)} can not create pods that reference ${what}`);
  }
  const labels = Object.keys(pod.metadata.labels ?? {}).filter((label) => isNodeRestrictionLabel(label));
  if (labels.length)
    denied(request, `node ${JSON.stringify(node)} can not create pods with labels ${labels.join(', ')}`);
}

async function assertOwnPod(environment: AdmissionEnvironment, request: AdmissionRequest, node: string): Promise<void> {
  const pod = await livePod(environment, request.namespace, request.name);
  if (!pod) return;
  if (pod.spec.nodeName === node) return;
  const verb = request.subresource === 'eviction' ? 'evict' : 'delete';
  denied(request, `node ${JSON.stringify(node)} can only ${verb} pods with spec.nodeName set to itself`);
}

function assertOwnPodStatus(request: AdmissionRequest, node: string): void {
  const old = request.oldObject as Shared<Pod> | undefined;
  const pod = request.object as Pod | undefined;
  if (old && old.spec.nodeName !== node) {
    denied(
      request,
      `node ${JSON.stringify(node)} can only update pod status for pods with spec.nodeName set to itself`,
    );
  }
  if (old && pod && !deepEqual(old.metadata.labels ?? {}, pod.metadata.labels ?? {})) {
    denied(request, `node ${JSON.stringify(node)} cannot update labels through pod status`);
  }
  if (old && pod && !deepEqual(old.status.resourceClaimStatuses ?? [], pod.status.resourceClaimStatuses ?? [])) {
    denied(request, `node ${JSON.stringify(node)} cannot update resource claim statuses`);
  }
}

const kubeletLabels: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
]);

const domainOf = (label: string) => (label.includes('/') ? label.slice(0, label.indexOf('/')) : '');
const isWithin = (domain: string, parent: string) => domain === parent || domain.endsWith(`.${parent}`);
const isNodeRestrictionLabel = (label: string) => isWithin(domainOf(label), 'node-restriction.kubernetes.io');

/** Labels of Kubernetes' own domains that a kubelet may not set on itself. */
function isForbiddenLabel(label: string): boolean {
  const domain = domainOf(label);
  if (isNodeRestrictionLabel(label)) return true;
  if (!isWithin(domain, 'kubernetes.io') && !isWithin(domain, 'k8s.io')) return false;
  if (isWithin(domain, 'kubelet.kubernetes.io') || isWithin(domain, 'node.kubernetes.io')) return false;
  return !kubeletLabels.has(label);
}

function assertOwnNode(request: AdmissionRequest, node: string): void {
  const name = request.name || request.object?.metadata.name || '';
  if (name !== node) {
    denied(request, `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name)}`);
  }
  if (request.operation === 'DELETE')
    denied(request, `node ${JSON.stringify(node)} cannot delete node ${JSON.stringify(name)}`);
  const object = request.object as Node;
  const old = request.oldObject as Shared<Node> | undefined;
  const changed = Object.keys({ ...object.metadata.labels, ...old?.metadata.labels }).filter(
    (label) => object.metadata.labels?.[label] !== old?.metadata.labels?.[label],
  );
  const forbidden = changed.filter(isForbiddenLabel).sort();
  if (forbidden.length) {
    const verb = old ? 'modify' : 'set';
    denied(request, `is not allowed to ${verb} the following labels: ${forbidden.join(', ')}`);
  }
  if (!old) {
    if (object.spec.configSource)
      denied(request, `node ${JSON.stringify(node)} is not allowed to set spec.configSource`);
    return;
  }
  if (!deepEqual(old.spec.taints ?? [], object.spec.taints ?? [])) {
    denied(request, `node ${JSON.stringify(node)} is not allowed to modify taints`);
  }
  if (!deepEqual(old.metadata.ownerReferences ?? [], object.metadata.ownerReferences ?? [])) {
    denied(request, `node ${JSON.stringify(node)} is not allowed to modify ownerReferences`);
  }
}

function assertClaimStatus(request: AdmissionRequest): void {
  if (request.operation !== 'UPDATE') denied(request, `unexpected operation ${JSON.stringify(request.operation)}`);
  const facts = (claim: Shared<PersistentVolumeClaim>) => ({
    labels: claim.metadata.labels ?? {},
    annotations: claim.metadata.annotations ?? {},
    finalizers: claim.metadata.finalizers ?? [],
    ownerReferences: claim.metadata.ownerReferences ?? [],
    spec: claim.spec,
    phase: claim.status.phase,
    accessModes: claim.status.accessModes ?? [],
  });
  const [before, after] = [request.oldObject as Shared<PersistentVolumeClaim>, request.object as PersistentVolumeClaim];
  if (!deepEqual(facts(before), facts(after))) {
    denied(request, 'node is not allowed to update fields other than status.quantity and status.conditions');
  }
}

async function assertOwnToken(
  environment: AdmissionEnvironment,
  request: AdmissionRequest,
  node: string,
): Promise<void> {
  const { spec } = request.object as unknown as TokenRequest;
  const ref = spec.boundObjectRef;
  if (ref?.kind !== 'Pod' || (ref.apiVersion && ref.apiVersion !== 'v1') || !ref.name) {
    denied(request, 'node requested token not bound to a pod');
  }
  const { uid } = ref;
  if (!uid) denied(request, `node requested token with a pod binding without a uid`);
  const pod = await livePod(environment, request.namespace, ref.name!);
  if (!pod) denied(request, `pod ${JSON.stringify(ref.name)} not found`);
  if (uid !== pod.metadata.uid) {
    denied(
      request,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (pod.spec.nodeName !== node) denied(request, 'node requested token bound to a pod scheduled on a different node');
  const known = audiencesOf(pod);
  for (const audience of spec.audiences ?? []) {
    if (audience === '' || known.has(audience)) continue;
    const { decision } = await environment.authorizer.authorize({
      user: request.user,
      verb: 'request-serviceaccounts-token-audience',
      resourceRequest: true,
      group: '',
      version: 'v1',
      resource: audience,
      namespace: request.namespace,
      name: pod.spec.serviceAccountName ?? '',
    });
    if (decision !== 'Allow') denied(request, `audience ${JSON.stringify(audience)} not found in pod spec volume`);
  }
}

/** The audiences of the tokens that a pod's volumes project; without one it is the API server's. */
function audiencesOf(pod: Shared<Pod>): ReadonlySet<string> {
  const out = new Set<string>();
  for (const volume of pod.spec.volumes ?? []) {
    for (const source of volume.projected?.sources ?? []) {
      if (source.serviceAccountToken) out.add(source.serviceAccountToken.audience ?? '');
    }
  }
  return out;
}

function assertOwnLease(request: AdmissionRequest, node: string): void {
  if (request.namespace !== 'kube-node-lease') {
    denied(request, `can only access leases in the "kube-node-lease" system namespace`);
  }
  const name = request.operation === 'CREATE' ? (request.object as Lease).metadata.name : request.name;
  if (name !== node) denied(request, 'can only access node lease with the same name as the requesting node');
}

function assertOwnNamed(request: AdmissionRequest, node: string, what: string): void {
  const name = request.operation === 'CREATE' ? request.object?.metadata.name : request.name;
  if (name !== node) denied(request, `can only access ${what} with the same name as the requesting node`);
}

function assertOwnSlice(request: AdmissionRequest, node: string): void {
  const slice = (request.object ?? request.oldObject) as unknown as { spec?: { nodeName?: string } } | undefined;
  if (!slice || slice.spec?.nodeName === node) return;
  denied(
    request,
    `can only ${request.operation === 'DELETE' ? 'delete' : 'create or update'} ResourceSlice with the same NodeName as the requesting node`,
  );
}

function assertOwnCertificate(request: AdmissionRequest, node: string): void {
  if (request.operation !== 'CREATE') return;
  const { spec } = request.object as CertificateSigningRequest;
  const signers = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];
  if (!signers.includes(spec.signerName)) return;
  let commonName: string;
  try {
    ({ commonName } = readCertificateRequest(Buffer.from(String(spec.request), 'base64').toString()).subject);
  } catch (error) {
    throw refusal(request, `unable to parse csr: ${(error as Error).message}`);
  }
  if (commonName !== `system:node:${node}`) {
    denied(request, `can only create a node CSR with CN=system:node:${node}`);
  }
}
