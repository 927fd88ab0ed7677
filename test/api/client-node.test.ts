/** The API as programs with the official JavaScript client use it. */
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  ListWatch,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Deployment,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { startTestServer, type TestServer } from '../../src/apiserver/test-server.ts';

let running: TestServer;
let config: KubeConfig;
let core: CoreV1Api;
let objects: KubernetesObjectApi;
const namespace = 'default';

beforeAll(async () => {
  running = await startTestServer({ eventWindow: { minEvents: 10, maxEvents: 10 } });
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const { url, ca, cert, key } = running.access;
  config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'test', server: url, caData: base64(ca), skipTLSVerify: false }],
    users: [{ name: 'test', certData: base64(cert), keyData: base64(key) }],
    contexts: [{ name: 'test', cluster: 'test', user: 'test' }],
    currentContext: 'test',
  });
  core = config.makeApiClient(CoreV1Api);
  objects = KubernetesObjectApi.makeApiClient(config);
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const configMap = (name: string, data: Record<string, string>, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels },
  data,
});

/** What the call was refused with. */
async function refusal(call: Promise<unknown>): Promise<{ code: number; body: Record<string, unknown> }> {
  const error = await call.then(
    () => {
      throw new Error('the call was not refused');
    },
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ApiException);
  const { code, body } = error as ApiException<unknown>;
  return { code, body: (typeof body === 'string' ? JSON.parse(body) : body) as Record<string, unknown> };
}

it('creates, reads, replaces, patches and deletes', async () => {
  const made = await core.createNamespacedConfigMap({ namespace, body: configMap('settings', { a: '1' }) });
  expect(made.metadata?.creationTimestamp).toBeInstanceOf(Date);
  made.data = { a: '2' };
  const replaced = await core.replaceNamespacedConfigMap({ namespace, name: 'settings', body: made });
  expect(replaced.data).toEqual({ a: '2' });

  const merged = await core.patchNamespacedConfigMap(
    { namespace, name: 'settings', body: { data: { b: '3' } } },
    setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
  );
  expect(merged.data).toEqual({ a: '2', b: '3' });
  const patched = await core.patchNamespacedConfigMap(
    { namespace, name: 'settings', body: [{ op: 'remove', path: '/data/a' }] },
    setHeaderOptions('Content-Type', PatchStrategy.JsonPatch),
  );
  expect(patched.data).toEqual({ b: '3' });

  expect(
    (await core.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=settings' })).items,
  ).toHaveLength(1);
  expect((await core.deleteNamespacedConfigMap({ namespace, name: 'settings' })).status).toBe('Success');
});

it('merges strategically and dry-runs', async () => {
  const apps = config.makeApiClient(AppsV1Api);
  const labels = { app: 'web' };
  const body: V1Deployment = {
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
    },
  };
  const dry = await apps.createNamespacedDeployment({ namespace, body, dryRun: 'All' });
  expect(dry.spec?.replicas).toBe(1);
  expect((await refusal(apps.readNamespacedDeployment({ namespace, name: 'web' }))).code).toBe(404);
  await apps.createNamespacedDeployment({ namespace, body });
  const sidecar = { spec: { template: { spec: { containers: [{ name: 'log', image: 'log:1' }] } } } };
  const patched = await apps.patchNamespacedDeployment(
    { namespace, name: 'web', body: sidecar },
    setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
  );
  expect(patched.spec?.template.spec?.containers.map((each) => each.name)).toEqual(['log', 'web']);
  const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'web' });
  scale.spec = { replicas: 4 };
  await apps.replaceNamespacedDeploymentScale({ namespace, name: 'web', body: scale });
  expect((await apps.readNamespacedDeployment({ namespace, name: 'web' })).spec?.replicas).toBe(4);
  await apps.deleteNamespacedDeployment({ namespace, name: 'web' });
});

