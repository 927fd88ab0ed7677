/** Those that the API server asks must be who they should be, and send nobody elsewhere. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import { loopbackUser } from '../../src/apiserver/user.ts';
import { realClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import {
  type CertificateAndKey,
  type CertificateRequestOptions,
  createAuthority,
  issueCertificate,
} from '../../src/base/pki.ts';
import { realRandom } from '../../src/base/random.ts';
import type { Client } from '../../src/client/client.ts';
import { createHttpTransport } from '../../src/client/http.ts';
import { type ControlPlane, startControlPlane } from '../../src/cluster/control-plane.ts';
import { createPki } from '../../src/cluster/pki.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { addNodeAt, addRemoteApiAt } from './remotes.ts';

const now = realClock.now();
const hour = 60 * 60 * 1000;
const pki = createPki({ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] }, now);
const serving = (authority: CertificateAndKey, more: Partial<CertificateRequestOptions> = {}) =>
  issueCertificate(authority, {
    subject: { commonName: 'system:node:n', organizations: ['system:nodes'] },
    usages: ['serverAuth'],
    dnsNames: ['api.remote.svc'],
    ipAddresses: ['127.0.0.1'],
    notBefore: now - hour,
    notAfter: now + hour,
    ...more,
  });

let plane: ControlPlane;
let admin: Client;
let url: string;
/** A kubelet and an extension API server at once. */
let remote: Server;
let seen: string[] = [];
let redirect: string | undefined;

beforeAll(async () => {
  plane = await startControlPlane({
    ...{ store: openMemoryStore(), clock: realClock, random: realRandom, log: silentLogger, pki },
    ...{
      clusterName: 'servers',
      clusterDomain: 'cluster.local',
      podCidr: '10.244.0.0/16',
      serviceCidr: '10.96.0.0/16',
    },
    nodePortRange: [30000, 32767],
    disable: ['controllers', 'scheduler'],
  });
  ({ url } = await plane.listen({ host: '127.0.0.1', port: 0 }));
  admin = plane.clientAs(loopbackUser);
  remote = createServer(serving(pki.ca), (request, response) => {
    seen.push(request.url ?? '');
    if (redirect) response.writeHead(307, { location: redirect }).end();
    else {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ kind: 'APIResourceList', groupVersion: 'remote.example.com/v1', resources: [] }));
    }
  });
  await new Promise<void>((resolve) => remote.listen(0, '127.0.0.1', resolve));
  const { port } = remote.address() as AddressInfo;
  await admin.create(ServiceAccount, { metadata: { namespace: 'default', name: 'default' } });
  await addNodeAt(admin, { name: 'n', namespace: 'default', port });
  await addRemoteApiAt(admin, { ca: pki.ca.cert, port });
  await vi.waitFor(async () => expect((await ask(extension)).status).toBe(200), 30_000);
}, 60_000);
afterAll(async () => {
  await plane?.stop();
  remote?.closeAllConnections();
  await new Promise((resolve) => remote?.close(resolve));
});
afterEach(() => {
  remote.setSecureContext(serving(pki.ca));
  redirect = undefined;
});

const kubelet = '/api/v1/namespaces/default/pods/p/log';
const extension = '/apis/remote.example.com/v1/things';

async function ask(path: string): Promise<{ status: number; body: string; reached: boolean }> {
  seen = [];
  const transport = createHttpTransport({ url, ca: pki.ca.cert, ...pki.admin });
  const answer = await transport.raw(path);
  await transport.close();
  return { ...answer, reached: seen.some((asked) => asked.includes('containerLogs') || asked.startsWith(extension)) };
}

describe.each([
  ['kubelet', kubelet],
  ['extension API server', extension],
])('a %s', (_, path) => {
  it('that is who it should be is asked', async () => {
    expect(await ask(path)).toMatchObject({ status: 200, reached: true });
  });

  it.each<[string, () => CertificateAndKey]>([
    ['of another authority with the same name', () => serving(createAuthority('kubernetes', now))],
    ['of the front proxy’s authority', () => serving(pki.frontProxyCa)],
    ['for other names', () => serving(pki.ca, { dnsNames: ['other.remote.svc'], ipAddresses: ['127.0.0.2'] })],
    [
      'without names, but for the subject’s',
      () => serving(pki.ca, { dnsNames: [], ipAddresses: [], subject: { commonName: '127.0.0.1' } }),
    ],
    ['that has ended', () => serving(pki.ca, { notBefore: now - 2 * hour, notAfter: now - hour })],
    ['that is not valid yet', () => serving(pki.ca, { notBefore: now + hour, notAfter: now + 2 * hour })],
    ['that is for clients only', () => serving(pki.ca, { usages: ['clientAuth'] })],
  ])('with a certificate %s is told nothing', async (_what, certificate) => {
    remote.setSecureContext(certificate());
    const { status, reached } = await ask(path);
    expect([status >= 500, reached]).toEqual([true, false]);
  });

  it.each(['https://127.0.0.1:1/api/v1/secrets', '/api/v1/namespaces/kube-system/secrets', '//evil.example/'])(
    'that redirects to %s leads nobody there',
    async (location) => {
      redirect = location;
      const { status, body, reached } = await ask(path);
      expect([status >= 500, reached]).toEqual([true, true]);
      expect(body).not.toContain(location);
    },
  );
});
