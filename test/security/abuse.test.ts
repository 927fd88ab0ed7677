import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Endpoints } from '../../src/api/core/endpoints.ts';
import { Event } from '../../src/api/core/event.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { Service } from '../../src/api/core/service.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import { EndpointSlice } from '../../src/api/discovery/endpoint-slice.ts';
import { ClusterRole } from '../../src/api/rbac/cluster-role.ts';
import { ClusterRoleBinding } from '../../src/api/rbac/cluster-role-binding.ts';
import { RoleBinding } from '../../src/api/rbac/role-binding.ts';
import type { CertificateAndKey } from '../../src/base/pki.ts';
import type { Client } from '../../src/client/client.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let admin: Client;
let root: CertificateAndKey;
const rbac = 'rbac.authorization.k8s.io';

beforeAll(async () => {
  world = await startWorld();
  admin = world.admin;
  root = world.certificate('root', ['system:masters']);
  await admin.create(Namespace, { metadata: { name: 'team' } });
  await admin.create(ServiceAccount, { metadata: { namespace: 'team', name: 'default' } });
});
afterAll(() => world.close());

const post = (
  body: string | object,
  headers: Record<string, string> = {},
  path = '/api/v1/namespaces/team/configmaps',
) => world.call(path, { certificate: root, method: 'POST', headers, body });
const alive = async () => expect((await world.call('/readyz')).status).toBe(200);

/** Sends bytes over TLS and resolves with what came back until the server closed or fell silent. */
function raw(bytes: string, certificate = root): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: world.port,
      servername: 'localhost',
      ca: world.ca.cert,
      ...certificate,
      ALPNProtocols: ['http/1.1'],
    });
    let text = '';
    socket.setTimeout(5000, () => socket.destroy());
    socket.on('secureConnect', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve(text) : reject(error)));
  });
}

describe('bodies', () => {
  it('that are too long are refused', async () => {
    const answer = await post({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'big' },
      data: { x: 'x'.repeat(4_000_000) },
    }).catch((error: Error) => error);
    if ('status' in answer) expect(answer.status).toBe(413);
    await alive();
  });

  it.each<[string, string, Record<string, string>]>([
    ['deep JSON', `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, {}],
    ['deep objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, {}],
    [
      'a YAML bomb',
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n`,
      { 'content-type': 'application/yaml' },
    ],
    ['deep YAML', `a: ${'['.repeat(50_000)}`, { 'content-type': 'application/yaml' }],
    ['half a document', '{"apiVersion":"v1","kind":"ConfigMap","metad', {}],
    ['nothing', ' ', {}],
    ['null', 'null', {}],
    ['a list', '[]', {}],
    ['another kind', '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}', {}],
    ['a wrong type', '{"apiVersion":"v1","kind":"ConfigMap","metadata":"x"}', {}],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00]).toString('latin1'), {}],
    ['rubbish for protobuf', 'k8s\u0000rubbish', { 'content-type': 'application/vnd.kubernetes.protobuf' }],
    ['an unknown type', 'x', { 'content-type': 'text/evil' }],
  ])('of %s are refused and harm nobody', async (_, body, headers) => {
    const answer = await post(body, headers);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body?.kind).toBe('Status');
    await alive();
  });

  it('cannot reach into JavaScript', async () => {
    const text =
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"proto","labels":{"__proto__":"x"}},"data":{"__proto__":"polluted","constructor":"y"},"__proto__":{"polluted":true}}';
    await post(text);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    await alive();
  });

  it('of patches cannot explode', async () => {
    await admin.create(ConfigMap, { metadata: { namespace: 'team', name: 'copy' }, data: { a: 'x'.repeat(1000) } });
    const patch = Array.from({ length: 60 }, (_, i) => ({
      op: 'copy',
      from: '/data',
      path: `/data${i ? '' : ''}/n${i}`,
    }));
    const answer = await world.call('/api/v1/namespaces/team/configmaps/copy', {
      method: 'PATCH',
      certificate: root,
      headers: { 'content-type': 'application/json-patch+json' },
      body: patch,
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    await alive();
  });
});