it('applies on the server, with owners of fields and conflicts', async () => {
  const apply = (spec: KubernetesObject, manager: string, force?: boolean) =>
    objects.patch<V1ConfigMap>(spec, undefined, undefined, manager, force, PatchStrategy.ServerSideApply);
  const first = await apply(configMap('applied', { a: '1' }), 'one');
  expect(first.metadata?.managedFields).toMatchObject([{ manager: 'one', operation: 'Apply' }]);
  const { code, body } = await refusal(apply(configMap('applied', { a: '2' }), 'two'));
  expect(code).toBe(409);
  expect(body).toMatchObject({
    reason: 'Conflict',
    message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
    details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' }] },
  });
  expect((await apply(configMap('applied', { a: '2' }), 'two', true)).data).toEqual({ a: '2' });
  // What a manager no longer applies, and nobody else owns, goes.
  expect((await apply(configMap('applied', {}), 'two')).data).toBeUndefined();
});

const cronJob = {
  metadata: { name: 'nightly', namespace },
  spec: {
    schedule: '0 3 * * *',
    jobTemplate: {
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'job', image: 'job:1' }] } } },
    },
  },
};

it('finds any kind by discovery', async () => {
  const made: KubernetesObject = await objects.create({ apiVersion: 'batch/v1', kind: 'CronJob', ...cronJob });
  expect(made).toMatchObject({ spec: { concurrencyPolicy: 'Allow' } });
  const read = await objects.read<KubernetesObject>({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'nightly', namespace },
  });
  expect(read.metadata?.uid).toBe(made.metadata?.uid);
  expect((await objects.list('batch/v1', 'CronJob', namespace)).items).toHaveLength(1);
  await objects.delete({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'nightly', namespace } });
});

it('answers refusals with a Status that says why', async () => {
  const missing = await refusal(core.readNamespacedConfigMap({ namespace, name: 'missing' }));
  expect(missing).toEqual({
    code: 404,
    body: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'configmaps "missing" not found',
      reason: 'NotFound',
      details: { name: 'missing', kind: 'configmaps' },
      code: 404,
    },
  });
  const invalid = await refusal(
    core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'Not_Valid' } } }),
  );
  expect(invalid).toMatchObject({
    code: 422,
    body: { reason: 'Invalid', details: { causes: [{ reason: 'FieldValueInvalid', field: 'metadata.name' }] } },
  });
  await core.createNamespacedConfigMap({ namespace, body: configMap('twice', {}) });
  const exists = await refusal(core.createNamespacedConfigMap({ namespace, body: configMap('twice', {}) }));
  expect(exists).toMatchObject({
    code: 409,
    body: { reason: 'AlreadyExists', message: 'configmaps "twice" already exists' },
  });
  const stale = configMap('twice', { a: '1' });
  const body = { ...stale, metadata: { ...stale.metadata, resourceVersion: '1' } };
  expect(await refusal(core.replaceNamespacedConfigMap({ namespace, name: 'twice', body }))).toMatchObject({
    code: 409,
    body: {
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "twice": the object has been modified; please apply your changes to the latest version and try again',
    },
  });
});

it('pages through lists', async () => {
  for (const n of [1, 2, 3])
    await core.createNamespacedConfigMap({ namespace, body: configMap(`page-${n}`, {}, { page: 'yes' }) });
  const first = await core.listNamespacedConfigMap({ namespace, limit: 2, labelSelector: 'page=yes' });
  expect(first.items.map((each) => each.metadata?.name)).toEqual(['page-1', 'page-2']);
  const rest = await core.listNamespacedConfigMap({
    namespace,
    limit: 2,
    labelSelector: 'page=yes',
    _continue: first.metadata?._continue ?? '',
  });
  expect(rest.items.map((each) => each.metadata?.name)).toEqual(['page-3']);
});

