/** Certificates are renewed while their holders run: what listens and what connects has the new ones without a restart. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Node } from '../../src/api/core/node.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import { loopbackUser } from '../../src/apiserver/user.ts';
import { realClock, VirtualClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import {
  authorityLifetimeMs,
  type CertificateAndKey,
  certificateFacts,
  certificateLifetimeMs,
  certificatesIn,
  createAuthority,
  issueCertificate,
} from '../../src/base/pki.ts';
import { realRandom } from '../../src/base/random.ts';
import { createClient } from '../../src/client/client.ts';
import { createHttpTransport } from '../../src/client/http.ts';
import { startAgentCredentials } from '../../src/cluster/agent-credentials.ts';
import type { ClusterConfig } from '../../src/cluster/config.ts';
import { type ControlPlane, startControlPlane } from '../../src/cluster/control-plane.ts';
import {
  adoptAuthority,
  type ClusterPki,
  createPki,
  ensureAgentPki,
  ensurePki,
  issueClient,
  issueKubeletServer,
} from '../../src/cluster/pki.ts';
import { renewWhileRunning } from '../../src/cluster/renewal.ts';
import { type SimulatedNodes, startSimulatedNodes } from '../../src/kubelet/simulated/simulated-nodes.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { addNodeAt, addRemoteApiAt } from './remotes.ts';

const day = 24 * 60 * 60 * 1000;
const hour = 60 * 60 * 1000;
const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
const fingerprint = (cert: string) => certificateFacts(cert).fingerprint;

/** The certificate that a port shows, by its fingerprint. */
const shownAt = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(fingerprint(certificatesIn(pemOf(socket.getPeerCertificate().raw))[0]!.toString()));
      socket.destroy();
    });
    socket.on('error', reject);
  });
const pemOf = (raw: Buffer) => `-----BEGIN CERTIFICATE-----\n${raw.toString('base64')}\n-----END CERTIFICATE-----\n`;

describe('what is kept in files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'timonel-rotation-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is renewed once, when a fifth of its life is left, but for the authorities', async () => {
    const made = realClock.now();
    const clock = new VirtualClock(made + 0.795 * certificateLifetimeMs);
    const read = (now: number) => ensurePki(folder, names, now);
    const first = read(made);
    const renewals: ClusterPki[] = [];
    const renewal = renewWhileRunning({
      clock,
      log: silentLogger,
      current: first,
      read,
      use: (renewed) => void renewals.push(renewed),
    });
    await clock.advance(0.004 * certificateLifetimeMs);
    expect(renewals).toEqual([]);
    await clock.advance(0.006 * certificateLifetimeMs);
    expect(renewals).toHaveLength(1);
    const [{ ca, frontProxyCa, serviceAccount, ...renewed }] = renewals as [ClusterPki];
    expect([ca, frontProxyCa, serviceAccount]).toEqual([first.ca, first.frontProxyCa, first.serviceAccount]);
    for (const [name, { cert }] of Object.entries(renewed)) {
      expect(cert, name).not.toBe(first[name as keyof typeof renewed].cert);
      expect(certificateFacts(cert).notAfter, name).toBeGreaterThan(clock.now() + 360 * day);
    }
    expect(readFileSync(join(folder, 'apiserver.crt'), 'utf8')).toBe(renewed.server.cert);
    renewal.cancel();
  });

  it('is tried again an hour later when it could not be renewed', async () => {
    const clock = new VirtualClock();
    let looks = 0;
    const used: object[] = [];
    const renewal = renewWhileRunning<Record<string, CertificateAndKey>>({
      clock,
      log: silentLogger,
      current: {},
      read: () => {
        if (++looks === 1) throw new Error('the disk is full');
        return { server: { cert: 'new', key: 'new' } };
      },
      use: (renewed) => void used.push(renewed),
    });
    await clock.advance(3.5 * hour);
    expect([looks, used.length]).toEqual([3, 1]);
    renewal.cancel();
  });

  it('is issued anew by an authority that took the place of another, whose certificates stay good for a while', () => {
    const now = realClock.now();
    const old = ensurePki(folder, names, now);
    const next = createAuthority('next', now);
    adoptAuthority(folder, { cert: next.cert + old.ca.cert, key: next.key }, now);
    const pki = ensurePki(folder, names, now);
    expect(certificatesIn(pki.server.cert)[0]!.issuer).toBe('CN=next');
    expect(pki.frontProxyClient).toEqual(old.frontProxyClient);
    expect(ensurePki(folder, names, now)).toEqual(pki);
    const agent = ensureAgentPki(join(folder, 'agent'), { ca: old.ca, nodeName: 'n', nodeIp: '10.0.0.1', now });
    const after = ensureAgentPki(join(folder, 'agent'), { ca: pki.ca, nodeName: 'n', nodeIp: '10.0.0.1', now });
    expect(Object.values(after).map(({ cert }) => certificatesIn(cert)[0]!.issuer)).toEqual(Array(3).fill('CN=next'));
    expect(after.client.cert).not.toBe(agent.client.cert);
  });

  it('may come from an authority of the operator’s, also an intermediate one, and from nothing less', () => {
    const now = realClock.now();
    const root = createAuthority('root', now);
    const valid = { notBefore: now - day, notAfter: now + authorityLifetimeMs };
    const below = issueCertificate(root, {
      ...{ subject: { commonName: 'department' }, usages: [], authority: true },
      ...valid,
    });
    adoptAuthority(folder, { cert: below.cert + root.cert, key: below.key }, now);
    const { ca, server } = ensurePki(folder, names, now);
    // Another department's certificates must not be good here.
    expect(certificatesIn(ca.cert).map(({ subject }) => subject)).toEqual(['CN=department']);
    expect(certificatesIn(server.cert).map(({ subject }) => subject)).toEqual(['CN=kube-apiserver', 'CN=department']);
    const client = issueClient(root, 'x', [], now);
    const ended = createAuthority('ended', now - 10 * day, day);
    for (const [pair, why] of [
      [client, 'is not the certificate of an authority'],
      [{ cert: root.cert, key: client.key }, 'does not belong to --ca-key'],
      [{ cert: root.cert, key: 'none' }, 'cannot be used with --ca-key'],
      [ended, 'not now'],
    ] as const)
      expect(() => adoptAuthority(folder, pair, now)).toThrow(why);
  });
});