describe('connections', () => {
  it('do not smuggle requests', async () => {
    const hidden = 'GET /api/v1/namespaces/kube-system/secrets HTTP/1.1\r\nHost: x\r\n\r\n';
    for (const lengths of [
      'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n',
      'Content-Length: 4\r\nContent-Length: 40\r\n',
      'Transfer-Encoding: chunked, identity\r\n',
      'Content-Length: 0x10\r\n',
    ]) {
      const text = await raw(`POST /version HTTP/1.1\r\nHost: localhost\r\n${lengths}\r\n0\r\n\r\n${hidden}`);
      expect(text).not.toContain('SecretList');
    }
    await alive();
  });

  it.each([
    'GET / HTTP/9.9\r\n\r\n',
    '\u0000\u0001\u0002',
    'GET /\r\nHost: x\r\n\r\n',
    `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(20_000)}\r\n`,
  ])('survive rubbish', async (bytes) => {
    await raw(bytes);
    await alive();
  });

  it('that stop in the middle of the handshake keep nobody waiting', async () => {
    const sockets = Array.from({ length: 50 }, () => connectTcp({ host: '127.0.0.1', port: world.port }));
    for (const socket of sockets)
      socket.on('error', () => undefined).on('connect', () => socket.write(Buffer.from([0x16, 0x03, 0x01, 0x00])));
    await alive();
    for (const socket of sockets) socket.destroy();
  });

  it('do not split headers', async () => {
    const answer = await world.call('/api/v1/namespaces/team/configmaps/x%0d%0aSet-Cookie:%20a=b', {
      certificate: root,
    });
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  it('that fail to be upgraded carry nothing on', async () => {
    const text = await raw(
      'GET /api/v1/namespaces/team/pods/none/exec?command=sh&stdin=1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n' +
        'GET /api/v1/namespaces/kube-system/secrets HTTP/1.1\r\nHost: localhost\r\n\r\n',
      world.certificate('nobody'),
    );
    expect(text).toMatch(/^HTTP\/1\.1 403/);
    expect(text).not.toContain('SecretList');
    expect(text).not.toContain(' 101 ');
  });
});

describe('paths', () => {
  it('do not give a cluster-scoped custom resource in a namespace', async () => {
    await admin.create(CustomResourceDefinition, {
      metadata: { name: 'keys.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Cluster',
        names: { plural: 'keys', kind: 'Key' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as never },
          },
        ],
      },
    });
    await expect
      .poll(async () => (await world.call('/apis/example.com/v1/keys', { certificate: root })).status)
      .toBe(200);
    const key = { apiVersion: 'example.com/v1', kind: 'Key', metadata: { name: 'k' }, value: 'top-secret' };
    expect((await post(key, {}, '/apis/example.com/v1/keys')).status).toBe(201);
    await admin.create(ClusterRole, {
      metadata: { name: 'keys' },
      rules: [{ apiGroups: ['example.com'], resources: ['*'], verbs: ['*'] }],
    });
    await admin.create(RoleBinding, {
      metadata: { namespace: 'team', name: 'keys' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'keys' },
      subjects: [{ kind: 'User', apiGroup: rbac, name: 'tess' }],
    });
    const tess = world.certificate('tess');
    for (const path of [
      '/apis/example.com/v1/namespaces/team/keys',
      '/apis/example.com/v1/namespaces/team/keys/k',
      '/apis/example.com/v1/keys/k',
      '/apis/example.com/v1/namespaces/team/keys?watch=1&timeoutSeconds=1',
    ]) {
      const answer = await world.call(path, { certificate: tess });
      expect([path, answer.status >= 400, answer.text.includes('top-secret')]).toEqual([path, true, false]);
    }
    const deletion = await world.call('/apis/example.com/v1/namespaces/team/keys/k', {
      method: 'DELETE',
      certificate: tess,
    });
    expect(deletion.status).toBeGreaterThanOrEqual(400);
    expect((await world.call('/apis/example.com/v1/keys/k', { certificate: root })).status).toBe(200);
  });

  it.each(['pods', 'services', 'nodes'])('through the proxy of %s are for those who may', async (what) => {
    const path = what === 'nodes' ? '/api/v1/nodes/n/proxy/metrics' : `/api/v1/namespaces/team/${what}/x/proxy/`;
    expect((await world.call(path, { certificate: world.certificate('nobody') })).status).toBe(403);
  });

  it.each([
    '/api/v1/nodes/127.0.0.1/proxy/',
    '/api/v1/nodes/https:169.254.169.254:80/proxy/',
    '/api/v1/namespaces/team/pods/127.0.0.1:6443/proxy/',
    '/api/v1/namespaces/team/services/http:localhost:80/proxy/',
    '/api/v1/namespaces/team/pods/..%2f..%2fnodes/proxy/',
  ])('lead nowhere at %s', async (path) => {
    const answer = await world.call(path, { certificate: root });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body?.kind).toBe('Status');
  });
});

