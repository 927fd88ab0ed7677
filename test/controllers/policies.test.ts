import { describe, expect, test } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { CertificateSigningRequest } from '../../src/api/certificates/certificate-signing-request.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ResourceQuota } from '../../src/api/core/resource-quota.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import { PodDisruptionBudget } from '../../src/api/policy/pod-disruption-budget.ts';
import { ClusterRole } from '../../src/api/rbac/cluster-role.ts';
import { certificateFacts, createAuthority, createCertificateRequest, generateKeys } from '../../src/base/pki.ts';
import { certificateController } from '../../src/controllers/certificates/certificates.ts';
import { clusterRoleAggregationController } from '../../src/controllers/cluster-role-aggregation.ts';
import { deploymentController } from '../../src/controllers/deployment/deployment.ts';
import { disruptionController } from '../../src/controllers/disruption/disruption.ts';
import { replicaSetController } from '../../src/controllers/replica-set.ts';
import { resourceQuotaController } from '../../src/controllers/resource-quota.ts';
import {
  bootstrapSignerController,
  detachedJws,
  tokenCleanerController,
} from '../../src/controllers/tokens/bootstrap-tokens.ts';
import { serviceAccountTokenController } from '../../src/controllers/tokens/legacy-tokens.ts';
import { type Harness, startHarness, template } from './harness.ts';

const pod = (h: Harness, name: string, spec: object = {}) =>
  h.client.create(Pod, {
    metadata: { namespace: 'default', name, labels: { app: 'web' } },
    spec: { containers: [{ name: 'app', image: 'app:1', resources: { requests: { cpu: '250m' } } }], ...spec },
  });

describe('a disruption budget', () => {
  const start = () =>
    startHarness({ controllers: [disruptionController, deploymentController, replicaSetController], nodes: 2 });
  const budget = (h: Harness, spec: object) =>
    h.client.create(PodDisruptionBudget, {
      metadata: { namespace: 'default', name: 'b' },
      spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    });
  const status = async (h: Harness) =>
    (await h.client.get(PodDisruptionBudget, { namespace: 'default', name: 'b' })).status;

  test.each([
    [{ minAvailable: 3 }, { disruptionsAllowed: 2, desiredHealthy: 3 }],
    [{ minAvailable: '50%' }, { disruptionsAllowed: 2, desiredHealthy: 3 }],
    [{ maxUnavailable: 1 }, { disruptionsAllowed: 1, desiredHealthy: 4 }],
    [{ maxUnavailable: '0%' }, { disruptionsAllowed: 0, desiredHealthy: 5 }],
  ])('with %j of five healthy pods says %j', async (spec, expected) => {
    await using h = await start();
    await h.client.create(Deployment, {
      metadata: { namespace: 'default', name: 'web' },
      spec: { replicas: 5, selector: { matchLabels: { app: 'web' } }, template: template({ app: 'web' }) },
    });
    await h.settle();
    await budget(h, spec);
    await h.settle();
    expect(await status(h)).toMatchObject({ currentHealthy: 5, expectedPods: 5, ...expected });
    const allowed = expected.disruptionsAllowed > 0;
    expect((await status(h)).conditions).toMatchObject([
      {
        type: 'DisruptionAllowed',
        status: allowed ? 'True' : 'False',
        reason: allowed ? 'SufficientPods' : 'InsufficientPods',
      },
    ]);
  });

  test('follows the health of its pods', async () => {
    await using h = await start();
    await pod(h, 'a');
    await pod(h, 'b');
    await budget(h, { minAvailable: 1 });
    await h.settle();
    expect(await status(h)).toMatchObject({ disruptionsAllowed: 1, currentHealthy: 2 });
    h.frozen.add('a');
    await h.client.delete(Pod, { namespace: 'default', name: 'a' });
    await h.settle();
    expect(await status(h)).toMatchObject({ disruptionsAllowed: 0, currentHealthy: 1 });
  });
});

describe('a resource quota', () => {
  test('counts what its namespace uses, and what it no longer uses', async () => {
    await using h = await startHarness({ controllers: [resourceQuotaController], nodes: 1 });
    await h.client.create(ResourceQuota, {
      metadata: { namespace: 'default', name: 'q' },
      spec: {
        hard: { pods: '5', 'requests.cpu': '2', configmaps: '10', 'count/deployments.apps': '2', services: '1' },
      },
    });
    await pod(h, 'a');
    await pod(h, 'b');
    await h.client.create(ConfigMap, { metadata: { namespace: 'default', name: 'm' } });
    await h.advance(300_000);
    const used = async () => (await h.client.get(ResourceQuota, { namespace: 'default', name: 'q' })).status.used;
    const services = (await used())!['services'];
    expect(await used()).toEqual({
      pods: '2',
      'requests.cpu': '500m',
      configmaps: '1',
      'count/deployments.apps': '0',
      services,
    });
    await h.client.delete(Pod, { namespace: 'default', name: 'a' });
    await h.advance(2_000);
    expect(await used()).toMatchObject({ pods: '1', 'requests.cpu': '250m' });
  });
});

