import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { APIService } from '../../api/apiregistration/api-service.ts';
import { Namespace } from '../../api/core/namespace.ts';
import { Service } from '../../api/core/service.ts';
import { realClock } from '../../base/clock.ts';
import { createAuthority, issueCertificate } from '../../base/pki.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

let running: TestServer;
let remote: Server;
const name = 'v1.remote.example.com';
const things = '/apis/remote.example.com/v1/namespaces/default/things';

const thing = {
  type: 'object',
  properties: { metadata: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' } },
  'x-kubernetes-group-version-kind': [{ group: 'remote.example.com', version: 'v1', kind: 'Thing' }],
};
const openApi: Record<string, object> = {
  '/openapi/v3': { paths: { 'apis/remote.example.com/v1': { serverRelativeURL: '/openapi/v3/things?hash=1' } } },
  '/openapi/v3/things?hash=1': { openapi: '3.0.0', paths: {}, components: { schemas: { Thing: { type: 'object' } } } },
  '/openapi/v2': {
    swagger: '2.0',
    paths: {
      [things]: { get: { responses: { 200: { schema: { $ref: '#/definitions/com.example.Thing' } } } } },
      '/apis/other.example.com/v1/things': { get: {} },
    },
    definitions: {
      'com.example.Thing': thing,
      'com.example.Unused': { type: 'object' },
      'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': { type: 'object', description: 'of another release' },
    },
  },
};

beforeAll(async () => {
  const now = realClock.now();
  const ca = createAuthority('remote-ca', now);
  const times = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
  const serving = issueCertificate(ca, {
    subject: { commonName: 'remote' },
    usages: ['serverAuth'],
    dnsNames: ['api.remote.svc'],
    ...times,
  });
  const proxy = issueCertificate(ca, { subject: { commonName: 'front-proxy' }, usages: ['clientAuth'], ...times });
  remote = createServer(
    { cert: serving.cert, key: serving.key, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
    (req, res) => {
      res.setHeader('content-type', 'application/json');
      if (req.url === '/apis/remote.example.com/v1') {
        const resources = [
          { name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['get', 'list'] },
          { name: 'things/status', singularName: '', namespaced: true, kind: 'Thing', verbs: ['get'] },
        ];
        res.end(
          JSON.stringify({
            kind: 'APIResourceList',
            apiVersion: 'v1',
            groupVersion: 'remote.example.com/v1',
            resources,
          }),
        );
      } else if (Object.hasOwn(openApi, req.url!)) {
        res.end(JSON.stringify(openApi[req.url!]));
      } else if (req.url!.startsWith(things)) {
        const { authorization, 'x-remote-user': user, 'x-remote-group': groups } = req.headers;
        res.end(
          JSON.stringify({
            kind: 'ThingList',
            apiVersion: 'remote.example.com/v1',
            metadata: {},
            items: [],
            user,
            groups,
            authorization,
            url: req.url,
          }),
        );
      } else {
        res.statusCode = 404;
        res.end(
          JSON.stringify({
            kind: 'Status',
            apiVersion: 'v1',
            status: 'Failure',
            reason: 'NotFound',
            message: 'no such thing',
            code: 404,
          }),
        );
      }
    },
  );
  await new Promise<void>((resolve) => remote.listen(0, '127.0.0.1', resolve));
  running = await startTestServer({ frontProxy: { ...proxy, ca: ca.cert } });
  const { client } = running;
  await client.create(Namespace, { metadata: { name: 'remote' } });
  const { port } = remote.address() as AddressInfo;
  await client.create(Service, {
    metadata: { name: 'api', namespace: 'remote' },
    spec: { type: 'ExternalName', externalName: '127.0.0.1' },
  });
  await client.create(APIService, {
    metadata: { name },
    spec: {
      group: 'remote.example.com',
      version: 'v1',
      groupPriorityMinimum: 1000,
      versionPriority: 10,
      caBundle: Buffer.from(ca.cert).toString('base64'),
      service: { namespace: 'remote', name: 'api', port },
    },
  });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  remote.closeAllConnections();
  await new Promise<void>((resolve) => remote.close(() => resolve()));
});

const condition = async () =>
  (await running.client.get(APIService, { name })).status.conditions?.find((c) => c.type === 'Available');

it('serves what another server answers, as the user who asks', async () => {
  await expect.poll(async () => (await condition())?.status).toBe('True');
  const { status, json } = await running.http('GET', `${things}?limit=5`, {
    headers: { authorization: 'Bearer secret' },
  });
  expect(status).toBe(200);
  expect(json).toMatchObject({ kind: 'ThingList', user: 'admin', url: `${things}?limit=5` });
  expect(json.groups).toContain('system:masters');
  expect(json.authorization).toBeUndefined();
  expect((await running.http('GET', '/apis/remote.example.com/v1/nothing')).json.message).toBe('no such thing');
});

it('lets callers in the process ask too', async () => {
  const kind = { group: 'remote.example.com', version: 'v1', kind: 'Thing', plural: 'things', namespaced: true };
  expect(await running.client.list(kind, { namespace: 'default' })).toMatchObject({
    items: [],
    user: 'system:apiserver',
  });
  const nothing = running.client.get({ ...kind, plural: 'nothings' }, { namespace: 'default', name: 'x' });
  await expect(nothing).rejects.toMatchObject({ code: 404 });
});

it('is in discovery', async () => {
  const groups = (await running.http('GET', '/apis')).json.groups;
  expect(groups).toContainEqual(expect.objectContaining({ name: 'remote.example.com' }));
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const { items } = (await running.http('GET', '/apis', { headers: { accept } })).json;
  const found = items.find((item: { metadata: { name: string } }) => item.metadata.name === 'remote.example.com');
  expect(found.versions[0].resources[0]).toMatchObject({
    resource: 'things',
    scope: 'Namespaced',
    subresources: [{ subresource: 'status' }],
  });
});

it('is in OpenAPI', async () => {
  const { paths } = (await running.http('GET', '/openapi/v3')).json;
  const { serverRelativeURL } = paths['apis/remote.example.com/v1'];
  expect(serverRelativeURL).toMatch(/^\/openapi\/v3\/apis\/remote\.example\.com\/v1\?hash=/);
  const v3 = await running.http('GET', serverRelativeURL);
  expect(v3.headers['cache-control']).toBe('public, immutable');
  expect(v3.json.components.schemas.Thing).toEqual({ type: 'object' });

  const v2 = (await running.http('GET', '/openapi/v2')).json;
  expect(v2.paths[things].get.responses['200'].schema.$ref).toBe('#/definitions/com.example.Thing');
  expect(v2.paths['/apis/other.example.com/v1/things']).toBeUndefined();
  expect(v2.definitions['com.example.Unused']).toBeUndefined();
  // What has the name of something else here gets another.
  const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
  expect(v2.definitions['com.example.Thing'].properties.metadata.$ref).toBe(`#/definitions/${meta}_v2`);
  expect(v2.definitions[`${meta}_v2`].description).toBe('of another release');
  expect(v2.definitions[meta].properties.name).toBeDefined();
  const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
  expect((await running.http('GET', '/openapi/v2', { headers: { accept } })).status).toBe(200);
});

it('keeps an APIService for each group of its own', async () => {
  const local = await running.client.get(APIService, { name: 'v1.apps' });
  expect(local.status.conditions).toContainEqual(
    expect.objectContaining({ type: 'Available', status: 'True', reason: 'Local' }),
  );
});

it('says so when the server is not there', async () => {
  await running.client.delete(Service, { namespace: 'remote', name: 'api' });
  await running.client.patch(APIService, { name }, { spec: { versionPriority: 11 } }, { type: 'merge' });
  const missing = { kind: 'APIService', metadata: { name: 'v2.remote.example.com' } };
  await running.client.create(APIService, {
    ...missing,
    spec: {
      group: 'remote.example.com',
      version: 'v2',
      groupPriorityMinimum: 1000,
      versionPriority: 10,
      insecureSkipTLSVerify: true,
      service: { namespace: 'remote', name: 'api', port: 443 },
    },
  });
  await expect
    .poll(
      async () =>
        (await running.client.get(APIService, { name: 'v2.remote.example.com' })).status.conditions?.[0]?.reason,
    )
    .toBe('ServiceNotFound');
  expect((await running.http('GET', '/apis/remote.example.com/v2/namespaces/default/things')).status).toBe(503);
});
