/** Connections that the server passes on: what is refused is closed, and one request stays one request. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Pod } from '../../src/api/core/pod.ts';
import { certificateLifetimeMs, createAuthority, issueCertificate } from '../../src/base/pki.ts';
import { addNodeAt } from './remotes.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let kubelet: Server;
let refusal: string;
const seen: string[] = [];

beforeAll(async () => {
  world = await startWorld({ admission: { enable: ['AlwaysPullImages'] } });
  const pair = issueCertificate(createAuthority('kubelets', Date.now()), {
    subject: { commonName: 'kubelet' },
    usages: ['serverAuth'],
    ipAddresses: ['127.0.0.1'],
    notBefore: Date.now() - 60_000,
    notAfter: Date.now() + certificateLifetimeMs,
  });
  kubelet = createServer(pair, (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume().on('end', () => response.end('reached'));
  });
  kubelet.on('upgrade', (request, socket) => {
    seen.push(`${request.method} ${request.url}`);
    socket.on('error', () => undefined);
    socket.write(refusal);
  });
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  await world.namespace('t');
  await addNodeAt(world.admin, { name: 'n', namespace: 't', port: (kubelet.address() as AddressInfo).port });
});
afterAll(async () => {
  await world.close();
  kubelet.closeAllConnections();
  await new Promise((resolve) => kubelet.close(resolve));
});

/** Sends bytes in pieces, each after something came back for the one before; resolves when the server closed. */
function talk(...pieces: string[]): Promise<{ text: string; closed: boolean }> {
  const certificate = world.certificate('root', ['system:masters']);
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
    let closed = true;
    const next = () => {
      const piece = pieces.shift();
      if (piece !== undefined && socket.writable) socket.write(piece);
    };
    socket.setTimeout(30_000, () => {
      closed = false;
      socket.destroy();
    });
    socket.on('secureConnect', next);
    socket.on('data', (chunk) => {
      text += chunk;
      next();
    });
    socket.on('close', () => resolve({ text, closed }));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
  });
}

const exec =
  'GET /api/v1/namespaces/t/pods/p/exec?command=sh&stdin=1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';
const second = 'GET /api/v1/namespaces/kube-system/secrets HTTP/1.1\r\nHost: localhost\r\n\r\n';

describe('an upgrade that the kubelet refuses', () => {
  it.each([
    'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 400 Bad Request\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n',
    'nonsense\r\n\r\n',
  ])('with %j leaves nothing open', async (answer) => {
    refusal = answer;
    seen.length = 0;
    // The second request comes once with the first and once after its answer.
    for (const pieces of [[exec + second], [exec, second]]) {
      const { text, closed } = await talk(...pieces);
      expect([closed, text.includes(' 101 '), text.includes('SecretList')]).toEqual([true, false, false]);
      expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    }
    expect(seen.every((request) => request.startsWith('GET /exec/t/p/c?'))).toBe(true);
  });
});

describe('a request through the proxy', () => {
  const inner = 'GET /exec/t/p/c?command=id HTTP/1.1\r\nHost: x\r\n\r\n';
  const post = (headers: string, body: string) =>
    `POST /api/v1/nodes/n/proxy/run HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n${body}`;

  it.each<[string, string, string]>([
    ['both lengths', `Content-Length: ${5 + inner.length}\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${inner}`],
    ['two lengths', `Content-Length: 0\r\nContent-Length: ${inner.length}\r\n`, inner],
    ['a list of lengths', `Content-Length: 0, ${inner.length}\r\n`, inner],
    ['a signed length', `Content-Length: +${inner.length}\r\n`, inner],
    ['an unknown encoding', 'Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${inner}`],
    ['a space before the colon', 'Transfer-Encoding : chunked\r\n', `0\r\n\r\n${inner}`],
    ['a folded header', 'X: y\r\n Transfer-Encoding: chunked\r\n', `0\r\n\r\n${inner}`],
    ['a chunk with a bad size', 'Transfer-Encoding: chunked\r\n', `0x1\r\na\r\n0\r\n\r\n${inner}`],
    ['a bare line feed', 'X: y\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${inner}`],
  ])('with %s reaches the node once at most, and as what it was', async (_, headers, body) => {
    seen.length = 0;
    await talk(post(headers, body));
    expect(seen.length).toBeLessThanOrEqual(1);
    expect(seen.filter((request) => request !== 'POST /run')).toEqual([]);
  });

  it.each(['x%0d%0aHost:%20evil', 'x%0d%0a%0d%0aGET%20/exec', 'x%20HTTP/1.1', 'x%00'])(
    'to the path %s takes it along as it is written',
    async (path) => {
      seen.length = 0;
      await world.call(`/api/v1/nodes/n/proxy/${path}`, { certificate: world.certificate('root', ['system:masters']) });
      expect(seen.filter((request) => request !== `GET /${path}`)).toEqual([]);
    },
  );
});

describe('an ephemeral container', () => {
  it('does not run an image that others have pulled', async () => {
    const answer = await world.call('/api/v1/namespaces/t/pods/p/ephemeralcontainers', {
      method: 'PATCH',
      certificate: world.certificate('root', ['system:masters']),
      headers: { 'content-type': 'application/strategic-merge-patch+json' },
      body: { spec: { ephemeralContainers: [{ name: 'e', image: 'private', imagePullPolicy: 'Never' }] } },
    });
    expect(answer.status).toBe(200);
    expect(answer.body.spec.ephemeralContainers[0].imagePullPolicy).toBe('Always');
  });

  it('changes nothing else of the pod', async () => {
    const answer = await world.call('/api/v1/namespaces/t/pods/p/ephemeralcontainers', {
      method: 'PATCH',
      certificate: world.certificate('root', ['system:masters']),
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { containers: [{ name: 'c', image: 'other' }], hostNetwork: true, serviceAccountName: 'strong' } },
    });
    const { spec } = await world.admin.get(Pod, { namespace: 't', name: 'p' });
    expect([spec.containers[0]!.image, spec.hostNetwork ?? false, spec.serviceAccountName]).toEqual([
      'i',
      false,
      'default',
    ]);
    expect(answer.status === 200 || answer.status === 422).toBe(true);
  });
});
