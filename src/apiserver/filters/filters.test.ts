import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../api/core/config-map.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { negotiate } from '../encoding/negotiate.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import { loopbackUser } from '../user.ts';
import { runChecks } from './health.ts';
import { parseRequestInfo } from './request-info.ts';

describe('request info', () => {
  it.each([
    ['GET', '/api/v1/pods', { verb: 'list', group: '', version: 'v1', plural: 'pods', namespace: '', name: '' }],
    ['GET', '/api/v1/pods?watch=true', { verb: 'watch' }],
    ['GET', '/api/v1/pods?watch=false', { verb: 'list' }],
    ['GET', '/api/v1/watch/namespaces/a/pods', { verb: 'watch', namespace: 'a', plural: 'pods' }],
    ['GET', '/api/v1/namespaces/a/pods/b', { verb: 'get', namespace: 'a', plural: 'pods', name: 'b' }],
    ['GET', '/api/v1/namespaces/a/pods/b/log', { verb: 'get', name: 'b', subresource: 'log' }],
    ['GET', '/api/v1/namespaces/a', { verb: 'get', plural: 'namespaces', name: 'a', namespace: 'a' }],
    [
      'PUT',
      '/api/v1/namespaces/a/finalize',
      { verb: 'update', plural: 'namespaces', name: 'a', subresource: 'finalize' },
    ],
    ['POST', '/apis/apps/v1/namespaces/a/deployments', { verb: 'create', group: 'apps', plural: 'deployments' }],
    ['DELETE', '/apis/apps/v1/namespaces/a/deployments', { verb: 'deletecollection' }],
    ['DELETE', '/apis/apps/v1/namespaces/a/deployments/b', { verb: 'delete', name: 'b' }],
    ['PATCH', '/apis/apps/v1/namespaces/a/deployments/b/scale', { verb: 'patch', subresource: 'scale' }],
    ['GET', '/api/v1/namespaces/a/services/b:80/proxy/x/y', { name: 'b:80', subresource: 'proxy', rest: '/x/y' }],
    ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Dx', { verb: 'list', name: 'x' }],
    ['GET', '/apis/apps/v1', { resourceRequest: false, verb: 'get' }],
    ['GET', '/healthz/ping', { resourceRequest: false, path: '/healthz/ping' }],
  ])('%s %s', (method, url, expected) => expect(parseRequestInfo(method, url)).toMatchObject(expected));
});

describe('content negotiation', () => {
  const offer = { protobuf: true, transforms: true };
  it.each([
    [undefined, { format: 'json', as: undefined }],
    ['application/vnd.kubernetes.protobuf,application/json', { format: 'protobuf', as: undefined }],
    ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', { format: 'json', as: 'Table' }],
    ['application/json;as=Nope;v=v1;g=meta.k8s.io,application/json', { format: 'json', as: undefined }],
    ['application/yaml;q=0.5,application/json;q=0.1', { format: 'yaml', as: undefined }],
  ])('%s', (accept, expected) => expect(negotiate(accept, offer)).toEqual(expected));

  it('refuses what there is not', () => {
    expect(() => negotiate('text/html', offer)).toThrow('only the following media types are accepted');
    expect(() => negotiate('application/vnd.kubernetes.protobuf', { ...offer, protobuf: false })).toThrow(
      'application/json',
    );
  });
});

describe('health', () => {
  it('is told check by check', async () => {
    const checks = [
      { name: 'good', check: () => undefined },
      { name: 'bad', check: () => 'broken' },
      { name: 'worse', check: () => Promise.reject(new Error('thrown')) },
    ];
    const report = await runChecks('readyz', checks);
    expect(report).toEqual({
      ok: false,
      text: '[+]good ok\n[-]bad failed: reason withheld\n[-]worse failed: reason withheld\nreadyz check failed\n',
      failures: [
        { name: 'bad', why: 'broken' },
        { name: 'worse', why: 'thrown' },
      ],
    });
    const { ok, text } = await runChecks('readyz', checks, { excluded: ['bad', 'worse', 'none', 'b"c'] });
    expect(ok).toBe(true);
    expect(text).toBe(
      '[+]good ok\n[+]bad excluded: ok\n[+]worse excluded: ok\n' +
        'warn: some health checks cannot be excluded: no matches for "b\\"c","none"\nreadyz check passed\n',
    );
  });
});

