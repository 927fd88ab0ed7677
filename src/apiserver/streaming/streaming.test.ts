import { createServer as createHttpServer, type Server } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { createServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import { Service } from '../../api/core/service.ts';
import { EndpointSlice } from '../../api/discovery/endpoint-slice.ts';
import { realClock } from '../../base/clock.ts';
import { createAuthority, issueCertificate } from '../../base/pki.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import { parseProxyName } from './proxy.ts';

let running: TestServer;
let kubelet: HttpsServer;
let backend: Server;
const asked: string[] = [];
const local = Object.values(networkInterfaces())
  .flat()
  .find((each) => each && each.family === 'IPv4' && !each.internal)?.address;

beforeAll(async () => {
  running = await startTestServer();
  const now = realClock.now();
  const ca = createAuthority('kubelet-ca', now);
  const { cert, key } = issueCertificate(ca, {
    subject: { commonName: 'node' },
    usages: ['serverAuth'],
    ipAddresses: ['127.0.0.1'],
    notBefore: now - 60_000,
    notAfter: now + 3_600_000,
  });
  kubelet = createServer({ cert, key }, (req, res) => {
    asked.push(req.url!);
    if (req.url!.includes('/waiting')) {
      res.statusCode = 400;
      res.end('container "c" in pod "waiting" is waiting to start: ContainerCreating');
      return;
    }
    res.setHeader('content-type', 'text/plain');
    res.end('line 1\nline 2\n');
  });
  kubelet.on('upgrade', (req, socket) => {
    asked.push(req.url!);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
    socket.on('data', (data: Buffer) => socket.write(`echo ${data.toString()}`));
    socket.on('error', () => socket.destroy());
  });
  backend = createHttpServer((req, res) => {
    if (req.url === '/redirect') {
      res.writeHead(302, { location: '/there' });
      res.end();
      return;
    }
    let body = '';
    req.on('data', (chunk) => {
      body += chunk;
    });
    req.on('end', () => res.end(`${req.method} ${req.url} ${body}`));
  });
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => backend.listen(0, '0.0.0.0', resolve));
  const { client } = running;
  const node = await client.create(Node, { metadata: { name: 'n1' } });
  const kubeletEndpoint = { Port: (kubelet.address() as AddressInfo).port };
  await client.updateStatus(Node, {
    ...node,
    status: {
      ...node.status,
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint },
    },
  } as typeof node);
  for (const name of ['web', 'waiting', 'two']) {
    const containers =
      name === 'two'
        ? [
            { name: 'a', image: 'i' },
            { name: 'b', image: 'i' },
          ]
        : [{ name: 'c', image: 'i' }];
    await client.create(Pod, { metadata: { name, namespace: 'default' }, spec: { nodeName: 'n1', containers } });
  }
  await client.create(Pod, {
    metadata: { name: 'unscheduled', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  kubelet.closeAllConnections();
  await new Promise<void>((resolve) => kubelet.close(() => resolve()));
  await new Promise<void>((resolve) => backend.close(() => resolve()));
});

const pods = '/api/v1/namespaces/default/pods';

describe('log', () => {
  it('comes from the kubelet of the pod, with the options that it knows', async () => {
    const { status, text, headers } = await running.http('GET', `${pods}/web/log?tailLines=2&timestamps=true&pretty=1`);
    expect(status).toBe(200);
    expect(text).toBe('line 1\nline 2\n');
    expect(headers['content-type']).toBe('text/plain');
    expect(asked.at(-1)).toBe('/containerLogs/default/web/c?timestamps=true&tailLines=2');
  });

  it.each([
    ['waiting/log', 400, 'container "c" in pod "waiting" is waiting to start: ContainerCreating'],
    ['two/log', 400, 'a container name must be specified for pod two, choose one of: [a b]'],
    ['two/log?container=x', 400, 'container x is not valid for pod two'],
    ['unscheduled/log', 400, 'pod unscheduled does not have a host assigned'],
    ['nobody/log', 404, 'pods "nobody" not found'],
    ['web/log?tailLines=-1', 422, 'tailLines: Invalid value: -1: must be greater than or equal to 0'],
  ])('%s is refused with %i', async (path, code, message) => {
    const { status, json } = await running.http('GET', `${pods}/${path}`);
    expect(status).toBe(code);
    expect(json.message).toContain(message);
  });
});

/** Sends a request for another protocol and gives what comes back until `until` was in it. */
function upgrade(path: string, send: string, until: string): Promise<string> {
  const { url, ca, cert, key } = running.access;
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(new URL(url).port),
      ca,
      cert,
      key,
      ALPNProtocols: ['http/1.1'],
    });
    let text = '';
    let sent = false;
    socket.on('data', (data: Buffer) => {
      text += data.toString();
      if (!sent && text.includes('\r\n\r\n')) {
        sent = true;
        socket.write(send);
      }
      if (text.includes(until)) {
        socket.destroy();
        resolve(text);
      }
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(text));
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 0\r\n\r\n`,
    );
  });
}

describe('exec and port-forward', () => {
  it('hand the connection over to the kubelet', async () => {
    const text = await upgrade(
      `${pods}/web/exec?command=ls&command=-l&stdin=true&stdout=true&tty=true`,
      'hello',
      'echo hello',
    );
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(asked.at(-1)).toBe('/exec/default/web/c?input=1&output=1&tty=1&command=ls&command=-l');
    await upgrade(`${pods}/web/portforward`, 'x', 'echo x');
    expect(asked.at(-1)).toBe('/portForward/default/web');
  });

  it('refuse what is wrong before that', async () => {
    expect(await upgrade(`${pods}/nobody/exec?command=ls&stdout=true`, '', 'not found')).toMatch(/^HTTP\/1\.1 404 /);
    expect((await running.http('POST', `${pods}/web/exec?stdout=true`)).json.message).toContain('at least 1 command');
    expect((await running.http('POST', `${pods}/web/exec?command=ls&stdout=true`)).status).toBe(400);
  });
});

/** Over HTTP/2, where a body needs no length. */
async function sendWithoutLength(path: string, method: string, body: string): Promise<string> {
  const { url, ca, cert, key } = running.access;
  const session = connectHttp2(url, { ca, cert, key });
  try {
    const stream = session.request({ ':path': path, ':method': method }, { endStream: false });
    stream.end(body);
    return Buffer.concat(await stream.toArray()).toString();
  } finally {
    session.close();
  }
}

describe('proxy', () => {
  it.each([
    ['web', { scheme: 'http', name: 'web', port: '' }],
    ['web:80', { scheme: 'http', name: 'web', port: '80' }],
    ['https:web:443', { scheme: 'https', name: 'web', port: '443' }],
    ['http:web:', { scheme: 'http', name: 'web', port: '' }],
  ])('reads %s', (text, expected) => expect(parseProxyName(text, 'service')).toEqual(expected));

  it.skipIf(!local)('leads to the endpoints of a service', async () => {
    const { port } = backend.address() as AddressInfo;
    await running.client.create(Service, {
      metadata: { name: 'back', namespace: 'default' },
      spec: { ports: [{ name: 'http', port: 80 }] },
    });
    await running.client.create(EndpointSlice, {
      metadata: { name: 'back-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'back' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [local!], conditions: { ready: true } }],
      ports: [{ name: 'http', port, protocol: 'TCP' }],
    });
    const base = '/api/v1/namespaces/default/services/back:http/proxy';
    expect((await running.http('GET', `${base}/some/path?a=b`)).text).toBe('GET /some/path?a=b ');
    expect((await running.http('POST', `${base}/x`, { body: 'data', type: 'text/plain' })).text).toBe('POST /x data');
    expect((await running.http('GET', `${base}/q`, { body: 'query', type: 'text/plain' })).text).toBe('GET /q query');
    expect(await sendWithoutLength(`${base}/r`, 'GET', 'unmeasured')).toBe('GET /r unmeasured');
    expect(await sendWithoutLength(`${base}/r`, 'DELETE', 'unmeasured')).toBe('DELETE /r unmeasured');
    expect((await running.http('GET', `${base}/redirect`)).headers['location']).toBe(`${base}/there`);
    expect((await running.http('GET', base)).headers['location']).toBe(`${base}/`);
  });

  it('says when a service has nobody behind it, and does not lead into the server itself', async () => {
    await running.client.create(Service, {
      metadata: { name: 'empty', namespace: 'default' },
      spec: { ports: [{ port: 80 }] },
    });
    const { status, json } = await running.http('GET', '/api/v1/namespaces/default/services/empty/proxy/');
    expect(status).toBe(503);
    expect(json.message).toBe('no endpoints available for service "empty"');
    const ref = { namespace: 'default', name: 'web' };
    await running.client.patch(
      Pod,
      ref,
      { status: { podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] } },
      { type: 'merge', subresource: 'status' },
    );
    expect((await running.http('GET', `${pods}/web:80/proxy/`)).json.message).toBe('address not allowed');
  });
});