describe('requests on somebody else’s behalf', () => {
  it('do not follow a pod to the server’s own machine', async () => {
    await admin.create(Pod, {
      metadata: { namespace: 'team', name: 'loop' },
      spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i', ports: [{ containerPort: world.port }] }] },
    });
    for (const podIP of ['127.0.0.1', '169.254.169.254', '::1', '0.0.0.0', '::ffff:127.0.0.1', '::']) {
      await admin
        .patch(
          Pod,
          { namespace: 'team', name: 'loop' },
          { status: { podIP, podIPs: [{ ip: podIP }], phase: 'Running' } },
          { type: 'merge', subresource: 'status' },
        )
        .catch(() => undefined);
      const answer = await world.call(`/api/v1/namespaces/team/pods/https:loop:${world.port}/proxy/readyz`, {
        certificate: root,
      });
      expect([podIP, answer.status >= 400]).toEqual([podIP, true]);
      expect(answer.text).not.toBe('ok');
    }
  });

  it('do not follow a node to the server’s own machine', async () => {
    await admin.create(Node, { metadata: { name: 'trap' } });
    await admin.patch(
      Node,
      { name: 'trap' },
      {
        status: {
          addresses: [{ type: 'InternalIP', address: '169.254.169.254' }],
          daemonEndpoints: { kubeletEndpoint: { Port: 80 } },
        },
      },
      { type: 'merge', subresource: 'status' },
    );
    for (const name of ['trap', 'trap:80', 'trap:8080', 'http:trap:80', 'https:trap:443']) {
      const answer = await world.call(`/api/v1/nodes/${name}/proxy/latest/meta-data/`, { certificate: root });
      expect([name, answer.status >= 400]).toEqual([name, true]);
    }
    const other = await world.call('/api/v1/nodes/trap:81/proxy/', { certificate: root });
    expect(other.body.message).toBe('address not allowed');
  });

  it.each(['127.0.0.1', '169.254.169.254', '::1', 'fe80::1', '0.0.0.0', '224.0.0.1'])(
    'take no endpoint at %s',
    async (ip) => {
      await expect(
        admin.create(Endpoints, {
          metadata: { namespace: 'team', generateName: 'e-' },
          subsets: [{ addresses: [{ ip }], ports: [{ port: 80 }] }],
        }),
      ).rejects.toMatchObject({ reason: 'Invalid' });
      const addressType = ip.includes(':') ? 'IPv6' : 'IPv4';
      await expect(
        admin.create(EndpointSlice, {
          metadata: { namespace: 'team', generateName: 'e-' },
          addressType,
          endpoints: [{ addresses: [ip] }],
          ports: [{ port: 80 }],
        }),
      ).rejects.toMatchObject({ reason: 'Invalid' });
    },
  );

  it.each(['127.0.0.1', '169.254.169.254', '0.0.0.0', '224.0.0.1'])('take no external address %s', async (ip) => {
    await expect(
      admin.create(Service, {
        metadata: { namespace: 'team', generateName: 's-' },
        spec: { externalIPs: [ip], ports: [{ port: 80 }] },
      }),
    ).rejects.toMatchObject({ reason: 'Invalid' });
  });
});

describe('secrets', () => {
  it('are in no message and no event', async () => {
    const value = 'correct-horse-battery';
    const encoded = Buffer.from(value).toString('base64');
    const answers = [
      await post(
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'Bad_Name' }, stringData: { p: value } },
        {},
        '/api/v1/namespaces/team/secrets',
      ),
      await post(
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 's' },
          type: 'kubernetes.io/tls',
          stringData: { p: value },
        },
        {},
        '/api/v1/namespaces/team/secrets',
      ),
      await post(
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { 'bad key!': encoded } },
        {},
        '/api/v1/namespaces/team/secrets',
      ),
      await post(
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { p: `${value}!` } },
        {},
        '/api/v1/namespaces/team/secrets',
      ),
    ];
    for (const answer of answers) expect(answer.status).toBeGreaterThanOrEqual(400);
    const texts = answers.map((answer) => answer.text).join();
    expect(texts).not.toContain(encoded);
    const events = await admin.list(Event);
    expect(JSON.stringify(events)).not.toContain(value);
  });

  it('are not in tables', async () => {
    await admin.create(Secret, { metadata: { namespace: 'team', name: 'tabled' }, stringData: { p: 'in-a-table' } });
    await admin.create(ClusterRoleBinding, {
      metadata: { name: 'viewers' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'User', apiGroup: rbac, name: 'vera' }],
    });
    const table = await world.call('/api/v1/namespaces/team/secrets', {
      certificate: root,
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    expect(table.body.kind).toBe('Table');
    expect(table.text).not.toContain(Buffer.from('in-a-table').toString('base64'));
    expect(
      (await world.call('/api/v1/namespaces/team/secrets', { certificate: world.certificate('vera') })).status,
    ).toBe(403);
  });
});