describe('a running control plane', () => {
  const now = realClock.now();
  // Near their end, but good: what a server holds that has run for most of a year.
  const before = createPki(names, now - 300 * day);
  const renewed = issued(before, now);
  let plane: ControlPlane;
  let port: number;
  let remote: Server;
  let nodes: SimulatedNodes;
  /** Who asked what of the kubelet and of the extension API server. */
  const callers: { path: string; fingerprint: string; authorized: boolean }[] = [];
  let admin: ReturnType<ControlPlane['clientAs']>;

  /** As a later look would find it: the same authorities, all else new. */
  function issued({ ca, frontProxyCa, serviceAccount }: ClusterPki, at: number): ClusterPki {
    const valid = { notBefore: at - hour, notAfter: at + certificateLifetimeMs };
    return {
      ca,
      frontProxyCa,
      serviceAccount,
      server: issueCertificate(ca, {
        subject: { commonName: 'kube-apiserver' },
        usages: ['serverAuth'],
        ...names,
        ...valid,
      }),
      kubeletClient: issueClient(ca, 'kube-apiserver-kubelet-client', ['system:masters'], at),
      frontProxyClient: issueClient(frontProxyCa, 'front-proxy-client', [], at),
      admin: issueClient(ca, 'kubernetes-admin', ['system:masters'], at),
    };
  }

  beforeAll(async () => {
    plane = await startControlPlane({
      store: openMemoryStore(),
      clock: realClock,
      random: realRandom,
      log: silentLogger,
      pki: before,
      clusterName: 'rotation',
      clusterDomain: 'cluster.local',
      podCidr: '10.244.0.0/16',
      serviceCidr: '10.96.0.0/16',
      nodePortRange: [30000, 32767],
      disable: ['controllers', 'scheduler'],
    });
    ({ port } = await plane.listen({ host: '127.0.0.1', port: 0 }));
    admin = plane.clientAs(loopbackUser);
    remote = createServer(
      {
        ...issueCertificate(before.ca, {
          subject: { commonName: 'kubelet' },
          usages: ['serverAuth'],
          dnsNames: ['api.remote.svc'],
          ipAddresses: ['127.0.0.1'],
          notBefore: now - hour,
          notAfter: now + day,
        }),
        ca: before.ca.cert + before.frontProxyCa.cert,
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => {
        const socket = request.socket as TLSSocket;
        const { raw } = socket.getPeerCertificate();
        callers.push({
          path: request.url ?? '',
          fingerprint: raw ? fingerprint(pemOf(raw)) : '',
          authorized: socket.authorized,
        });
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ kind: 'APIResourceList', groupVersion: 'remote.example.com/v1', resources: [] }));
      },
    );
    await new Promise<void>((resolve) => remote.listen(0, '127.0.0.1', resolve));
    const remotePort = (remote.address() as AddressInfo).port;
    await admin.create(ServiceAccount, { metadata: { namespace: 'default', name: 'default' } });
    await addNodeAt(admin, { name: 'real', namespace: 'default', port: remotePort });
    await addRemoteApiAt(admin, { ca: before.ca.cert, port: remotePort });
    nodes = await startSimulatedNodes({
      client: plane.clientAs(loopbackUser, 'kubelet'),
      informers: plane.informers,
      clock: realClock,
      random: realRandom,
      log: silentLogger,
      count: 1,
      podCidr: '10.244.0.0/16',
      tls: { ...issueKubeletServer(before.ca, 'simulated', [], now - 300 * day), clientCa: before.ca.cert },
    });
  }, 60_000);
  afterAll(async () => {
    await nodes?.stop();
    await plane?.stop();
    remote?.closeAllConnections();
    await new Promise((resolve) => remote?.close(resolve));
  });

  const ask = (path: string, who: CertificateAndKey, ca = before.ca.cert) => {
    const transport = createHttpTransport({ url: `https://127.0.0.1:${port}`, ca, ...who });
    return transport.raw(path).finally(() => transport.close());
  };
  const lastCaller = async (path: string) => {
    callers.length = 0;
    const { status, body } = await ask(path, renewed.admin);
    expect(status, body).toBe(200);
    return callers.at(-1);
  };

  it('answers with the new certificate, and goes on with connections that were made before', async () => {
    const kept = createHttpTransport({ url: `https://127.0.0.1:${port}`, ca: before.ca.cert, ...before.admin });
    expect((await kept.raw('/api/v1/nodes')).status).toBe(200);
    expect(await shownAt(port)).toBe(fingerprint(before.server.cert));
    plane.renew(renewed);
    expect(await shownAt(port)).toBe(fingerprint(renewed.server.cert));
    expect((await kept.raw('/api/v1/nodes')).status).toBe(200);
    expect((await ask('/api/v1/nodes', renewed.admin)).status).toBe(200);
    await kept.close();
  });

  it.each<[string, 'kubeletClient' | 'frontProxyClient', string]>([
    ['kubelets', 'kubeletClient', '/api/v1/namespaces/default/pods/p/log'],
    ['extension API servers', 'frontProxyClient', '/apis/remote.example.com/v1/things'],
  ])('shows %s its new certificate', async (_, name, path) => {
    plane.renew(before);
    await expect.poll(() => ask(path, before.admin).then(({ status }) => status), { timeout: 30_000 }).toBe(200);
    expect(await lastCaller(path)).toMatchObject({ fingerprint: fingerprint(before[name].cert), authorized: true });
    plane.renew(renewed);
    expect(await lastCaller(path)).toMatchObject({ fingerprint: fingerprint(renewed[name].cert), authorized: true });
  });

  it('has simulated nodes answer with theirs', async () => {
    const { items } = await admin.list(Node);
    const kubelet = items.find(({ metadata }) => metadata.name === 'node-1')!.status.daemonEndpoints!.kubeletEndpoint!
      .Port;
    const next = issueKubeletServer(before.ca, 'simulated', [], now);
    expect(await shownAt(kubelet)).not.toBe(fingerprint(next.cert));
    nodes.setTls({ ...next, clientCa: before.ca.cert });
    expect(await shownAt(kubelet)).toBe(fingerprint(next.cert));
  });

  it('tells extension API servers whom to believe, also when that changes', async () => {
    const trust = async () =>
      (await admin.get(ConfigMap, { namespace: 'kube-system', name: 'extension-apiserver-authentication' })).data!;
    expect(await trust()).toEqual({
      'client-ca-file': before.ca.cert,
      'requestheader-allowed-names': '["front-proxy-client"]',
      'requestheader-client-ca-file': before.frontProxyCa.cert,
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-username-headers': '["X-Remote-User"]',
    });
    const next = createAuthority('kubernetes-2', now);
    plane.renew({ ...renewed, ca: { cert: next.cert + before.ca.cert, key: next.key } });
    await expect.poll(async () => (await trust())['client-ca-file']).toBe(next.cert + before.ca.cert);
    plane.renew(renewed);
    await expect.poll(async () => (await trust())['client-ca-file']).toBe(before.ca.cert);
  });

  it('takes the clients of two authorities while one replaces the other, then only the new one’s', async () => {
    const next = createAuthority('kubernetes-2', now);
    const both = issued({ ...before, ca: { cert: next.cert + before.ca.cert, key: next.key } }, now);
    plane.renew(both);
    const status = async (who: CertificateAndKey, ca: string) => (await ask('/api/v1/nodes', who, ca)).status;
    expect(await status(before.admin, next.cert + before.ca.cert)).toBe(200);
    expect(await status(both.admin, next.cert)).toBe(200);
    const kept = createHttpTransport({ url: `https://127.0.0.1:${port}`, ca: next.cert, ...before.admin });
    expect((await kept.raw('/api/v1/nodes')).status).toBe(200);
    plane.renew({ ...both, ca: next });
    expect(await status(both.admin, next.cert)).toBe(200);
    expect(await status(before.admin, next.cert)).toBe(401);
    // What an authority says that is trusted no more does not count on old connections either.
    expect((await kept.raw('/api/v1/nodes')).status).toBe(401);
    await kept.close();
    plane.renew(renewed);
  });
});

