/** Upstream's conformance tests of custom resources, by their names. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/apiserver/test-server.ts';
import { crds, define, merge, objects } from './custom-definitions.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin]', () => {
  it('Simple CustomResourceDefinition creating/deleting custom resource definition objects works', async () => {
    const name = await define(running, { plural: 'simples' });
    expect((await running.http('DELETE', `${crds}/${name}`)).status).toBe(200);
    await expect.poll(async () => (await running.http('GET', `${crds}/${name}`)).status).toBe(404);
  });

  it('Simple CustomResourceDefinition listing custom resource definition objects works', async () => {
    for (const plural of ['listas', 'listbs']) {
      const name = await define(running, { plural });
      await running.http('PATCH', `${crds}/${name}`, merge({ metadata: { labels: { listed: 'yes' } } }));
    }
    expect((await running.http('GET', `${crds}?labelSelector=listed%3Dyes`)).json.items).toHaveLength(2);
    await running.http('DELETE', `${crds}?labelSelector=listed%3Dyes`);
    await expect
      .poll(async () => (await running.http('GET', `${crds}?labelSelector=listed%3Dyes`)).json.items.length)
      .toBe(0);
  });

  it('Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works', async () => {
    const name = await define(running, { plural: 'statuses' });
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
    const name = await define(running, { plural: 'defaults', versions: [{ name: 'v1', schema: plain }] });
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

describe('[sig-api-machinery] CustomResourceDefinition Watch [Privileged:ClusterAdmin] CustomResourceDefinition Watch', () => {
  it('watch on custom resource definition objects', async () => {
    await define(running, { plural: 'watcheds' });
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

describe('[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin]', () => {
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
    await define(running, { plural: 'foos', versions: [{ name: 'v1', schema }] });
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
    await define(running, {
      plural: 'emptys',
      versions: [{ name: 'v1', schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }],
    });
    expect(await definitionOf('com.example.conformance.v1.Empty')).toBeDefined();
  });

  it('works for CRD preserving unknown fields at the schema root', async () => {
    const schema = {
      type: 'object',
      description: 'preserve-unknown-properties at root for Testing',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: { spec: { type: 'object', properties: { known: { type: 'string' } } } },
    };
    await define(running, { plural: 'roots', versions: [{ name: 'v1', schema }] });
    const body = { metadata: { name: 'a' }, spec: { known: 'x' }, unknown: { deep: [1] } };
    const created = await running.http('POST', `${objects('roots')}?fieldValidation=Strict`, { body });
    expect(created.json).toMatchObject({ unknown: { deep: [1] } });
    // What kubectl validates by must not close what the schema leaves open.
    const published = await definitionOf('com.example.conformance.v1.Root');
    expect(published['x-kubernetes-group-version-kind']).toEqual([
      { group: 'conformance.example.com', version: 'v1', kind: 'Root' },
    ]);
    expect(published).toMatchObject({ type: 'object' });
    expect(published.properties).toBeUndefined();
  });

  it('works for CRD preserving unknown fields in an embedded object', async () => {
    const schema = {
      type: 'object',
      description: 'preserve-unknown-properties in nested field for Testing',
      properties: {
        spec: { type: 'object', description: 'Specification', 'x-kubernetes-preserve-unknown-fields': true },
      },
    };
    await define(running, { plural: 'nesteds', versions: [{ name: 'v1', schema }] });
    const body = { metadata: { name: 'a' }, spec: { b: [{ c: 'd' }] } };
    const created = await running.http('POST', `${objects('nesteds')}?fieldValidation=Strict`, { body });
    expect(created.json).toMatchObject({ spec: { b: [{ c: 'd' }] } });
    const outside = { metadata: { name: 'b' }, spec: {}, other: 1 };
    const refused = await running.http('POST', `${objects('nesteds')}?fieldValidation=Strict`, { body: outside });
    expect(refused.json.message).toContain('unknown field "other"');
    const published = await definitionOf('com.example.conformance.v1.Nested');
    expect(published.properties.spec).toMatchObject({
      description: 'Specification',
      'x-kubernetes-preserve-unknown-fields': true,
    });
  });

  it('works for multiple CRDs of same group and version but different kinds', async () => {
    await define(running, { plural: 'epsilons', group: 'kinds.example.com' });
    await define(running, { plural: 'zetas', group: 'kinds.example.com' });
    expect(await definitionOf('com.example.kinds.v1.Epsilon')).toBeDefined();
    expect(await definitionOf('com.example.kinds.v1.Zeta')).toBeDefined();
  });

  it('works for multiple CRDs of different groups', async () => {
    await define(running, { plural: 'alphas', group: 'one.example.com' });
    await define(running, { plural: 'alphas', group: 'two.example.com' });
    expect(await definitionOf('com.example.one.v1.Alpha')).toBeDefined();
    expect(await definitionOf('com.example.two.v1.Alpha')).toBeDefined();
  });

  it('works for multiple CRDs of same group but different versions', async () => {
    await define(running, { plural: 'betas', versions: [{ name: 'v2' }, { name: 'v3', storage: false }] });
    expect(await definitionOf('com.example.conformance.v2.Beta')).toBeDefined();
    expect(await definitionOf('com.example.conformance.v3.Beta')).toBeDefined();
  });

  it('removes definition from spec when one version gets changed to not be served', async () => {
    const name = await define(running, {
      plural: 'gammas',
      versions: [{ name: 'v5' }, { name: 'v6', storage: false }],
    });
    expect(await definitionOf('com.example.conformance.v6.Gamma')).toBeDefined();
    const { json } = await running.http('GET', `${crds}/${name}`);
    json.spec.versions[1].served = false;
    await running.http('PUT', `${crds}/${name}`, { body: json });
    await expect.poll(() => definitionOf('com.example.conformance.v6.Gamma')).toBeUndefined();
    expect(await definitionOf('com.example.conformance.v5.Gamma')).toBeDefined();
  });

  it('updates the published spec when one version gets renamed', async () => {
    const name = await define(running, {
      plural: 'deltas',
      versions: [{ name: 'v2' }, { name: 'v3', storage: false }],
    });
    const { json } = await running.http('GET', `${crds}/${name}`);
    json.spec.versions[1].name = 'v4';
    await running.http('PUT', `${crds}/${name}`, { body: json });
    await expect.poll(() => definitionOf('com.example.conformance.v4.Delta')).toBeDefined();
    expect(await definitionOf('com.example.conformance.v3.Delta')).toBeUndefined();
    expect(await definitionOf('com.example.conformance.v2.Delta')).toBeDefined();
  });
});

describe('[sig-api-machinery] CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors', () => {
  it('MUST list and watch custom resources matching the field selector', async () => {
    const schema = {
      type: 'object',
      properties: { host: { type: 'string' }, port: { type: 'string' }, color: { type: 'string' } },
    };
    const more = { selectableFields: [{ jsonPath: '.host' }, { jsonPath: '.port' }] };
    await define(running, { plural: 'selectables', versions: [{ name: 'v1', schema, more }] });
    const path = objects('selectables');
    for (const [name, host, port] of [
      ['a', 'host1', '80'],
      ['b', 'host1', '8080'],
      ['c', 'host2', '80'],
    ] as const)
      await running.http('POST', path, { body: { metadata: { name }, host, port } });
    const names = async (fieldSelector: string) => {
      const { json } = await running.http('GET', `${path}?fieldSelector=${encodeURIComponent(fieldSelector)}`);
      return json.items?.map((item: { metadata: { name: string } }) => item.metadata.name) ?? json.message;
    };
    expect(await names('host=host1')).toEqual(['a', 'b']);
    expect(await names('host=host1,port=80')).toEqual(['a']);
    expect(await names('host!=host1')).toEqual(['c']);
    expect(await names('color=blue')).toContain('field label not supported');
    const { kind } = running.server.kinds.resolve('conformance.example.com', 'v1', 'selectables')!;
    const seen: string[] = [];
    const watching = running.client.watch(
      kind,
      { fieldSelector: 'host=host1' },
      { onEvents: (events) => void seen.push(...events.map((e) => `${e.type} ${e.object.metadata.name}`)), onEnd() {} },
    );
    await expect.poll(() => seen).toEqual(['ADDED a', 'ADDED b']);
    await running.http('PATCH', `${path}/a`, merge({ host: 'host2' }));
    await running.http('PATCH', `${path}/c`, merge({ host: 'host1' }));
    await expect.poll(() => seen.slice(2)).toEqual(['DELETED a', 'ADDED c']);
    watching.close();
  });
});
