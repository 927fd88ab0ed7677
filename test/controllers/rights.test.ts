import { expect, test } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { HorizontalPodAutoscaler } from '../../src/api/autoscaling/horizontal-pod-autoscaler.ts';
import { CertificateSigningRequest } from '../../src/api/certificates/certificate-signing-request.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Endpoints } from '../../src/api/core/endpoints.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Node } from '../../src/api/core/node.ts';
import { PersistentVolume } from '../../src/api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { Service } from '../../src/api/core/service.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import { EndpointSlice } from '../../src/api/discovery/endpoint-slice.ts';
import { ServiceCIDR } from '../../src/api/networking/service-cidr.ts';
import { ClusterRole } from '../../src/api/rbac/cluster-role.ts';
import { ResourceClaimTemplate } from '../../src/api/resource/resource-claim-template.ts';
import { VolumeAttachment } from '../../src/api/storage/volume-attachment.ts';
import { createCertificateRequest, generateKeys } from '../../src/base/pki.ts';
import { startCluster } from '../../src/cluster/start.ts';
import { template } from './harness.ts';

const ns = 'default';
const encode = (text: string) => Buffer.from(text).toString('base64');

/** Each controller acts as its own service account, with nothing but the role that it declares. */
test('every controller may do what it has to', async () => {
  await using c = await startCluster({ clock: 'virtual', nodes: 2, seed: 1 });
  const { client } = c;
  const find = { namespace: ns, name: 'x' };
  await client.create(Deployment, {
    metadata: find,
    spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template({ app: 'web' }) },
  });
  await client.create(HorizontalPodAutoscaler, {
    metadata: find,
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' },
      minReplicas: 4,
      maxReplicas: 5,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
      ],
    },
  });
  const subject = { commonName: 'system:node:x', organizations: ['system:nodes'] };
  await client.create(CertificateSigningRequest, {
    metadata: { name: 'x' },
    spec: {
      request: encode(createCertificateRequest(generateKeys().key, { subject })),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
    },
  });
  const storage = { accessModes: ['ReadWriteOnce'], storageClassName: '' };
  const csi = { driver: 'csi.example.com', volumeHandle: 'h' };
  await client.create(PersistentVolume, {
    metadata: { name: 'x' },
    spec: { ...storage, capacity: { storage: '1Gi' }, csi },
  });
  const resources = { requests: { storage: '1Gi' } };
  await client.create(PersistentVolumeClaim, { metadata: find, spec: { ...storage, resources } });
  await client.create(ResourceClaimTemplate, {
    metadata: find,
    spec: { spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } } },
  } as never);
  await client.create(Pod, {
    metadata: find,
    spec: {
      nodeName: 'node-1',
      containers: [{ name: 'app', image: 'app:1' }],
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: 'x' } },
        { name: 'scratch', ephemeral: { volumeClaimTemplate: { spec: { ...storage, resources } } } },
      ],
    },
  });
  await client.create(Pod, {
    metadata: { namespace: ns, name: 'device-user' },
    spec: {
      containers: [{ name: 'app', image: 'app:1' }],
      resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'x' }],
    },
  });
  await client.create(ServiceAccount, { metadata: find });
  await client.create(Secret, {
    metadata: { ...find, annotations: { 'kubernetes.io/service-account.name': 'x' } },
    type: 'kubernetes.io/service-account-token',
  });
  await client.create(Secret, {
    metadata: { namespace: 'kube-system', name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    data: {
      'token-id': encode('abcdef'),
      'token-secret': encode('0123456789abcdef'),
      'usage-bootstrap-signing': encode('true'),
      expiration: encode('2026-01-01T00:10:00Z'),
    },
  });
  const info = { namespace: 'kube-public', name: 'cluster-info' };
  await client.create(ConfigMap, { metadata: info, data: { kubeconfig: 'content' } });
  await client.create(Service, { metadata: find, spec: { ports: [{ port: 80 }] } });
  await client.create(Endpoints, {
    metadata: find,
    subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 80 }] }],
  });
  await client.create(ServiceCIDR, { metadata: { name: 'x' }, spec: { cidrs: ['10.200.0.0/24'] } });
  await client.create(ClusterRole, {
    metadata: { name: 'x' },
    aggregationRule: {
      clusterRoleSelectors: [{ matchLabels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } }],
    },
    rules: [],
  });
  await client.create(Namespace, { metadata: { name: 'team' } });
  await c.advance('120s');

  expect((await client.get(Deployment, find)).status.availableReplicas).toBe(4);
  expect((await client.get(CertificateSigningRequest, { name: 'x' })).status.certificate).toBeDefined();
  expect((await client.get(PersistentVolumeClaim, find)).status.phase).toBe('Bound');
  expect(await client.find(PersistentVolumeClaim, { namespace: ns, name: 'x-scratch' })).toBeDefined();
  expect((await client.list(VolumeAttachment)).items).toHaveLength(1);
  const user = await client.get(Pod, { namespace: ns, name: 'device-user' });
  expect(user.status.resourceClaimStatuses).toHaveLength(1);
  expect(Object.keys((await client.get(Secret, find)).data ?? {}).sort()).toEqual(['ca.crt', 'namespace', 'token']);
  expect(Object.keys((await client.get(ConfigMap, info)).data ?? {})).toContain('jws-kubeconfig-abcdef');
  const mirrored = {
    namespace: ns,
    labelSelector:
      'endpointslice.kubernetes.io/managed-by=endpointslicemirroring-controller.k8s.io,kubernetes.io/service-name=x',
  };
  expect((await client.list(EndpointSlice, mirrored)).items).toHaveLength(1);
  expect((await client.get(ServiceCIDR, { name: 'x' })).status.conditions).toMatchObject([{ status: 'True' }]);
  expect((await client.get(ClusterRole, { name: 'x' })).rules?.length).toBeGreaterThan(0);
  expect((await client.get(Node, { name: 'node-1' })).spec.podCIDR).toBeDefined();
  expect(await client.find(ConfigMap, { namespace: 'team', name: 'kube-root-ca.crt' })).toBeDefined();

  await client.delete(Namespace, { name: 'team' });
  await client.delete(ServiceCIDR, { name: 'x' });
  await client.delete(Pod, find);
  await client.delete(PersistentVolumeClaim, find);
  await client.delete(Node, { name: 'node-2' });
  await c.advance('20m');
  expect(await client.find(Namespace, { name: 'team' })).toBeUndefined();
  expect(await client.find(ServiceCIDR, { name: 'x' })).toBeUndefined();
  expect(await client.find(PersistentVolumeClaim, find)).toBeUndefined();
  expect(await client.find(Secret, { namespace: 'kube-system', name: 'bootstrap-token-abcdef' })).toBeUndefined();
  expect((await client.list(VolumeAttachment)).items).toHaveLength(0);
});
