import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Pod } from '../../api/core/pod.ts';
import { ServiceAccount } from '../../api/core/service-account.ts';
import { PodDisruptionBudget } from '../../api/policy/pod-disruption-budget.ts';
import { realClock } from '../../base/clock.ts';
import { generateKeys } from '../../base/pki.ts';
import { createServiceAccountSigner } from '../authn/service-account-signer.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

let running: TestServer;
beforeAll(async () => {
  const signer = createServiceAccountSigner({
    issuers: ['https://issuer.example'],
    key: generateKeys().key,
    clock: realClock,
  });
  running = await startTestServer({ serviceAccountSigner: signer, apiAudiences: ['https://issuer.example'] });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const pods = '/api/v1/namespaces/default/pods';
const evict = (name: string, more: object = {}) =>
  running.http('POST', `${pods}/${name}/eviction`, {
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, ...more },
  });

async function readyPod(name: string, labels: Record<string, string>): Promise<void> {
  const ref = { namespace: 'default', name };
  await running.client.create(Pod, {
    metadata: { ...ref, labels },
    spec: { nodeName: 'n', terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'i' }] },
  });
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await running.client.patch(Pod, ref, { status }, { type: 'merge', subresource: 'status' });
}

describe('eviction', () => {
  beforeAll(async () => {
    for (const name of ['guarded-1', 'guarded-2']) await readyPod(name, { app: 'guarded' });
    await readyPod('free', { app: 'free' });
    const budget = await running.client.create(PodDisruptionBudget, {
      metadata: { namespace: 'default', name: 'budget' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'guarded' } } },
    });
    const status = {
      observedGeneration: budget.metadata.generation,
      disruptionsAllowed: 1,
      currentHealthy: 2,
      desiredHealthy: 1,
      expectedPods: 2,
    };
    await running.client.patch(
      PodDisruptionBudget,
      { namespace: 'default', name: 'budget' },
      { status },
      { type: 'merge', subresource: 'status' },
    );
  });

  it('deletes a pod that no budget guards', async () => {
    const { status, json } = await evict('free');
    expect(status).toBe(201);
    expect(json).toMatchObject({ kind: 'Status', status: 'Success' });
    expect(await running.client.find(Pod, { namespace: 'default', name: 'free' })).toBeUndefined();
  });

  it('spends the budget, and refuses in its words when none is left', async () => {
    expect((await evict('guarded-1', { deleteOptions: { dryRun: ['All'] } })).status).toBe(201);
    expect((await evict('guarded-1')).status).toBe(201);
    const budget = await running.client.get(PodDisruptionBudget, { namespace: 'default', name: 'budget' });
    expect(budget.status.disruptionsAllowed).toBe(0);
    expect(Object.keys(budget.status.disruptedPods ?? {})).toEqual(['guarded-1']);
    const { status, json } = await evict('guarded-2');
    expect(status).toBe(429);
    expect(json.message).toBe("Cannot evict pod as it would violate the pod's disruption budget.");
    expect(json.details.causes).toEqual([
      { reason: 'DisruptionBudget', message: 'The disruption budget budget needs 1 healthy pods and has 2 currently' },
    ]);
  });

  it('refuses a body that names another pod', async () => {
    expect((await evict('guarded-2', { metadata: { name: 'other' } })).status).toBe(400);
  });
});

describe('tokens', () => {
  it('are made for service accounts', async () => {
    const { status, json } = await running.http('POST', '/api/v1/namespaces/default/serviceaccounts/default/token', {
      body: { spec: { expirationSeconds: 3600, audiences: ['x'] } },
    });
    expect(status).toBe(201);
    expect(json.kind).toBe('TokenRequest');
    const claims = JSON.parse(Buffer.from(json.status.token.split('.')[1], 'base64url').toString());
    expect(claims).toMatchObject({
      sub: 'system:serviceaccount:default:default',
      aud: ['x'],
      iss: 'https://issuer.example',
    });
    expect(
      (await running.http('POST', '/api/v1/namespaces/default/serviceaccounts/nobody/token', { body: { spec: {} } }))
        .status,
    ).toBe(404);
    const keys = (await running.http('GET', '/openid/v1/jwks')).json.keys;
    expect(keys).toHaveLength(1);
    expect(await running.client.find(ServiceAccount, { namespace: 'default', name: 'default' })).toBeDefined();
  });
});

describe('reviews', () => {
  it('say who the caller is and what it may do', async () => {
    const self = await running.http('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: {} });
    expect(self.json.status.userInfo).toMatchObject({
      username: 'admin',
      groups: expect.arrayContaining(['system:masters']),
    });
    const access = await running.http('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      body: { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } },
    });
    expect(access.json.status.allowed).toBe(true);
    const neither = await running.http('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      body: { spec: {} },
    });
    expect(neither.status).toBeGreaterThanOrEqual(400);
    expect(neither.status).toBeLessThan(500);
    expect((await running.http('GET', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews')).status).toBe(405);
  });
});

describe('parts of pods', () => {
  const ref = { namespace: 'default', name: 'parts' };
  const path = `${pods}/parts`;
  const strategic = (body: object) => ({ body, type: 'application/strategic-merge-patch+json' });
  beforeAll(async () => {
    await running.client.create(Pod, {
      metadata: ref,
      spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] },
    });
  });

  it('ephemeral containers are added, and then stay', async () => {
    const added = await running.http(
      'PATCH',
      `${path}/ephemeralcontainers`,
      strategic({ spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox' }] } }),
    );
    expect(added.status).toBe(200);
    expect(added.json.spec.ephemeralContainers).toEqual([expect.objectContaining({ name: 'debug', image: 'busybox' })]);
    const changed = await running.http(
      'PATCH',
      `${path}/ephemeralcontainers`,
      strategic({ spec: { ephemeralContainers: [{ name: 'debug', image: 'other' }] } }),
    );
    expect(changed.status).toBe(422);
  });

  it('resources change through resize only', async () => {
    const cpu = (value: string) =>
      strategic({ spec: { containers: [{ name: 'c', resources: { requests: { cpu: value } } }] } });
    expect((await running.http('PATCH', path, cpu('2'))).status).toBe(422);
    const resized = await running.http('PATCH', `${path}/resize`, cpu('2'));
    expect(resized.status).toBe(200);
    expect(resized.json.spec.containers[0].resources.requests.cpu).toBe('2');
  });
});
