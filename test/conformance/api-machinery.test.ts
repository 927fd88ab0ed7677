/** Upstream's conformance tests of sig-api-machinery that need nothing but an API server, by their names. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { PodTemplate } from '../../src/api/core/pod-template.ts';
import { FlowSchema } from '../../src/api/flowcontrol/flow-schema.ts';
import { startTestServer, type TestServer } from '../../src/apiserver/test-server.ts';
import type { WatchEvent, WatchHandle } from '../../src/client/transport.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const merge = (body: object) => ({ body, type: 'application/merge-patch+json' });
const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

interface Custom {
  readonly plural: string;
  readonly group?: string;
  readonly versions?: readonly { name: string; served?: boolean; storage?: boolean; schema?: object }[];
}

async function define({ plural, group = 'conformance.example.com', versions }: Custom): Promise<string> {
  const kind = plural[0]!.toUpperCase() + plural.slice(1, -1);
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const name = `${plural}.${group}`;
  const { status, text } = await running.http('POST', crds, {
    body: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural, kind },
        versions: (versions ?? [{ name: 'v1' }]).map((version) => ({
          name: version.name,
          served: version.served ?? true,
          storage: version.storage ?? true,
          schema: { openAPIV3Schema: version.schema ?? open },
        })),
      },
    },
  });
  expect(status, text).toBe(201);
  await expect
    .poll(
      async () =>
        (
          await running.http(
            'GET',
            `/apis/${group}/${versions?.find((v) => v.served !== false)?.name ?? 'v1'}/${plural}`,
          )
        ).status,
    )
    .toBe(200);
  return name;
}

const objects = (plural: string, version = 'v1', group = 'conformance.example.com') =>
  `/apis/${group}/${version}/namespaces/default/${plural}`;

describe('[sig-api-machinery] CustomResourceDefinition resources', () => {
  it('Simple CustomResourceDefinition creating/deleting custom resource definition objects works', async () => {
    const name = await define({ plural: 'simples' });
    expect((await running.http('DELETE', `${crds}/${name}`)).status).toBe(200);
    await expect.poll(async () => (await running.http('GET', `${crds}/${name}`)).status).toBe(404);
  });

  it('Simple CustomResourceDefinition listing custom resource definition objects works', async () => {
    for (const plural of ['listas', 'listbs']) {
      const name = await define({ plural });
      await running.http('PATCH', `${crds}/${name}`, merge({ metadata: { labels: { listed: 'yes' } } }));
    }
    expect((await running.http('GET', `${crds}?labelSelector=listed%3Dyes`)).json.items).toHaveLength(2);
    await running.http('DELETE', `${crds}?labelSelector=listed%3Dyes`);
    await expect
      .poll(async () => (await running.http('GET', `${crds}?labelSelector=listed%3Dyes`)).json.items.length)
      .toBe(0);
  });

  it('Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works', async () => {
    const name = await define({ plural: 'statuses' });
    const { json } = await running.http('GET', `${crds}/${name}/status`);
    expect(json.status.conditions.length).toBeGreaterThan(0);
    const condition = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from an e2e test' };
    json.status.conditions.push(condition);
    expect((await running.http('PUT', `${crds}/${name}/status`, { body: json })).json.status.conditions).toContainEqual(
      expect.objectContaining(condition),
    );
    const patched = await running.http(
      'PATCH',
      `${crds}/${name}/status`,
      merge({ status: { conditions: [{ type: 'StatusPatched', status: 'True' }] } }),
    );
    expect(patched.json.status.conditions).toContainEqual(expect.objectContaining({ type: 'StatusPatched' }));
  });

  it('custom resource defaulting for requests and from storage works', async () => {
    const plain = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } };
    const name = await define({ plural: 'defaults', versions: [{ name: 'v1', schema: plain }] });
    await running.http('POST', objects('defaults'), { body: { metadata: { name: 'one' } } });
    const { json } = await running.http('GET', `${crds}/${name}`);
    json.spec.versions[0].schema.openAPIV3Schema.properties.a.default = 'A';
    await running.http('PUT', `${crds}/${name}`, { body: json });
    await expect
      .poll(
        async () =>
          (await running.http('POST', `${objects('defaults')}?dryRun=All`, { body: { metadata: { name: 'two' } } }))
            .json.a,
      )
      .toBe('A');
    await expect.poll(async () => (await running.http('GET', `${objects('defaults')}/one`)).json.a).toBe('A');
  });

  it('should include custom resource definition resources in discovery documents', async () => {
    const { json } = await running.http('GET', '/apis');
    const group = json.groups.find((each: { name: string }) => each.name === 'apiextensions.k8s.io');
    expect(group.versions).toContainEqual({ groupVersion: 'apiextensions.k8s.io/v1', version: 'v1' });
    const resources = (await running.http('GET', '/apis/apiextensions.k8s.io/v1')).json.resources;
    expect(resources).toContainEqual(expect.objectContaining({ name: 'customresourcedefinitions' }));
  });
});

describe('[sig-api-machinery] CustomResourceDefinition Watch', () => {
  it('watch on custom resource definition objects', async () => {
    await define({ plural: 'watcheds' });
    const kind = running.server.kinds.resolve('conformance.example.com', 'v1', 'watcheds')!.kind;
    const seen: string[] = [];
    const handle = running.client.watch(
      kind,
      {},
      { onEvents: (events) => void seen.push(...events.map((e) => `${e.type} ${e.object.metadata.name}`)), onEnd() {} },
    );
    await running.http('POST', objects('watcheds'), { body: { metadata: { name: 'a' } } });
    await running.http('PATCH', `${objects('watcheds')}/a`, merge({ x: 1 }));
    await running.http('DELETE', `${objects('watcheds')}/a`);
    await expect.poll(() => seen).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    handle.close();
  });
});

describe('[sig-api-machinery] CustomResourcePublishOpenAPI', () => {
  const definitionOf = async (name: string) => (await running.http('GET', '/openapi/v2')).json.definitions[name];

  it('works for CRD with validation schema', async () => {
    const schema = {
      type: 'object',
      description: 'Foo CRD for Testing',
      properties: {
        spec: {
          type: 'object',
          description: 'Specification of Foo',
          properties: {
            bars: {
              type: 'array',
              items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
            },
          },
        },
      },
    };
    await define({ plural: 'foos', versions: [{ name: 'v1', schema }] });
    const published = await definitionOf('com.example.conformance.v1.Foo');
    expect(published).toMatchObject({
      description: 'Foo CRD for Testing',
      properties: { spec: { description: 'Specification of Foo' } },
    });
    expect(published['x-kubernetes-group-version-kind']).toEqual([
      { group: 'conformance.example.com', version: 'v1', kind: 'Foo' },
    ]);
  });

  it('works for CRD without validation schema', async () => {
    await define({
      plural: 'emptys',
      versions: [{ name: 'v1', schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }],
    });
    expect(await definitionOf('com.example.conformance.v1.Empty')).toBeDefined();
  });

  it('works for multiple CRDs of different groups', async () => {
    await define({ plural: 'alphas', group: 'one.example.com' });
    await define({ plural: 'alphas', group: 'two.example.com' });
    expect(await definitionOf('com.example.one.v1.Alpha')).toBeDefined();
    expect(await definitionOf('com.example.two.v1.Alpha')).toBeDefined();
  });

  it('works for multiple CRDs of same group but different versions', async () => {
    await define({ plural: 'betas', versions: [{ name: 'v2' }, { name: 'v3', storage: false }] });
    expect(await definitionOf('com.example.conformance.v2.Beta')).toBeDefined();
    expect(await definitionOf('com.example.conformance.v3.Beta')).toBeDefined();
  });

  it('removes definition from spec when one version gets changed to not be served', async () => {
    const name = await define({ plural: 'gammas', versions: [{ name: 'v5' }, { name: 'v6', storage: false }] });
    expect(await definitionOf('com.example.conformance.v6.Gamma')).toBeDefined();
    const { json } = await running.http('GET', `${crds}/${name}`);
    json.spec.versions[1].served = false;
    await running.http('PUT', `${crds}/${name}`, { body: json });
    await expect.poll(() => definitionOf('com.example.conformance.v6.Gamma')).toBeUndefined();
    expect(await definitionOf('com.example.conformance.v5.Gamma')).toBeDefined();
  });

  it('updates the published spec when one version gets renamed', async () => {
    const name = await define({ plural: 'deltas', versions: [{ name: 'v2' }, { name: 'v3', storage: false }] });
    const { json } = await running.http('GET', `${crds}/${name}`);
    json.spec.versions[1].name = 'v4';
    await running.http('PUT', `${crds}/${name}`, { body: json });
    await expect.poll(() => definitionOf('com.example.conformance.v4.Delta')).toBeDefined();
    expect(await definitionOf('com.example.conformance.v3.Delta')).toBeUndefined();
    expect(await definitionOf('com.example.conformance.v2.Delta')).toBeDefined();
  });
});

describe('[sig-api-machinery] Discovery', () => {
  it('should validate PreferredVersion for each APIGroup', async () => {
    const { groups } = (await running.http('GET', '/apis')).json;
    for (const { name } of groups) {
      const group = (await running.http('GET', `/apis/${name}`)).json;
      expect(group.versions).toContainEqual(group.preferredVersion);
    }
  });

  it('should locate the groupVersion and a resource within each APIGroup', async () => {
    for (const [group, version, resource] of [
      ['admissionregistration.k8s.io', 'v1', 'validatingwebhookconfigurations'],
      ['apiextensions.k8s.io', 'v1', 'customresourcedefinitions'],
      ['apiregistration.k8s.io', 'v1', 'apiservices'],
      ['apps', 'v1', 'deployments'],
      ['authentication.k8s.io', 'v1', 'tokenreviews'],
      ['authorization.k8s.io', 'v1', 'selfsubjectaccessreviews'],
      ['autoscaling', 'v1', 'horizontalpodautoscalers'],
      ['autoscaling', 'v2', 'horizontalpodautoscalers'],
      ['batch', 'v1', 'jobs'],
      ['certificates.k8s.io', 'v1', 'certificatesigningrequests'],
      ['coordination.k8s.io', 'v1', 'leases'],
      ['discovery.k8s.io', 'v1', 'endpointslices'],
      ['events.k8s.io', 'v1', 'events'],
      ['networking.k8s.io', 'v1', 'ingresses'],
      ['node.k8s.io', 'v1', 'runtimeclasses'],
      ['policy', 'v1', 'poddisruptionbudgets'],
      ['scheduling.k8s.io', 'v1', 'priorityclasses'],
      ['storage.k8s.io', 'v1', 'csinodes'],
    ]) {
      const { json } = await running.http('GET', `/apis/${group}/${version}`);
      expect(json.resources, `${group}/${version}`).toContainEqual(expect.objectContaining({ name: resource }));
    }
  });
});

describe('[sig-api-machinery] FieldValidation', () => {
  const deployment =
    '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","labels":{"app":"x"}},"spec":{"unknownField":"foo","replicas":1,"replicas":2,"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}';
  const deployments = '/apis/apps/v1/namespaces/default/deployments?fieldValidation=Strict';

  it('should detect unknown and duplicate fields of a typed object', async () => {
    const { status, json } = await running.http('POST', deployments, { body: deployment });
    expect(status).toBe(400);
    expect(json.message).toContain('strict decoding error:');
    expect(json.message).toContain('unknown field "spec.unknownField"');
    expect(json.message).toContain('duplicate field "spec.replicas"');
  });

  it('should detect unknown metadata fields of a typed object', async () => {
    const body = deployment
      .replace('"unknownField":"foo",', '')
      .replace('"replicas":1,', '')
      .replace('"name":"d"', '"name":"d","unknownMeta":"x"');
    expect((await running.http('POST', deployments, { body })).json.message).toContain(
      'unknown field "metadata.unknownMeta"',
    );
  });

  it('should create/apply a CR with unknown fields for CRD with no validation schema', async () => {
    await define({ plural: 'opens' });
    const body = {
      apiVersion: 'conformance.example.com/v1',
      kind: 'Open',
      metadata: { name: 'x' },
      spec: { anything: 1 },
    };
    expect((await running.http('POST', `${objects('opens')}?fieldValidation=Strict`, { body })).status).toBe(201);
    const applied = await running.http('PATCH', `${objects('opens')}/y?fieldManager=m&fieldValidation=Strict`, {
      body: { ...body, metadata: { name: 'y' } },
      type: 'application/apply-patch+yaml',
    });
    expect(applied.status).toBe(201);
  });

  const strictSchema = {
    type: 'object',
    properties: { spec: { type: 'object', properties: { known: { type: 'string' } } } },
  };

  it('should create/apply a valid CR for CRD with validation schema', async () => {
    await define({ plural: 'valids', versions: [{ name: 'v1', schema: strictSchema }] });
    const body = {
      apiVersion: 'conformance.example.com/v1',
      kind: 'Valid',
      metadata: { name: 'x' },
      spec: { known: 'a' },
    };
    expect((await running.http('POST', `${objects('valids')}?fieldValidation=Strict`, { body })).status).toBe(201);
    const applied = await running.http('PATCH', `${objects('valids')}/x?fieldManager=m&fieldValidation=Strict`, {
      body,
      type: 'application/apply-patch+yaml',
    });
    expect(applied.status).toBe(200);
  });

  it('should create/apply an invalid CR with extra properties for CRD with validation schema', async () => {
    await define({ plural: 'extras', versions: [{ name: 'v1', schema: strictSchema }] });
    const body = {
      apiVersion: 'conformance.example.com/v1',
      kind: 'Extra',
      metadata: { name: 'x' },
      spec: { known: 'a', extra: 1 },
    };
    const created = await running.http('POST', `${objects('extras')}?fieldValidation=Strict`, { body });
    expect(created.status).toBe(400);
    expect(created.json.message).toContain('unknown field "spec.extra"');
    const applied = await running.http('PATCH', `${objects('extras')}/x?fieldManager=m&fieldValidation=Strict`, {
      body,
      type: 'application/apply-patch+yaml',
    });
    expect([400, 500]).toContain(applied.status);
    expect(applied.status).toBe(400);
  });

  it('should detect unknown metadata fields in both the root and embedded object of a CR', async () => {
    const schema = {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: {
            template: {
              type: 'object',
              'x-kubernetes-embedded-resource': true,
              properties: { spec: { type: 'object' } },
            },
          },
        },
      },
    };
    await define({ plural: 'embeds', versions: [{ name: 'v1', schema }] });
    const body = {
      metadata: { name: 'x', unknownMeta: 1 },
      spec: { template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'y', unknownSubMeta: 1 } } },
    };
    const { json } = await running.http('POST', `${objects('embeds')}?fieldValidation=Strict`, { body });
    expect(json.message).toContain('unknown field "metadata.unknownMeta"');
    expect(json.message).toContain('unknown field "spec.template.metadata.unknownSubMeta"');
  });

  it('should detect duplicates in a CR when preserving unknown fields', async () => {
    await define({ plural: 'doubles' });
    const body = '{"metadata":{"name":"x"},"spec":{"a":1,"a":2}}';
    const { status, json } = await running.http('POST', `${objects('doubles')}?fieldValidation=Strict`, { body });
    expect(status).toBe(400);
    expect(json.message).toContain('duplicate field "spec.a"');
  });
});

describe('[sig-api-machinery] FlowSchema API', () => {
  it('should support FlowSchema API operations', async () => {
    const path = '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas';
    const body = {
      metadata: { name: 'fs', labels: { t: 'fs' } },
      spec: {
        matchingPrecedence: 10000,
        priorityLevelConfiguration: { name: 'global-default' },
        distinguisherMethod: { type: 'ByUser' },
        rules: [
          {
            subjects: [{ kind: 'User', user: { name: 'example' } }],
            nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }],
          },
        ],
      },
    };
    expect((await running.http('POST', path, { body })).status).toBe(201);
    expect(
      (await running.http('PATCH', `${path}/fs`, merge({ metadata: { annotations: { patched: 'true' } } }))).json
        .metadata.annotations,
    ).toEqual({ patched: 'true' });
    const current = (await running.http('GET', `${path}/fs`)).json;
    current.spec.matchingPrecedence = 9999;
    expect((await running.http('PUT', `${path}/fs`, { body: current })).json.spec.matchingPrecedence).toBe(9999);
    expect((await running.http('GET', `${path}/fs/status`)).status).toBe(200);
    await running.http('DELETE', `${path}?labelSelector=t%3Dfs`);
    expect(await running.client.find(FlowSchema, { name: 'fs' })).toBeUndefined();
  });
});

describe('[sig-api-machinery] Servers with support for API chunking', () => {
  const path = '/api/v1/namespaces/default/podtemplates';
  beforeAll(async () => {
    for (let i = 0; i < 40; i++)
      await running.client.create(PodTemplate, {
        metadata: { name: `template-${String(i).padStart(4, '0')}`, namespace: 'default' },
        template: {
          metadata: { labels: { test: 'chunking' } },
          spec: { containers: [{ name: 'test', image: 'test2' }] },
        },
      });
  });

  it('should return chunks of results for list calls', async () => {
    let token = '';
    let found = 0;
    let revision: string | undefined;
    do {
      const { json } = await running.http('GET', `${path}?limit=7${token ? `&continue=${token}` : ''}`);
      revision ??= json.metadata.resourceVersion;
      expect(json.metadata.resourceVersion).toBe(revision);
      found += json.items.length;
      token = json.metadata.continue ?? '';
      if (token) expect(json.metadata.remainingItemCount).toBe(40 - found);
    } while (token);
    expect(found).toBe(40);
  });

  it('should continue listing from the last key if the original version has been compacted away, though the list is inconsistent', async () => {
    const old = Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: 1, start: 'template-0009\u0000' })).toString(
      'base64url',
    );
    const expired = await running.http('GET', `${path}?limit=10&continue=${old}`);
    if (expired.status === 200) return;
    expect(expired.json).toMatchObject({ code: 410, reason: 'Expired' });
    const { json } = await running.http('GET', `${path}?limit=10&continue=${expired.json.metadata.continue}`);
    expect(json.items[0].metadata.name).toBe('template-0010');
  });
});

describe('[sig-api-machinery] Servers with support for Table transformation', () => {
  it('should return a 406 for a backend which does not implement metadata', async () => {
    const { status } = await running.http('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      body: { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } },
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    expect(status).toBe(406);
  });
});

describe('[sig-api-machinery] Watchers', () => {
  const follow = (options: object = {}): { seen: WatchEvent[]; handle: WatchHandle } => {
    const seen: WatchEvent[] = [];
    const handle = running.client.watch(
      ConfigMap,
      { namespace: 'default', ...options },
      { onEvents: (events) => void seen.push(...events), onEnd() {} },
    );
    return { seen, handle };
  };
  const shown = (seen: WatchEvent[]) => seen.map((event) => `${event.type} ${event.object.metadata.name}`);
  const labelled = (name: string) => ({
    metadata: { name, namespace: 'default', labels: { 'watch-this-configmap': name } },
  });

  it('should observe add, update, and delete watch notifications on configmaps', async () => {
    const { seen, handle } = follow({ labelSelector: 'watch-this-configmap=a' });
    await running.client.create(ConfigMap, labelled('a'));
    await running.client.patch(
      ConfigMap,
      { namespace: 'default', name: 'a' },
      { data: { mutation: '1' } },
      { type: 'merge' },
    );
    await running.client.delete(ConfigMap, { namespace: 'default', name: 'a' });
    await expect.poll(() => shown(seen)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    handle.close();
  });

  it('should be able to start watching from a specific resource version', async () => {
    const ref = { namespace: 'default', name: 'from' };
    await running.client.create(ConfigMap, labelled('from'));
    const first = await running.client.patch(ConfigMap, ref, { data: { mutation: '1' } }, { type: 'merge' });
    await running.client.patch(ConfigMap, ref, { data: { mutation: '2' } }, { type: 'merge' });
    await running.client.delete(ConfigMap, ref);
    const { seen, handle } = follow({
      labelSelector: 'watch-this-configmap=from',
      resourceVersion: first.metadata.resourceVersion,
    });
    await expect.poll(() => shown(seen)).toEqual(['MODIFIED from', 'DELETED from']);
    handle.close();
  });

  it('should be able to restart watching from the last resource version observed by the previous watch', async () => {
    const ref = { namespace: 'default', name: 'again' };
    const first = follow({ labelSelector: 'watch-this-configmap=again' });
    await running.client.create(ConfigMap, labelled('again'));
    await expect.poll(() => shown(first.seen)).toEqual(['ADDED again']);
    first.handle.close();
    await running.client.patch(ConfigMap, ref, { data: { mutation: '2' } }, { type: 'merge' });
    const second = follow({
      labelSelector: 'watch-this-configmap=again',
      resourceVersion: first.seen[0]!.object.metadata.resourceVersion,
    });
    await running.client.delete(ConfigMap, ref);
    await expect.poll(() => shown(second.seen)).toEqual(['MODIFIED again', 'DELETED again']);
    second.handle.close();
  });

  it('should observe an object deletion if it stops meeting the requirements of the selector', async () => {
    const ref = { namespace: 'default', name: 'leaves' };
    const { seen, handle } = follow({ labelSelector: 'watch-this-configmap=leaves' });
    await running.client.create(ConfigMap, labelled('leaves'));
    const relabel = (value: string) =>
      running.client.patch(
        ConfigMap,
        ref,
        { metadata: { labels: { 'watch-this-configmap': value } } },
        { type: 'merge' },
      );
    await relabel('wrong');
    await relabel('leaves');
    await running.client.delete(ConfigMap, ref);
    await expect.poll(() => shown(seen)).toEqual(['ADDED leaves', 'DELETED leaves', 'ADDED leaves', 'DELETED leaves']);
    handle.close();
  });

  it('should receive events on concurrent watches in same order', async () => {
    const watches = Array.from({ length: 10 }, () => follow({ labelSelector: 'order' }));
    for (let i = 0; i < 20; i++)
      await running.client.create(ConfigMap, {
        metadata: { name: `order-${i}`, namespace: 'default', labels: { order: 'x' } },
      });
    await expect.poll(() => watches.every(({ seen }) => seen.length === 20)).toBe(true);
    const orders = new Set(
      watches.map(({ seen }) => seen.map((event) => event.object.metadata.resourceVersion).join()),
    );
    expect(orders.size).toBe(1);
    for (const { handle } of watches) handle.close();
  });
});

describe('[sig-api-machinery] server version', () => {
  it('should find the server version', async () => {
    const { json } = await running.http('GET', '/version');
    expect(json).toMatchObject({ major: '1', minor: expect.stringMatching(/^\d+$/) });
  });
});