describe('cluster roles', () => {
  test('are aggregated by label, and again when a part changes', async () => {
    await using h = await startHarness({ controllers: [clusterRoleAggregationController] });
    const rule = (resource: string) => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });
    const part = (name: string, resource: string) =>
      h.client.create(ClusterRole, { metadata: { name, labels: { part: 'yes' } }, rules: [rule(resource)] });
    await h.client.create(ClusterRole, {
      metadata: { name: 'whole' },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: 'yes' } }] },
      rules: [],
    });
    await part('b', 'secrets');
    await part('a', 'pods');
    await part('c', 'pods');
    await h.settle();
    const rules = async () =>
      (await h.client.get(ClusterRole, { name: 'whole' })).rules?.map((one) => one.resources![0]);
    expect(await rules()).toEqual(['pods', 'secrets']);
    await h.client.delete(ClusterRole, { name: 'b' });
    await h.settle();
    expect(await rules()).toEqual(['pods']);
  });
});

describe('certificate signing requests', () => {
  test('are signed once they are approved, refused when they do not fit their signer, and thrown away later', async () => {
    const at = Date.UTC(2026, 0, 1);
    const authority = createAuthority('test', at);
    const settings = { signer: { certificate: authority.cert, key: authority.key } };
    await using h = await startHarness({ controllers: [certificateController], settings });
    const request = (commonName: string) =>
      Buffer.from(
        createCertificateRequest(generateKeys().key, { subject: { commonName, organizations: ['team'] } }),
      ).toString('base64');
    const ask = (name: string, usages: string[]) =>
      h.client.create(CertificateSigningRequest, {
        metadata: { name },
        spec: { request: request('jane'), signerName: 'kubernetes.io/kube-apiserver-client', usages },
      });
    const approve = async (name: string) => {
      const csr = await h.client.get(CertificateSigningRequest, { name });
      const condition = { type: 'Approved', status: 'True', reason: 'Test', message: '' };
      await h.client.subresource(
        'update',
        CertificateSigningRequest,
        { name, subresource: 'approval' },
        {
          ...csr,
          status: { conditions: [condition] },
        },
      );
    };
    await ask('good', ['digital signature', 'client auth']);
    await ask('bad', ['server auth']);
    await h.settle();
    expect((await h.client.get(CertificateSigningRequest, { name: 'good' })).status.certificate).toBeUndefined();
    await approve('good');
    await approve('bad');
    await h.settle();
    const { certificate } = (await h.client.get(CertificateSigningRequest, { name: 'good' })).status;
    const facts = certificateFacts(Buffer.from(certificate!, 'base64').toString());
    expect(facts.notAfter).toBeGreaterThan(at);
    expect((await h.client.get(CertificateSigningRequest, { name: 'bad' })).status.conditions?.at(-1)).toMatchObject({
      type: 'Failed',
      message: 'usages did not match',
    });
    await h.advance(2 * 3_600_000);
    expect((await h.client.list(CertificateSigningRequest)).items).toEqual([]);
  });
});

describe('tokens', () => {
  test('of service accounts are filled in and go with their account', async () => {
    const { key } = generateKeys();
    const settings = { serviceAccountKey: key, rootCa: 'PEM' };
    await using h = await startHarness({ controllers: [serviceAccountTokenController], settings });
    const account = await h.client.create(ServiceAccount, { metadata: { namespace: 'default', name: 'robot' } });
    await h.client.create(Secret, {
      metadata: { namespace: 'default', name: 't', annotations: { 'kubernetes.io/service-account.name': 'robot' } },
      type: 'kubernetes.io/service-account-token',
    });
    await h.settle();
    const secret = await h.client.get(Secret, { namespace: 'default', name: 't' });
    const claims = Buffer.from(Buffer.from(secret.data!['token']!, 'base64').toString().split('.')[1]!, 'base64url');
    expect(JSON.parse(claims.toString())).toMatchObject({
      sub: 'system:serviceaccount:default:robot',
      'kubernetes.io/serviceaccount/service-account.uid': account.metadata.uid,
    });
    expect(Buffer.from(secret.data!['ca.crt']!, 'base64').toString()).toBe('PEM');
    await h.client.delete(ServiceAccount, { namespace: 'default', name: 'robot' });
    await h.settle();
    expect(await h.client.find(Secret, { namespace: 'default', name: 't' })).toBeUndefined();
  });

  test('for bootstrapping sign the cluster info and are deleted when their time is over', async () => {
    await using h = await startHarness({ controllers: [bootstrapSignerController, tokenCleanerController] });
    const encode = (text: string) => Buffer.from(text).toString('base64');
    await h.client.create(Namespace, { metadata: { name: 'kube-public' } }).catch(() => undefined);
    const info = { namespace: 'kube-public', name: 'cluster-info' };
    await h.client.create(ConfigMap, { metadata: info, data: { kubeconfig: 'content' } });
    await h.client.create(Secret, {
      metadata: { namespace: 'kube-system', name: 'bootstrap-token-abcdef' },
      type: 'bootstrap.kubernetes.io/token',
      data: {
        'token-id': encode('abcdef'),
        'token-secret': encode('0123456789abcdef'),
        'usage-bootstrap-signing': encode('true'),
        expiration: encode('2026-01-01T01:00:00Z'),
      },
    });
    await h.settle();
    expect((await h.client.get(ConfigMap, info)).data).toEqual({
      kubeconfig: 'content',
      'jws-kubeconfig-abcdef': detachedJws('content', { id: 'abcdef', secret: '0123456789abcdef' }),
    });
    await h.advance(3_601_000);
    expect((await h.client.get(ConfigMap, info)).data).toEqual({ kubeconfig: 'content' });
    expect(await h.client.find(Secret, { namespace: 'kube-system', name: 'bootstrap-token-abcdef' })).toBeUndefined();
  });
});