describe('a running node agent', () => {
  it('connects and answers with its new certificates', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'timonel-rotation-'));
    // TLS goes by the machine's clock: old and new certificates are good by it, and the old ones near their end.
    const clock = new VirtualClock(realClock.now() - 3 * day);
    const made = clock.now() - 0.799 * certificateLifetimeMs;
    const { ca, server } = ensurePki(join(dataDir, 'pki'), names, made);
    ensureAgentPki(join(dataDir, 'agent/pki'), { ca, nodeName: 'n', nodeIp: '127.0.0.1', now: made });
    const users: string[] = [];
    const api = createServer(
      { ...server, ca: ca.cert, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        users.push(fingerprint(pemOf((request.socket as TLSSocket).getPeerCertificate().raw)));
        response.end('{}');
      },
    );
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    const apiPort = (api.address() as AddressInfo).port;
    const config = { dataDir, apiPort, nodeName: 'n', nodeIp: '127.0.0.1' } as ClusterConfig;
    const credentials = startAgentCredentials(config, { clock, log: silentLogger });
    const ends = new Set<string>();
    credentials.onRenewal(() => ends.add(fingerprint(credentials.tls().cert)));
    const transports = (['client', 'network'] as const).map((name) => credentials.transport(name, 'test'));
    const file = (name: string) => fingerprint(readFileSync(join(dataDir, 'agent/pki', `${name}.crt`), 'utf8'));
    const askAll = async () => {
      users.length = 0;
      for (const transport of transports) await createClient(transport).get(Node, { name: 'n' });
      return users;
    };
    const first = [file('kubelet-client'), file('network-client')];
    expect(await askAll()).toEqual(first);
    await clock.advance(0.005 * certificateLifetimeMs);
    const second = [file('kubelet-client'), file('network-client')];
    expect(await askAll()).toEqual(second);
    expect(second).not.toEqual(first);
    expect([...ends]).toEqual([file('kubelet')]);
    credentials.stop();
    for (const transport of transports) await transport.close();
    api.closeAllConnections();
    await new Promise((resolve) => api.close(resolve));
    rmSync(dataDir, { recursive: true, force: true });
  });
});
