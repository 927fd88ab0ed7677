/** Upstream's conformance tests of admission policies, by their names. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestServer, type TestServer } from '../../src/apiserver/test-server.ts';
import { useEverything } from './api-operations.ts';
import { merge } from './custom-definitions.ts';

const group = 'admissionregistration.k8s.io/v1';
const patience = { timeout: 60_000 };
const deployments = '/apis/apps/v1/namespaces/policed/deployments';
let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
  const labels = { policed: 'yes' };
  await running.http('POST', '/api/v1/namespaces', { body: { metadata: { name: 'policed', labels } } });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const matchConstraints = {
  resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['deployments'] }],
};
const matchResources = { namespaceSelector: { matchLabels: { policed: 'yes' } } };

const deployment = (name: string, replicas: number) =>
  running.http('POST', `${deployments}?dryRun=All`, {
    body: {
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } },
      },
    },
  });

/** Puts a policy in force for the test's namespace; it is taken back at the end. */
async function enforce(
  prefix: 'validating' | 'mutating',
  spec: object,
  effective: () => Promise<void>,
): Promise<AsyncDisposable> {
  const paths = [`${prefix}admissionpolicies`, `${prefix}admissionpolicybindings`].map(
    (each) => `/apis/${group}/${each}`,
  );
  const binding = prefix === 'validating' ? { validationActions: ['Deny'] } : {};
  const bodies = [spec, { policyName: 'policy', matchResources, ...binding }];
  for (const [i, path] of paths.entries()) {
    const made = await running.http('POST', path, { body: { metadata: { name: 'policy' }, spec: bodies[i] } });
    expect(made.status, made.text).toBe(201);
  }
  await vi.waitFor(effective, patience);
  return {
    async [Symbol.asyncDispose]() {
      for (const path of paths) await running.http('DELETE', `${path}/policy`);
    },
  };
}

describe('[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin]', () => {
  it('should validate against a Deployment', async () => {
    const validations = [
      {
        expression: 'object.spec.replicas > 1',
        messageExpression: "'wants ' + string(object.spec.replicas) + ' replicas'",
      },
    ];
    const refused = async () => expect((await deployment('one', 1)).status).toBe(422);
    await using _ = await enforce('validating', { matchConstraints, validations }, refused);
    expect((await deployment('one', 1)).json.message).toContain('wants 1 replicas');
    expect((await deployment('two', 2)).status).toBe(201);
  });

  it('should allow expressions to refer variables.', async () => {
    const variables = [
      { name: 'replicas', expression: 'object.spec.replicas' },
      { name: 'oddReplicas', expression: 'variables.replicas % 2 == 1' },
    ];
    const validations = [
      { expression: 'variables.replicas > 1' },
      { expression: 'variables.oddReplicas', message: 'replicas must be odd' },
    ];
    const refused = async () => expect((await deployment('two', 2)).status).toBe(422);
    await using _ = await enforce('validating', { matchConstraints, variables, validations }, refused);
    expect((await deployment('two', 2)).json.message).toContain('replicas must be odd');
    expect((await deployment('one', 1)).json.message).toContain('failed expression: variables.replicas > 1');
    expect((await deployment('three', 3)).status).toBe(201);
  });

  it('should support ValidatingAdmissionPolicy API operations', async () => {
    const validations = [{ expression: 'object.spec.replicas <= 100' }];
    const spec = { matchConstraints, validations };
    const change = ['validations', [{ expression: 'object.spec.replicas <= 50' }]] as const;
    await useEverything(running, { group, plural: 'validatingadmissionpolicies', spec, change });
  });

  it('should support ValidatingAdmissionPolicyBinding API operations', async () => {
    const spec = { policyName: 'none', validationActions: ['Deny'] };
    const change = ['validationActions', ['Warn']] as const;
    await useEverything(running, { group, plural: 'validatingadmissionpolicybindings', spec, change, status: false });
  });
});

describe('[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin]', () => {
  const applied = (value: string) => [
    {
      patchType: 'ApplyConfiguration',
      applyConfiguration: { expression: `Object{metadata: Object.metadata{labels: {"mutated": "${value}"}}}` },
    },
  ];

  it('should mutate a Deployment', async () => {
    const mutated = async () =>
      expect((await deployment('one', 1)).json.metadata.labels).toMatchObject({ mutated: 'yes' });
    const spec = { matchConstraints, mutations: applied('yes'), reinvocationPolicy: 'Never' };
    await using _ = await enforce('mutating', spec, mutated);
    expect((await deployment('two', 2)).json.metadata.labels).toMatchObject({ mutated: 'yes' });
    const elsewhere = await running.http(
      'PATCH',
      '/api/v1/namespaces/policed',
      merge({ metadata: { labels: { policed: 'no' } } }),
    );
    expect(elsewhere.status).toBe(200);
    await vi.waitFor(async () => expect((await deployment('three', 3)).json.metadata.labels).toBeUndefined(), patience);
    await running.http('PATCH', '/api/v1/namespaces/policed', merge({ metadata: { labels: { policed: 'yes' } } }));
  });

  it('should support MutatingAdmissionPolicy API operations', async () => {
    const spec = { matchConstraints, mutations: applied('yes'), reinvocationPolicy: 'Never' };
    const change = ['mutations', applied('no')] as const;
    await useEverything(running, { group, plural: 'mutatingadmissionpolicies', spec, change, status: false });
  });

  it('should support MutatingAdmissionPolicyBinding API operations', async () => {
    const spec = { policyName: 'none' };
    await useEverything(running, {
      group,
      plural: 'mutatingadmissionpolicybindings',
      spec,
      change: ['policyName', 'other'],
      status: false,
    });
  });
});
