/** Upstream's conformance tests of admission and conversion webhooks, by their names. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MutatingWebhookConfiguration } from '../../src/api/admissionregistration/mutating-webhook-configuration.ts';
import { ValidatingWebhookConfiguration } from '../../src/api/admissionregistration/validating-webhook-configuration.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { type AdmissionCall, hookedCluster, merge } from './hooked-cluster.ts';

const hooked = hookedCluster();
const kinds = { validating: ValidatingWebhookConfiguration, mutating: MutatingWebhookConfiguration };
const configurations = '/apis/admissionregistration.k8s.io/v1';
const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A rule for everything of a resource. */
const rule = (resources: string, operations: readonly string[] = ['CREATE'], apiGroups = '', apiVersions = '*') => ({
  operations,
  apiGroups: [apiGroups],
  apiVersions: [apiVersions],
  resources: [resources],
});

/** A webhook at a path, for the objects of a namespace. */
function webhook(path: string, rules: readonly object[], namespace: string | undefined, more: object = {}) {
  const { url, caBundle } = hooked();
  return {
    name: `${path.slice(1)}.k8s.io`,
    clientConfig: { url: url(path), caBundle },
    rules,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...(namespace ? { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } } : {}),
    ...more,
  };
}

async function register(type: keyof typeof kinds, name: string, webhooks: readonly object[], labels = {}) {
  return hooked().cluster.client.create(kinds[type], { metadata: { name, labels }, webhooks } as never);
}

const configMap = (namespace: string, name: string, data: Record<string, string> = {}) =>
  hooked().ask('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: { metadata: { name }, data } });

const pod = (namespace: string, name: string, more: object = {}) =>
  hooked().ask('POST', `/api/v1/namespaces/${namespace}/pods`, {
    body: { metadata: { name, ...more }, spec: { containers: [{ name: 'main', image: 'agnhost:1' }] } },
  });

const denyUnwanted = ({ object }: AdmissionCall) =>
  object?.data?.['webhook-e2e-test'] === 'webhook-disallow' || object?.metadata.labels?.['webhook'] === 'disallow'
    ? { deny: 'the object contains unwanted data' }
    : undefined;
const unwanted = { 'webhook-e2e-test': 'webhook-disallow' };

const addData = (key: string, value: string, wanted = true) => ({
  patch: wanted ? [{ op: 'add', path: `/data/${key}`, value }] : [],
});

/** The definition of a kind in stable.example.com whose data may be anything, or what a schema has. */
async function define(
  plural: string,
  data: object = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  more: { versions?: readonly string[]; conversion?: object } = {},
) {
  const { ask } = hooked();
  const kind = plural[0]!.toUpperCase() + plural.slice(1, -1);
  const versions = (more.versions ?? ['v1']).map((name, i) => ({
    name,
    served: true,
    storage: i === 0,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': more.conversion ? true : undefined,
        properties: { data },
      },
    },
  }));
  const { status, text } = await ask('POST', crds, {
    body: {
      metadata: { name: `${plural}.stable.example.com` },
      spec: {
        group: 'stable.example.com',
        scope: 'Namespaced',
        names: { plural, kind },
        versions,
        ...(more.conversion ? { conversion: more.conversion } : {}),
      },
    },
  });
  expect(status, text).toBe(201);
  for (const { name } of versions) await served(`/apis/stable.example.com/${name}/${plural}`);
}

const patience = { timeout: 60_000 };
const served = (path: string) =>
  vi.waitFor(async () => expect((await hooked().ask('GET', path)).status).toBe(200), patience);

