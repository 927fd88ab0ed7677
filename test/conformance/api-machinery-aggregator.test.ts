/** Upstream's conformance test of the aggregator: a sample API server of another program behind an APIService. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/apiserver/test-server.ts';
import { createAuthority, issueCertificate } from '../../src/base/pki.ts';
import { merge } from './custom-definitions.ts';

const groupVersion = 'wardle.example.com/v1alpha1';
const flunders = `/apis/${groupVersion}/namespaces/default/flunders`;
const apiServices = '/apis/apiregistration.k8s.io/v1/apiservices';
const name = 'v1alpha1.wardle.example.com';
const ca = createAuthority('sample-ca', Date.now());
const times = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
let sample: Server;
let running: TestServer;
/** Who asked, as the aggregator says. */
const callers = new Set<string>();

type Flunder = { metadata: { name: string; uid?: string; resourceVersion?: string }; spec?: object };

/** The least that makes an API server: discovery, and one resource in memory. */
function sampleServer(): Server {
  const serving = issueCertificate(ca, {
    subject: { commonName: 'sample' },
    usages: ['serverAuth'],
    dnsNames: ['sample-api.wardle.svc'],
    ...times,
  });
  const stored = new Map<string, Flunder>();
  let revision = 0;
  const typed = (flunder: Flunder) => ({ kind: 'Flunder', apiVersion: groupVersion, ...flunder });
  const answer = (method: string, path: string, body: Flunder | undefined): [number, object] => {
    const [, single] = path.split(`${flunders}/`);
    if (path === `/apis/${groupVersion}`) {
      const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
      const resources = [{ name: 'flunders', singularName: '', namespaced: true, kind: 'Flunder', verbs }];
      return [200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources }];
    }
    if (method === 'POST') {
      const made = { ...body!, metadata: { ...body!.metadata, uid: 'u', resourceVersion: String(++revision) } };
      stored.set(made.metadata.name, made);
      return [201, typed(made)];
    }
    if (path === flunders && method === 'DELETE') {
      stored.clear();
      return [200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }];
    }
    if (path === flunders) {
      const items = [...stored.values()];
      return [200, { kind: 'FlunderList', apiVersion: groupVersion, metadata: {}, items }];
    }
    const found = single && stored.get(single);
    if (!found)
      return [
        404,
        { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'NotFound', code: 404 },
      ];
    if (method === 'DELETE') stored.delete(single);
    if (method === 'PUT') stored.set(single, body!);
    return [200, typed(stored.get(single) ?? found)];
  };
  return createServer({ ...serving, ca: ca.cert, requestCert: true, rejectUnauthorized: true }, (req, res) => {
    callers.add(String(req.headers['x-remote-user']));
    req.toArray().then((chunks) => {
      const text = Buffer.concat(chunks as Buffer[]).toString();
      const path = new URL(req.url!, 'https://sample').pathname;
      const [code, object] = answer(req.method!, path, text.startsWith('{') ? JSON.parse(text) : undefined);
      res.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(object));
    });
  });
}

beforeAll(async () => {
  sample = sampleServer();
  await new Promise<void>((resolve) => sample.listen(0, '127.0.0.1', resolve));
  const proxy = issueCertificate(ca, { subject: { commonName: 'front-proxy' }, usages: ['clientAuth'], ...times });
  running = await startTestServer({ frontProxy: { ...proxy, ca: ca.cert } });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  sample.closeAllConnections();
  sample.close();
});

describe('[sig-api-machinery] Aggregator', () => {
  it('Should be able to support the 1.17 Sample API Server using the current Aggregator', async () => {
    const { http } = running;
    await http('POST', '/api/v1/namespaces', { body: { metadata: { name: 'wardle' } } });
    await http('POST', '/api/v1/namespaces/wardle/services', {
      body: { metadata: { name: 'sample-api' }, spec: { type: 'ExternalName', externalName: '127.0.0.1' } },
    });
    const { port } = sample.address() as AddressInfo;
    const registered = await http('POST', apiServices, {
      body: {
        metadata: { name },
        spec: {
          group: 'wardle.example.com',
          version: 'v1alpha1',
          groupPriorityMinimum: 2000,
          versionPriority: 200,
          caBundle: Buffer.from(ca.cert).toString('base64'),
          service: { namespace: 'wardle', name: 'sample-api', port },
        },
      },
    });
    expect(registered.status, registered.text).toBe(201);
    const available = async () =>
      (await http('GET', `${apiServices}/${name}`)).json.status.conditions?.find(
        ({ type }: { type: string }) => type === 'Available',
      )?.status;
    await expect.poll(available).toBe('True');
    const groups = (await http('GET', '/apis')).json.groups.map((group: { name: string }) => group.name);
    expect(groups).toContain('wardle.example.com');

    const body = { apiVersion: groupVersion, kind: 'Flunder', metadata: { name: 'a' }, spec: { reference: 'x' } };
    expect((await http('POST', flunders, { body })).status).toBe(201);
    expect((await http('GET', flunders)).json.items).toHaveLength(1);
    const read = (await http('GET', `${flunders}/a`)).json;
    expect(read).toMatchObject({ kind: 'Flunder', spec: { reference: 'x' } });
    expect((await http('PUT', `${flunders}/a`, { body: { ...read, spec: { reference: 'y' } } })).json.spec).toEqual({
      reference: 'y',
    });
    expect((await http('DELETE', `${flunders}/a`)).status).toBe(200);
    expect((await http('GET', `${flunders}/a`)).status).toBe(404);
    await http('POST', flunders, { body });
    await http('DELETE', flunders);
    expect((await http('GET', flunders)).json.items).toEqual([]);
    expect(callers).toContain('admin');

    const status = await http('GET', `${apiServices}/${name}/status`);
    const condition = { type: 'StatusPatched', status: 'True', reason: 'E2E', message: 'Set by e2e test' };
    const conditions = [...status.json.status.conditions, condition];
    const patched = await http('PATCH', `${apiServices}/${name}/status`, merge({ status: { conditions } }));
    expect(patched.json.status.conditions).toContainEqual(expect.objectContaining(condition));
    const labels = { e2e: 'yes' };
    expect(
      (await http('PATCH', `${apiServices}/${name}`, merge({ metadata: { labels } }))).json.metadata.labels,
    ).toEqual(labels);
    await http('DELETE', `${apiServices}?labelSelector=e2e%3Dyes`);
    await expect.poll(async () => (await http('GET', flunders)).status).toBe(404);
  });
});