/** Follows config maps with a label; watches end after `timeoutSeconds`, as load balancers make them. */
function follow(label: string, timeoutSeconds?: number) {
  const events: string[] = [];
  let lists = 0;
  const watches: string[] = [];
  class Short extends Watch {
    override watch(...[path, query, onEvent, onDone]: Parameters<Watch['watch']>): ReturnType<Watch['watch']> {
      watches.push(String(query['resourceVersion']));
      return super.watch(path, { ...query, ...(timeoutSeconds ? { timeoutSeconds } : {}) }, onEvent, onDone);
    }
  }
  const informer = new ListWatch<V1ConfigMap>(
    `/api/v1/namespaces/${namespace}/configmaps`,
    new Short(config),
    () => {
      lists++;
      return core.listNamespacedConfigMap({ namespace, labelSelector: label });
    },
    false,
    label,
    undefined,
    { delayFn: async () => {} },
  );
  for (const verb of ['add', 'update', 'delete'] as const)
    informer.on(verb, (object) => void events.push(`${verb} ${object.metadata?.name} ${object.data?.['v'] ?? ''}`));
  return { informer, events, watches, lists: () => lists };
}

it('informs of what there is and of what changes', async () => {
  const labels = { informed: 'yes' };
  await core.createNamespacedConfigMap({ namespace, body: configMap('before', { v: '1' }, labels) });
  const { informer, events } = follow('informed=yes');
  await informer.start();
  expect(events).toEqual(['add before 1']);
  await core.createNamespacedConfigMap({ namespace, body: configMap('after', { v: '1' }, labels) });
  await core.replaceNamespacedConfigMap({ namespace, name: 'after', body: configMap('after', { v: '2' }, labels) });
  // An object that no longer has the label is gone for who follows the label.
  await core.replaceNamespacedConfigMap({ namespace, name: 'after', body: configMap('after', { v: '3' }) });
  await core.deleteNamespacedConfigMap({ namespace, name: 'before' });
  await expect
    .poll(() => events.slice(1))
    .toEqual(['add after 1', 'update after 2', expect.stringMatching(/^delete after/), 'delete before 1']);
  expect(informer.list()).toEqual([]);
  await informer.stop();
});

it('goes on where a watch that ended left off, without a new list', async () => {
  const labels = { resumed: 'yes' };
  const { informer, events, watches, lists } = follow('resumed=yes', 1);
  await core.createNamespacedConfigMap({ namespace, body: configMap('resumed-0', { v: '0' }, labels) });
  await informer.start();
  for (let n = 1; watches.length < 3; n++) {
    await core.createNamespacedConfigMap({ namespace, body: configMap(`resumed-${n}`, { v: `${n}` }, labels) });
    await expect.poll(() => events.length).toBe(n + 1);
    const seen = watches.length;
    await expect.poll(() => watches.length).toBeGreaterThan(seen);
  }
  await informer.stop();
  expect(events).toEqual(['add resumed-0 0', 'add resumed-1 1', 'add resumed-2 2']);
  expect(lists()).toBe(1);
  expect(Number(watches[2])).toBeGreaterThan(Number(watches[0]));
});

it('lists again when what it knew is too old', async () => {
  const { informer, events, watches, lists } = follow('relisted=yes');
  const labels = { relisted: 'yes' };
  await core.createNamespacedConfigMap({ namespace, body: configMap('kept', { v: '1' }, labels) });
  await core.createNamespacedConfigMap({ namespace, body: configMap('lost', { v: '1' }, labels) });
  await informer.start();
  await informer.stop();
  await core.deleteNamespacedConfigMap({ namespace, name: 'lost' });
  for (let n = 0; n < 20; n++)
    await running.client.patch(ConfigMap, { namespace, name: 'kept' }, { data: { v: `${n}` } }, { type: 'merge' });
  await informer.start();
  await expect.poll(lists).toBe(2);
  await expect.poll(() => events.at(-1)).toBe(`update kept 19`);
  expect(events).toContain('delete lost 1');
  await expect.poll(() => watches.length).toBe(3);
  await informer.stop();
});