describe('a server', () => {
  let running: TestServer;
  beforeAll(async () => {
    running = await startTestServer();
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
  });

  it('answers health, version and metrics', async () => {
    expect((await running.http('GET', '/livez')).text).toBe('ok');
    const { text } = await running.http('GET', '/readyz?verbose&exclude=etcd');
    expect(text).toBe(
      [
        '[+]ping ok',
        '[+]log ok',
        '[+]etcd excluded: ok',
        '[+]poststarthook/crd-informer-synced ok',
        '[+]poststarthook/start-system-namespaces-controller ok',
        '[+]poststarthook/priority-and-fairness-config-producer ok',
        '[+]poststarthook/apiservice-registration-controller ok',
        '[+]etcd-readiness ok',
        '[+]informer-sync ok',
        '[+]shutdown ok',
        'readyz check passed\n',
      ].join('\n'),
    );
    expect((await running.http('GET', '/readyz/poststarthook/crd-informer-synced')).text).toBe('ok');
    expect((await running.http('GET', '/readyz/ping')).text).toBe('ok');
    expect((await running.http('GET', '/readyz/nope')).status).toBe(404);
    expect((await running.http('GET', '/version')).json.gitVersion).toMatch(/^v1\.36\./);
    await running.http('GET', '/api/v1/namespaces/default');
    expect((await running.http('GET', '/metrics')).text).toMatch(
      /apiserver_request_total\{component="apiserver",group="",resource="namespaces",scope="resource",subresource="",verb="GET",version="v1",code="200",dry_run=""\} 1/,
    );
  });

  it('counts requests of its own process as those of others, and which way they were meant', async () => {
    const counted = async (labels: string) =>
      new RegExp(`apiserver_request_total\\{[^}]*${labels}[^}]*\\} (\\d+)`).exec(
        (await running.http('GET', '/metrics')).text,
      )?.[1];
    await running.client.create(ConfigMap, { metadata: { namespace: 'default', name: 'counted' } });
    expect(await counted('resource="configmaps".*verb="POST".*code="201",dry_run=""')).toBe('1');
    await running.client.create(ConfigMap, { metadata: { namespace: 'default', name: 'dry' } }, { dryRun: true });
    expect(await counted('resource="configmaps".*verb="POST".*code="201",dry_run="All"')).toBe('1');
    await running.http('PATCH', '/api/v1/namespaces/default/configmaps/counted?fieldManager=t&dryRun=All', {
      type: 'application/apply-patch+yaml',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'counted' } },
    });
    expect(await counted('resource="configmaps",scope="resource".*verb="APPLY".*code="200",dry_run="All"')).toBe('1');
    await running.http('GET', '/api/v1/namespaces/default/configmaps/none');
    expect(await counted('resource="configmaps".*verb="GET".*code="404"')).toBe('1');
    await running.http('GET', '/api/v1/namespaces/default/endpoints');
    const { text } = await running.http('GET', '/metrics');
    expect(text).toContain(
      'apiserver_requested_deprecated_apis{group="",version="v1",resource="endpoints",subresource="",removed_release=""} 1',
    );
    expect(text).not.toMatch(/deprecated_apis.*configmaps/);
    expect(text).toMatch(/apiserver_resource_objects\{group="",resource="namespaces"\} [1-9]/);
    expect(text).toMatch(/apiserver_storage_objects\{resource="deployments.apps"\} 0/);
    expect(text).toContain('kubernetes_healthcheck{name="ping",type="readyz"} 1');
    await running.http('GET', '/livez');
    expect(await counted('subresource="/livez",verb="GET".*code="200"')).toMatch(/\d/);
  });

  it('answers discovery again only when it changed', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    const first = await running.http('GET', '/apis', { headers: { accept } });
    expect(first.json).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    const etag = first.headers['etag'] as string;
    expect((await running.http('GET', '/apis', { headers: { accept, 'if-none-match': etag } })).status).toBe(304);
    const apps = first.json.items.find((item: { metadata: { name: string } }) => item.metadata.name === 'apps');
    const { json } = await running.http('GET', '/api/v1', {});
    expect(json.resources.map((resource: { name: string }) => resource.name)).toContain('pods/eviction');
    expect(apps.versions[0]).toMatchObject({ version: 'v1', freshness: 'Current' });
  });

  it('serves OpenAPI under URLs that clients may keep', async () => {
    const { json } = await running.http('GET', '/openapi/v3');
    const { serverRelativeURL } = json.paths['apis/apps/v1'];
    const document = await running.http('GET', serverRelativeURL);
    expect(document.headers['cache-control']).toBe('public, immutable');
    expect(document.json.components.schemas['io.k8s.api.apps.v1.Deployment']).toBeDefined();
    const moved = await running.http('GET', '/openapi/v3/apis/apps/v1?hash=OLD');
    expect(moved.status).toBe(301);
    expect(moved.headers['location']).toBe(serverRelativeURL);
  });

  it('ends a request after the time that it gives itself, and no later than all', async () => {
    const held: (() => void)[] = [];
    const authorizer: Authorizer = {
      name: 'slow',
      authorize: ({ user, resource }) => {
        if (user.name === loopbackUser.name || resource !== 'configmaps') return { decision: 'Allow', reason: '' };
        return new Promise((resolve) => held.push(() => resolve({ decision: 'Allow', reason: '' })));
      },
    };
    await using slow = await startTestServer({ authorizer, requestTimeoutMs: 1500 });
    const path = '/api/v1/namespaces/default/configmaps';
    const own = await slow.http('GET', `${path}?timeout=20ms`);
    expect(own.json).toMatchObject({
      code: 504,
      reason: 'Timeout',
      message: 'Timeout: request did not complete within requested timeout - context deadline exceeded',
    });
    for (const timeout of ['', '0s', '1h']) {
      const { json } = await slow.http('GET', `${path}?timeout=${timeout}`);
      expect(json.message).toBe('Timeout: request did not complete within the allotted timeout');
    }
    for (const release of held) release();
    expect((await slow.http('GET', '/api/v1/namespaces?timeout=32s')).status).toBe(200);
    const bad = await slow.http('GET', '/api/v1/namespaces?timeout=soon');
    expect(bad.json).toMatchObject({
      code: 400,
      message: 'invalid timeout specified in the request URL - time: invalid duration "soon"',
    });
  });

  it('compresses large answers for those who ask', async () => {
    const { headers } = await running.http('GET', '/openapi/v2', { headers: { 'accept-encoding': 'gzip' } });
    expect(headers['content-encoding']).toBe('gzip');
  });

  it('refuses unknown users', async () => {
    await using strict = await startTestServer({ authenticators: [] });
    expect((await strict.http('GET', '/api/v1/pods')).status).toBe(401);
  });

  it('answers 403 with what was asked', async () => {
    const authorizer: Authorizer = {
      name: 'only the server itself',
      authorize: ({ user }) => ({ decision: user.name === loopbackUser.name ? 'Allow' : 'NoOpinion', reason: '' }),
    };
    await using strict = await startTestServer({ authorizer });
    const { status, json } = await strict.http('GET', '/api/v1/namespaces/default/pods');
    expect(status).toBe(403);
    expect(json.message).toBe(
      'pods is forbidden: User "admin" cannot list resource "pods" in API group "" in the namespace "default"',
    );
  });
});
