import https from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { type CertificateAndKey, createAuthority, issueCertificate } from '../../base/pki.ts';
import type { Client } from '../../client/client.ts';
import { RequestAuthorizer } from './authorization.ts';
import { type NodeBackend, NodeRequestError } from './node-backend.ts';
import { type KubeletServer, startKubeletServer } from './server.ts';

const now = realClock.now();
const lifetime = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
const ca = createAuthority('test', now);
const clientCertificate = (commonName: string, ...organizations: string[]) =>
  issueCertificate(ca, { subject: { commonName, organizations }, usages: ['clientAuth'], ...lifetime });

describe('the node’s server', () => {
  let server: KubeletServer;
  const queries: object[] = [];
  const reviews: object[] = [];
  const backend = {
    pods: () => [{ metadata: { name: 'p' } }],
    metrics: async (which: string) => `metrics of ${which}\n`,
    summary: async () => ({ node: {} }),
    runningPods: async () => [{ metadata: { name: 'runs' } }],
    configuration: () => ({ maxPods: 7 }),
    checkpoint: async ({ container }: { container: string }) => `/file-of-${container}`,
    async log(ref: object, query: object) {
      queries.push({ ...ref, ...query });
      if ((ref as { container: string }).container === 'none') throw new NodeRequestError(404, 'no such container');
      return (async function* () {
        yield Buffer.from('a line\n');
      })();
    },
  } as unknown as NodeBackend;
  /** The edge to the API: tokens are their users' names, and only `reader` may read. */
  const client = {
    async create(kind: { kind: string }, draft: { spec: Record<string, unknown> }) {
      if (kind.kind === 'TokenReview') {
        return {
          status: { authenticated: draft.spec['token'] !== 'bad', user: { username: draft.spec['token'], groups: [] } },
        };
      }
      reviews.push(draft.spec);
      const { user, resourceAttributes: asked } = draft.spec as {
        user: string;
        resourceAttributes: { subresource: string };
      };
      const groups = /^may-(.+)$/.exec(user)?.[1];
      return { status: { allowed: user === 'reader' || asked.subresource === groups } };
    },
  } as unknown as Client;

  beforeAll(async () => {
    const { cert, key } = issueCertificate(ca, {
      subject: { commonName: 'node', organizations: [] },
      usages: ['serverAuth'],
      ipAddresses: ['127.0.0.1'],
      dnsNames: ['localhost'],
      ...lifetime,
    });
    server = await startKubeletServer({
      backend,
      clock: realClock,
      log: silentLogger,
      port: 0,
      host: '127.0.0.1',
      tls: { cert, key, clientCa: ca.cert },
      authorizer: new RequestAuthorizer({ client, clock: realClock, nodeName: 'n1' }),
    });
  });
  afterAll(() => server.close());

  const get = (path: string, who: { certificate?: CertificateAndKey; token?: string; method?: string } = {}) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      https
        .request(
          {
            method: who.method ?? 'GET',
            host: '127.0.0.1',
            port: server.port,
            path,
            ca: ca.cert,
            agent: false,
            ...(who.certificate ? { cert: who.certificate.cert, key: who.certificate.key } : {}),
            headers: who.token ? { authorization: `Bearer ${who.token}` } : {},
          },
          (response) => {
            let text = '';
            response.on('data', (bytes) => {
              text += bytes;
            });
            response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
          },
        )
        .on('error', reject)
        .end();
    });
  const master = { certificate: clientCertificate('apiserver', 'system:masters') };

  it('lets the API server in by its certificate', async () => {
    expect(await get('/healthz', master)).toEqual({ status: 200, text: 'ok' });
    expect(JSON.parse((await get('/pods', master)).text)).toMatchObject({
      kind: 'PodList',
      items: [{ metadata: { name: 'p' } }],
    });
    expect((await get('/metrics/resource', master)).text).toBe('metrics of resource\n');
  });

  it('asks the API about others, by certificate or token, and remembers', async () => {
    expect((await get('/pods')).status).toBe(401);
    expect((await get('/pods', { token: 'bad' })).status).toBe(401);
    expect((await get('/pods', { certificate: clientCertificate('someone') })).status).toBe(403);
    expect((await get('/metrics', { token: 'reader' })).status).toBe(200);
    expect(reviews.at(-1)).toMatchObject({
      user: 'reader',
      resourceAttributes: { verb: 'get', resource: 'nodes', subresource: 'metrics', name: 'n1' },
    });
    const asked = reviews.length;
    await get('/metrics', { token: 'reader' });
    expect(reviews.length).toBe(asked);
  });

  it('does not believe certificates of others', async () => {
    const foreign = createAuthority('foreign', now);
    const certificate = issueCertificate(foreign, {
      subject: { commonName: 'x', organizations: ['system:masters'] },
      usages: ['clientAuth'],
      ...lifetime,
    });
    expect((await get('/pods', { certificate })).status).toBe(401);
  });

  it('serves logs with what is asked of them', async () => {
    const answer = await get(
      '/containerLogs/ns/p/main?tailLines=5&timestamps=true&limitBytes=10&sinceTime=2026-01-01T00:00:00Z&previous=true',
      master,
    );
    expect(answer).toEqual({ status: 200, text: 'a line\n' });
    expect(queries.at(-1)).toEqual({
      namespace: 'ns',
      pod: 'p',
      container: 'main',
      follow: false,
      previous: true,
      timestamps: true,
      tailLines: 5,
      limitBytes: 10,
      since: Date.UTC(2026, 0, 1),
      stream: 'All',
    });
  });

  it('refuses what it does not understand', async () => {
    expect(await get('/containerLogs/ns/p/none', master)).toEqual({ status: 404, text: 'no such container' });
    expect((await get('/containerLogs/ns/p/main?tailLines=-1', master)).status).toBe(400);
    expect((await get('/containerLogs/ns', master)).status).toBe(400);
    expect((await get('/nothing', master)).status).toBe(404);
    expect((await get('/exec/ns/p/main', master)).status).toBe(400);
  });

  it.each([
    ['/pods', ['pods', 'proxy']],
    ['/runningpods/', ['pods', 'proxy']],
    ['/healthz', ['healthz', 'proxy']],
    ['/healthz/ping', ['healthz', 'proxy']],
    ['/configz', ['configz', 'proxy']],
    ['/stats/summary', ['stats']],
    ['/metrics', ['metrics']],
    ['/metrics/cadvisor', ['metrics']],
    ['/metrics/resource', ['metrics']],
    ['/metrics/probes', ['metrics']],
    ['/containerLogs/ns/p/main', ['proxy']],
  ])('gives %s to those who may use one of nodes/%j, and to no others', async (path, enough) => {
    for (const subresource of ['pods', 'healthz', 'configz', 'stats', 'metrics', 'log', 'checkpoint', 'proxy']) {
      const { status, text } = await get(path, { token: `may-${subresource}` });
      expect([subresource, status]).toEqual([subresource, enough.includes(subresource) ? 200 : 403]);
      if (status === 403) {
        expect(text).toBe(
          `Forbidden (user=may-${subresource}, verb=get, resource=nodes, subresource(s)=[${enough.join(' ')}])\n`,
        );
      }
    }
  });

  it.each(['/exec/ns/p/main', '/attach/ns/p/main', '/portForward/ns/p', '/run/ns/p/main', '/checkpoint/ns/p/main'])(
    'keeps %s from those who may only look',
    async (path) => {
      for (const subresource of ['pods', 'healthz', 'configz', 'stats', 'metrics', 'log']) {
        for (const method of ['GET', 'POST']) {
          expect((await get(path, { token: `may-${subresource}`, method })).status).toBe(403);
        }
      }
    },
  );

  it.each(['/metrics/../exec/ns/p/main', '/metrics/%2e%2e/run/ns/p/main', '//metrics/run/ns/p/main', '/%6detrics/x'])(
    'judges %s by what it serves for it',
    async (path) => {
      expect((await get(path, { token: 'may-metrics' })).status).not.toBe(200);
    },
  );

  it('tells its configuration, its health and what runs', async () => {
    expect(JSON.parse((await get('/configz', master)).text)).toEqual({ kubeletconfig: { maxPods: 7 } });
    expect(JSON.parse((await get('/runningpods/', master)).text).items).toEqual([{ metadata: { name: 'runs' } }]);
    expect(await get('/healthz/syncloop', master)).toEqual({ status: 200, text: 'ok' });
    expect((await get('/healthz?verbose', master)).text).toMatch(/^\[\+\]ping ok\n.*healthz check passed\n$/s);
    expect((await get('/healthz/other', master)).status).toBe(404);
    expect(JSON.parse((await get('/checkpoint/ns/p/main', { ...master, method: 'POST' })).text)).toEqual({
      items: ['/file-of-main'],
    });
  });

  it('does with each path only what it is for', async () => {
    for (const path of ['/pods', '/runningpods/', '/configz', '/containerLogs/ns/p/main', '/stats/summary']) {
      expect((await get(path, { ...master, method: 'POST' })).status).toBe(405);
    }
    expect((await get('/run/ns/p/main?cmd=id', master)).status).toBe(405);
    for (const path of ['/pods/x', '/configz/x', '/metrics/other', '/constructor', '/stats/summary/x']) {
      expect((await get(path, master)).status).toBe(404);
    }
    expect((await get('/containerLogs/ns/p/%', master)).status).toBe(400);
  });
});