describe('[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin]', () => {
  afterEach(async () => {
    for (const kind of Object.values(kinds)) await hooked().cluster.client.deleteCollection(kind, {});
  });

  it('should include webhook resources in discovery documents', async () => {
    const { ask } = hooked();
    const { groups } = (await ask('GET', '/apis')).json;
    const group = groups.find(({ name }: { name: string }) => name === 'admissionregistration.k8s.io');
    const version = { groupVersion: 'admissionregistration.k8s.io/v1', version: 'v1' };
    expect(group.versions).toContainEqual(version);
    expect((await ask('GET', '/apis/admissionregistration.k8s.io')).json.versions).toContainEqual(version);
    const { resources } = (await ask('GET', configurations)).json;
    for (const name of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'])
      expect(resources).toContainEqual(expect.objectContaining({ name }));
  });

  it('should be able to deny pod and configmap creation', async () => {
    const { admit, namespace, ask, cluster } = hooked();
    const place = await namespace();
    const allowed = await namespace();
    admit('/deny', denyUnwanted);
    admit('/hang', ({ object }) => ({ hang: object?.metadata.name === 'hanging' }));
    const rules = [rule('pods'), rule('configmaps', ['CREATE', 'UPDATE', 'DELETE'])];
    await register('validating', 'deny', [
      webhook('/deny', rules, place),
      webhook('/hang', [rule('pods')], place, { timeoutSeconds: 1 }),
    ]);
    expect((await pod(place, 'bad', { labels: { webhook: 'disallow' } })).json.message).toContain('unwanted data');
    const hung = await pod(place, 'hanging');
    expect(hung.status).toBe(500);
    expect(hung.json.message).toMatch(/deadline|timeout/);
    expect(await cluster.client.find(Pod, { namespace: place, name: 'hanging' })).toBeUndefined();
    expect((await configMap(place, 'bad', unwanted)).json.message).toContain('unwanted data');
    expect((await configMap(place, 'good', { admit: 'this' })).status).toBe(201);
    const path = `/api/v1/namespaces/${place}/configmaps/good`;
    const current = (await ask('GET', path)).json;
    const update = await ask('PUT', path, { body: { ...current, data: { ...current.data, ...unwanted } } });
    expect(update.json.message).toContain('unwanted data');
    expect((await ask('PATCH', path, merge({ data: unwanted }))).json.message).toContain('unwanted data');
    expect((await configMap(allowed, 'bad', unwanted)).status).toBe(201);
  });

  it('should be able to deny attaching pod', async () => {
    const { admit, namespace, ask, cluster } = hooked();
    const place = await namespace();
    admit('/attach', () => ({ deny: "attaching to pod 'to-be-attached-pod' is not allowed" }));
    await register('validating', 'attach', [webhook('/attach', [rule('pods/attach', ['CONNECT'])], place)]);
    await pod(place, 'to-be-attached-pod');
    const ref = { namespace: place, name: 'to-be-attached-pod' };
    await vi.waitFor(async () => expect((await cluster.client.get(Pod, ref)).status.phase).toBe('Running'), patience);
    const { status, json } = await ask('POST', `/api/v1/namespaces/${place}/pods/to-be-attached-pod/attach?stdin=true`);
    expect(status).toBe(400);
    expect(json.message).toContain("attaching to pod 'to-be-attached-pod' is not allowed");
  });

  it('should be able to deny custom resource creation, update and deletion', async () => {
    const { admit, namespace, ask } = hooked();
    const place = await namespace();
    await define('denieds');
    admit('/custom', ({ operation, object }) =>
      operation === 'DELETE' || object?.data?.['webhook-e2e-test'] ? { deny: 'the custom resource is unwanted' } : {},
    );
    const rules = [rule('denieds', ['CREATE', 'UPDATE', 'DELETE'], 'stable.example.com')];
    const path = `/apis/stable.example.com/v1/namespaces/${place}/denieds`;
    expect((await ask('POST', path, { body: { metadata: { name: 'kept' }, data: {} } })).status).toBe(201);
    await register('validating', 'custom', [webhook('/custom', rules, place)]);
    const created = await ask('POST', path, { body: { metadata: { name: 'bad' }, data: unwanted } });
    const patched = await ask('PATCH', `${path}/kept`, merge({ data: unwanted }));
    const deleted = await ask('DELETE', `${path}/kept`);
    for (const answer of [created, patched, deleted])
      expect(answer.json.message).toContain('the custom resource is unwanted');
  });

  it('should unconditionally reject operations on fail closed webhook', async () => {
    const { namespace } = hooked();
    const place = await namespace();
    const closed = webhook('/unused', [rule('configmaps')], place, { failurePolicy: 'Fail' });
    await register('validating', 'closed', [{ ...closed, clientConfig: { url: closed.clientConfig.url } }]);
    const { status, json } = await configMap(place, 'any');
    expect(status).toBe(500);
    expect(json.message).toContain('failed calling webhook');
  });

  it('should mutate configmap', async () => {
    const { admit, namespace } = hooked();
    const place = await namespace();
    admit('/stage1', ({ object }) => addData('mutation-stage-1', 'yes', object?.data?.['mutation-start'] === 'yes'));
    admit('/stage2', ({ object }) => addData('mutation-stage-2', 'yes', object?.data?.['mutation-stage-1'] === 'yes'));
    await register('mutating', 'stages', [
      webhook('/stage1', [rule('configmaps')], place),
      webhook('/stage2', [rule('configmaps')], place),
    ]);
    expect((await configMap(place, 'staged', { 'mutation-start': 'yes' })).json.data).toEqual({
      'mutation-start': 'yes',
      'mutation-stage-1': 'yes',
      'mutation-stage-2': 'yes',
    });
  });

  it('should mutate pod and apply defaults after mutation', async () => {
    const { admit, namespace } = hooked();
    const place = await namespace();
    admit('/init', () => ({
      patch: [{ op: 'add', path: '/spec/initContainers', value: [{ name: 'added', image: 'pause:1' }] }],
    }));
    await register('mutating', 'init', [webhook('/init', [rule('pods')], place)]);
    const { json } = await pod(place, 'mutated');
    expect(json.spec.initContainers).toMatchObject([
      { name: 'added', terminationMessagePolicy: 'File', terminationMessagePath: '/dev/termination-log' },
    ]);
  });

  it('should not be able to mutate or prevent deletion of webhook configuration objects', async () => {
    const { admit, ask } = hooked();
    admit('/block', ({ operation }) => (operation === 'DELETE' ? { deny: 'no deletions' } : addLabel));
    const addLabel = { patch: [{ op: 'add', path: '/metadata/labels', value: { mutated: 'yes' } }] };
    const everything = [
      rule('validatingwebhookconfigurations', ['CREATE', 'DELETE'], 'admissionregistration.k8s.io'),
      rule('mutatingwebhookconfigurations', ['CREATE', 'DELETE'], 'admissionregistration.k8s.io'),
    ];
    await register('validating', 'block', [webhook('/block', everything, undefined)]);
    await register('mutating', 'change', [webhook('/block', everything, undefined)]);
    for (const type of ['validating', 'mutating'] as const) {
      const made = await register(type, `dummy-${type}`, []);
      expect(made.metadata.labels ?? {}).not.toHaveProperty('mutated');
      expect((await ask('DELETE', `${configurations}/${type}webhookconfigurations/dummy-${type}`)).status).toBe(200);
    }
  });

  it('should mutate custom resource', async () => {
    const { admit, namespace, ask } = hooked();
    const place = await namespace();
    await define('mutants');
    admit('/mutant', ({ object }) => addData('mutation-stage-1', 'yes', object?.data?.['mutation-start'] === 'yes'));
    await register('mutating', 'mutant', [
      webhook('/mutant', [rule('mutants', ['CREATE'], 'stable.example.com')], place),
    ]);
    const { json } = await ask('POST', `/apis/stable.example.com/v1/namespaces/${place}/mutants`, {
      body: { metadata: { name: 'a' }, data: { 'mutation-start': 'yes' } },
    });
    expect(json.data).toEqual({ 'mutation-start': 'yes', 'mutation-stage-1': 'yes' });
  });

  it('should deny crd creation', async () => {
    const { admit, ask } = hooked();
    admit('/crd', ({ object }) =>
      object?.metadata.labels?.['webhook-e2e-test'] ? { deny: 'the crd contains unwanted label' } : undefined,
    );
    const rules = [rule('customresourcedefinitions', ['CREATE'], 'apiextensions.k8s.io')];
    await register('validating', 'crd', [webhook('/crd', rules, undefined)]);
    const { status, json } = await ask('POST', crds, {
      body: {
        metadata: { name: 'refuseds.stable.example.com', labels: { 'webhook-e2e-test': 'webhook-disallow' } },
        spec: {
          group: 'stable.example.com',
          scope: 'Cluster',
          names: { plural: 'refuseds', kind: 'Refused' },
          versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
        },
      },
    });
    expect(status).toBe(400);
    expect(json.message).toContain('the crd contains unwanted label');
  });

  it('should mutate custom resource with different stored version', async () => {
    const { admit, namespace, ask } = hooked();
    const place = await namespace();
    await define('moveds', undefined, { versions: ['v1', 'v2'] });
    admit('/moved', ({ object }) => ({
      patch: object?.data ? [{ op: 'add', path: '/data/mutation-stage-1', value: 'yes' }] : [],
    }));
    const rules = [rule('moveds', ['CREATE', 'UPDATE'], 'stable.example.com')];
    await register('mutating', 'moved', [webhook('/moved', rules, place)]);
    const path = (version: string) => `/apis/stable.example.com/${version}/namespaces/${place}/moveds`;
    await ask('POST', path('v1'), { body: { metadata: { name: 'a' }, data: { 'mutation-start': 'yes' } } });
    const definition = (await ask('GET', `${crds}/moveds.stable.example.com`)).json;
    for (const version of definition.spec.versions) version.storage = version.name === 'v2';
    expect((await ask('PUT', `${crds}/moveds.stable.example.com`, { body: definition })).status).toBe(200);
    await vi.waitFor(async () => {
      const { json } = await ask('PATCH', `${path('v1')}/a`, merge({ data: { 'mutation-start': 'yes', more: 'x' } }));
      expect(json.data).toEqual({ 'mutation-start': 'yes', 'mutation-stage-1': 'yes', more: 'x' });
    }, patience);
    const stored = (await ask('GET', `${crds}/moveds.stable.example.com`)).json.status.storedVersions;
    expect(stored).toEqual(['v1', 'v2']);
  });

  it('should mutate custom resource with pruning', async () => {
    const { admit, namespace, ask } = hooked();
    const place = await namespace();
    const keep = { type: 'object', properties: Object.fromEntries(['mutation-start', 'mutation-stage-1'].map(text)) };
    await define('pruneds', keep);
    admit('/prune1', () => addData('mutation-stage-1', 'yes'));
    admit('/prune2', () => addData('mutation-stage-2', 'yes'));
    const rules = [rule('pruneds', ['CREATE'], 'stable.example.com')];
    await register('mutating', 'pruned', [webhook('/prune1', rules, place), webhook('/prune2', rules, place)]);
    const { json } = await ask('POST', `/apis/stable.example.com/v1/namespaces/${place}/pruneds`, {
      body: { metadata: { name: 'a' }, data: { 'mutation-start': 'yes' } },
    });
    expect(json.data).toEqual({ 'mutation-start': 'yes', 'mutation-stage-1': 'yes' });
  });
  const text = (name: string) => [name, { type: 'string' }] as const;

  it('should honor timeout', async () => {
    const { admit, namespace, cluster } = hooked();
    const place = await namespace();
    admit('/slow', () => ({ hang: true }));
    admit('/quick', () => undefined);
    const attempt = async (path: string, more: object) => {
      await register('validating', 'slow', [webhook(path, [rule('configmaps')], place, more)]);
      const answer = await configMap(place, 'timed');
      await cluster.client.delete(ValidatingWebhookConfiguration, { name: 'slow' });
      if (answer.status === 201) await cluster.client.delete(ConfigMap, { namespace: place, name: 'timed' });
      return answer;
    };
    const refused = await attempt('/slow', { timeoutSeconds: 1, failurePolicy: 'Fail' });
    expect(refused.json.message).toMatch(/deadline|timeout/i);
    expect((await attempt('/slow', { timeoutSeconds: 1, failurePolicy: 'Ignore' })).status).toBe(201);
    expect((await attempt('/quick', { timeoutSeconds: 10, failurePolicy: 'Fail' })).status).toBe(201);
    expect((await attempt('/quick', { failurePolicy: 'Fail' })).status).toBe(201);
  });

  it.each([
    ['patching/updating a validating webhook should work', 'validating'],
    ['patching/updating a mutating webhook should work', 'mutating'],
  ] as const)('%s', async (_name, type) => {
    const { admit, namespace, ask, cluster } = hooked();
    const place = await namespace();
    admit('/changed', (call) =>
      type === 'validating' ? denyUnwanted(call) : addData('mutation-stage-1', 'yes', Boolean(call.object?.data)),
    );
    await register(type, 'changed', [webhook('/changed', [rule('configmaps')], place)]);
    let count = 0;
    const attempt = async () => {
      const answer = await configMap(place, `c${count++}`, unwanted);
      return type === 'validating' ? answer.status === 400 : answer.json.data['mutation-stage-1'] === 'yes';
    };
    expect(await attempt()).toBe(true);
    const path = `${configurations}/${type}webhookconfigurations/changed`;
    const configuration = (await ask('GET', path)).json;
    configuration.webhooks[0].rules[0].operations = ['UPDATE'];
    expect((await ask('PUT', path, { body: configuration })).status).toBe(200);
    expect(await attempt()).toBe(false);
    const operations = [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] }];
    await ask('PATCH', path, { body: operations, type: 'application/json-patch+json' });
    expect(await attempt()).toBe(true);
    await cluster.client.delete(kinds[type], { name: 'changed' });
  });

  it.each([
    ['listing validating webhooks should work', 'validating'],
    ['listing mutating webhooks should work', 'mutating'],
  ] as const)('%s', async (_name, type) => {
    const { admit, namespace, ask } = hooked();
    const place = await namespace();
    admit('/listed', (call) => (type === 'validating' ? denyUnwanted(call) : addData('mutation-stage-1', 'yes')));
    for (let i = 0; i < 10; i++)
      await register(type, `listed-${i}`, [webhook('/listed', [rule('configmaps')], place)], { list: 'yes' });
    const path = `${configurations}/${type}webhookconfigurations?labelSelector=list%3Dyes`;
    expect((await ask('GET', path)).json.items).toHaveLength(10);
    const hit = await configMap(place, 'hit', unwanted);
    expect(type === 'validating' ? hit.status === 400 : hit.json.data['mutation-stage-1'] === 'yes').toBe(true);
    await ask('DELETE', path);
    expect((await ask('GET', path)).json.items).toHaveLength(0);
    const free = await configMap(place, 'free', unwanted);
    expect(free.status).toBe(201);
    expect(free.json.data).toEqual(unwanted);
  });

  it.each([
    ['should be able to create and update validating webhook configurations with match conditions', 'validating'],
    ['should be able to create and update mutating webhook configurations with match conditions', 'mutating'],
  ] as const)('%s', async (_name, type) => {
    const { cluster } = hooked();
    const first = [{ name: 'expression-1', expression: "object.metadata.name == 'a'" }];
    const second = [{ name: 'expression-2', expression: "object.metadata.namespace == 'production'" }];
    await register(type, 'conditional', [webhook('/c', [rule('configmaps')], 'none', { matchConditions: first })]);
    const made = await cluster.client.get(kinds[type], { name: 'conditional' });
    expect(made.webhooks![0]!.matchConditions).toEqual(first);
    await cluster.client.patch(
      kinds[type],
      { name: 'conditional' },
      { webhooks: [{ name: 'c.k8s.io', matchConditions: second }] },
      { type: 'strategic' },
    );
    const updated = await cluster.client.get(kinds[type], { name: 'conditional' });
    expect(updated.webhooks![0]!.matchConditions).toContainEqual(second[0]);
  });

  it.each([
    ['should reject validating webhook configurations with invalid match conditions', 'validating'],
    ['should reject mutating webhook configurations with invalid match conditions', 'mutating'],
  ] as const)('%s', async (_name, type) => {
    const matchConditions = [{ name: 'invalid-expression-1', expression: '... [] bad expression' }];
    await expect(
      register(type, 'invalid', [webhook('/c', [rule('configmaps')], 'none', { matchConditions })]),
    ).rejects.toThrow('compilation failed');
  });

  it("should mutate everything except 'skip-me' configmaps", async () => {
    const { admit, namespace } = hooked();
    const place = await namespace();
    admit('/skip', () => addData('mutation-stage-1', 'yes'));
    const matchConditions = [{ name: 'skip-me', expression: "object.metadata.name != 'skip-me'" }];
    await register('mutating', 'skip', [webhook('/skip', [rule('configmaps')], place, { matchConditions })]);
    const start = { 'mutation-start': 'yes' };
    expect((await configMap(place, 'skip-me', start)).json.data).toEqual(start);
    expect((await configMap(place, 'mutate-me', start)).json.data).toEqual({ ...start, 'mutation-stage-1': 'yes' });
  });
});

