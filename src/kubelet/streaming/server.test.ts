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
      return { status: { allowed: draft.spec['user'] === 'reader' } };
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

  const get = (path: string, who: { certificate?: CertificateAndKey; token?: string } = {}) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      https
        .get(
          {
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
        .on('error', reject);
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
});
