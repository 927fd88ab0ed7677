import { createServer as createPlainServer, type Server as PlainServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { APIService } from '../../src/api/apiregistration/api-service.ts';
import { Node } from '../../src/api/core/node.ts';
import { certificateLifetimeMs, createAuthority, issueCertificate } from '../../src/base/pki.ts';
import { addNodeAt } from './remotes.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let kubelet: Server;
let trap: PlainServer;
let location: string;
const seen: { path: string; headers: Record<string, unknown> }[] = [];
let trapped = 0;

const listening = (server: Server | PlainServer) =>
  new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

beforeAll(async () => {
  world = await startWorld();
  // Where a redirect would lead: it must never be asked.
  trap = createPlainServer((_, response) => {
    trapped++;
    response.end('stolen');
  });
  location = `http://127.0.0.1:${await listening(trap)}/`;
  const authority = createAuthority('kubelets', Date.now());
  const pair = issueCertificate(authority, {
    subject: { commonName: 'kubelet' },
    usages: ['serverAuth'],
    ipAddresses: ['127.0.0.1'],
    notBefore: Date.now() - 60_000,
    notAfter: Date.now() + certificateLifetimeMs,
  });
  kubelet = createServer(pair, (request, response) => {
    seen.push({ path: request.url ?? '', headers: request.headers });
    response.writeHead(302, { location }).end();
  });
  const port = await listening(kubelet);
  await world.namespace('r');
  await addNodeAt(world.admin, { name: 'redirecting', namespace: 'r', port });
});

afterAll(async () => {
  await world.close();
  for (const server of [kubelet, trap]) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe('a node that answers with a redirect', () => {
  it.each([
    '/api/v1/nodes/redirecting/proxy/pods',
    '/api/v1/namespaces/r/pods/p/log',
    '/api/v1/namespaces/r/pods/p/log?follow=true',
  ])('is not followed at %s', async (path) => {
    const answer = await world.call(path, { certificate: world.certificate('root', ['system:masters']) });
    expect(answer.text).not.toContain('stolen');
    expect(trapped).toBe(0);
  });

  it.each(['exec?command=sh&stdin=true', 'attach?stdin=true', 'portforward'])('is not followed at %s', async (what) => {
    const answer = await world.call(`/api/v1/namespaces/r/pods/p/${what}`, {
      method: 'POST',
      certificate: world.certificate('root', ['system:masters']),
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
    });
    expect(answer.status).not.toBe(101);
    expect(answer.text).not.toContain('stolen');
    expect(trapped).toBe(0);
  });

  it.each(['proxy', 'proxying'])('is asked for the path after the proxy, also when it is called %s', async (name) => {
    const { status } = await world.admin.get(Node, { name: 'redirecting' });
    await world.admin.create(Node, { metadata: { name } });
    await world.admin.patch(
      Node,
      { name },
      { status: { addresses: status.addresses, daemonEndpoints: status.daemonEndpoints } } as never,
      { type: 'merge', subresource: 'status' },
    );
    for (const segment of ['proxy', 'pr%6fxy']) {
      seen.length = 0;
      const path = `/api/v1/nodes/${name}/${segment}/pods`;
      await world.call(path, { certificate: world.certificate('root', ['system:masters']) });
      expect(seen.map((each) => each.path)).toEqual(['/pods']);
    }
  });

  it('sees no credential of the caller', async () => {
    seen.length = 0;
    await world.call('/api/v1/nodes/redirecting/proxy/x', {
      certificate: world.certificate('root', ['system:masters']),
      headers: {
        'x-remote-user': 'root',
        'impersonate-user': 'root',
        'impersonate-group': 'system:masters',
        cookie: 'a=b',
      },
    });
    expect(seen).toHaveLength(1);
    const names = Object.keys(seen[0]!.headers);
    expect(names.filter((name) => /^(authorization|impersonate-|x-remote-)/.test(name))).toEqual([]);
  });
});

describe('an extension API', () => {
  it('without a service that exists is unavailable and leads nowhere', async () => {
    await world.admin.create(APIService, {
      metadata: { name: 'v1.evil.example.com' },
      spec: {
        group: 'evil.example.com',
        version: 'v1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
        service: { namespace: 'r', name: 'nope', port: 443 },
      },
    });
    const answer = await world.call('/apis/evil.example.com/v1/things', {
      certificate: world.certificate('root', ['system:masters']),
    });
    expect([404, 503]).toContain(answer.status);
    expect(trapped).toBe(0);
  });
});