describe('[sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin]', () => {
  type Custom = { apiVersion: string; host?: string; port?: string; hostPort?: string };
  /** v1 has host and port in one field, v2 in two. */
  function convert(object: Custom, to: string): Custom {
    if (object.apiVersion === to) return object;
    const { host, port, hostPort, ...rest } = object;
    if (to.endsWith('/v2')) {
      const [before, after] = (hostPort ?? ':').split(':');
      return { ...rest, apiVersion: to, host: before!, port: after! };
    }
    return { ...rest, apiVersion: to, hostPort: `${host}:${port}` };
  }

  async function converted(plural: string): Promise<(version: string, place: string) => string> {
    const { serve, url, caBundle } = hooked();
    serve('/convert', ({ request: { uid, objects, desiredAPIVersion } }) => ({
      response: {
        uid,
        convertedObjects: objects.map((object: Custom) => convert(object, desiredAPIVersion)),
        result: { status: 'Success' },
      },
    }));
    const webhook = { clientConfig: { url: url('/convert'), caBundle }, conversionReviewVersions: ['v1'] };
    await define(plural, undefined, { versions: ['v1', 'v2'], conversion: { strategy: 'Webhook', webhook } });
    return (version, place) => `/apis/stable.example.com/${version}/namespaces/${place}/${plural}`;
  }

  it('should be able to convert from CR v1 to CR v2', async () => {
    const { ask, namespace } = hooked();
    const place = await namespace();
    const path = await converted('tests');
    await ask('POST', path('v1', place), { body: { metadata: { name: 'a' }, hostPort: 'localhost:8080' } });
    expect((await ask('GET', `${path('v2', place)}/a`)).json).toMatchObject({
      apiVersion: 'stable.example.com/v2',
      host: 'localhost',
      port: '8080',
    });
  });

  it('should be able to convert a non homogeneous list of CRs', async () => {
    const { ask, namespace } = hooked();
    const place = await namespace();
    const path = await converted('mixeds');
    await ask('POST', path('v1', place), { body: { metadata: { name: 'one' }, hostPort: 'localhost:8080' } });
    const name = `${crds}/mixeds.stable.example.com`;
    const definition = (await ask('GET', name)).json;
    for (const version of definition.spec.versions) version.storage = version.name === 'v2';
    expect((await ask('PUT', name, { body: definition })).status).toBe(200);
    await vi.waitFor(
      async () => expect((await ask('GET', name)).json.status.storedVersions).toEqual(['v1', 'v2']),
      patience,
    );
    await ask('POST', path('v1', place), { body: { metadata: { name: 'two' }, hostPort: 'localhost:8080' } });
    const { items } = (await ask('GET', path('v2', place))).json;
    expect(items).toHaveLength(2);
    for (const item of items)
      expect(item).toMatchObject({ apiVersion: 'stable.example.com/v2', host: 'localhost', port: '8080' });
    for (const item of (await ask('GET', path('v1', place))).json.items) expect(item.hostPort).toBe('localhost:8080');
  });
});
