/** Certificates that an intermediate authority issued: believed along the chain that leads to a trusted one, and no other. */
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import { type JsonPostError, postJson } from '../../src/base/json-post.ts';
import {
  type CertificateAndKey,
  type CertificateRequestOptions,
  certificatesIn,
  createAuthority,
  issueCertificate,
} from '../../src/base/pki.ts';
import { startWorld, type World } from './world.ts';

const day = 24 * 60 * 60 * 1000;
const now = realClock.now();
const valid = { notBefore: now - day, notAfter: now + day };
const self = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };

const below = (
  authority: CertificateAndKey,
  commonName: string,
  more: Partial<CertificateRequestOptions> = {},
): CertificateAndKey =>
  issueCertificate(authority, { subject: { commonName }, usages: [], authority: true, ...valid, ...more });
const client = (authority: CertificateAndKey, commonName = 'jane'): CertificateAndKey =>
  issueCertificate(authority, { subject: { commonName }, usages: ['clientAuth'], ...valid });
const leafOnly = ({ cert, key }: CertificateAndKey): CertificateAndKey => ({
  cert: certificatesIn(cert)[0]!.toString(),
  key,
});

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.close());

const whoIs = async (certificate: CertificateAndKey, headers: Record<string, string> = {}) => {
  const answer = await world.call(self, { certificate, headers, body: review });
  return answer.status === 201 ? answer.body.status.userInfo.username : answer.status;
};

describe('a client certificate of an intermediate authority', () => {
  it('names its user when the intermediates are sent with it', async () => {
    const department = below(world.ca, 'department');
    const team = below(department, 'team');
    expect(certificatesIn(client(team).cert)).toHaveLength(3);
    expect(await whoIs(client(department))).toBe('jane');
    expect(await whoIs(client(team, 'joe'))).toBe('joe');
  });

  it.each<[string, () => CertificateAndKey]>([
    ['its intermediate is not sent', () => leafOnly(client(below(world.ca, 'department')))],
    [
      'what signed it is another client, not an authority',
      () => {
        const holder = client(world.ca, 'holder');
        const forged = client(holder, 'kubernetes-admin');
        return { cert: leafOnly(forged).cert + holder.cert, key: forged.key };
      },
    ],
    [
      'the intermediate has ended',
      () => client(below(world.ca, 'department', { notBefore: now - 2 * day, notAfter: now - day })),
    ],
    [
      'the intermediate is not valid yet',
      () => client(below(world.ca, 'department', { notBefore: now + day / 2, notAfter: now + day })),
    ],
    ['the intermediate is for servers', () => client(below(world.ca, 'department', { usages: ['serverAuth'] }))],
    ['the root only has the name of ours', () => client(below(createAuthority('kubernetes', now), 'department'))],
    [
      'the intermediate only has the name of ours',
      () => {
        const forged = client(below(createAuthority('kubernetes', now), 'department'));
        return { cert: leafOnly(forged).cert + leafOnly(below(world.ca, 'department')).cert, key: forged.key };
      },
    ],
    ['the chain leads to the front proxy’s authority', () => client(below(world.frontProxyCa, 'department'))],
    ['it is the intermediate itself', () => below(world.ca, 'kubernetes-admin')],
  ])('is refused when %s', async (_, make) => {
    expect(await whoIs(make())).toBe(401);
  });

  it('does not make a front proxy of the cluster’s clients, nor the other way round', async () => {
    const headers = { 'X-Remote-User': 'mallory', 'X-Remote-Group': 'system:masters' };
    const proxy = client(below(world.frontProxyCa, 'department'), 'front-proxy-client');
    expect(await whoIs(proxy, headers)).toBe(401);
    expect(await whoIs(client(world.frontProxyCa, 'front-proxy-client'), headers)).toBe('mallory');
    expect(await whoIs(client(world.frontProxyCa, 'front-proxy-client'))).toBe(401);
    expect(await whoIs(client(below(world.ca, 'department'), 'front-proxy-client'), headers)).toBe(
      'front-proxy-client',
    );
  });

  it('is known again when the TLS session is resumed, which brings no intermediates', async () => {
    const { cert, key } = client(below(world.ca, 'department'), 'resumer');
    const agent = new Agent({ maxCachedSessions: 10 });
    const ask = () =>
      new Promise<[name: string, resumed: boolean]>((resolve, reject) => {
        const outgoing = request(
          {
            ...{ host: '127.0.0.1', servername: 'localhost', port: world.port, path: self, method: 'POST' },
            ...{ ca: world.ca.cert, cert, key, agent, headers: { 'content-type': 'application/json' } },
          },
          async (response) => {
            const text = (await response.toArray()).map(String).join('');
            const { isSessionReused } = response.socket as unknown as { isSessionReused(): boolean };
            const resumed = isSessionReused.call(response.socket);
            resolve([JSON.parse(text).status.userInfo?.username ?? JSON.parse(text).message, resumed]);
          },
        );
        outgoing.on('error', reject);
        outgoing.end(JSON.stringify(review));
      });
    expect(await ask()).toEqual(['resumer', false]);
    expect(await ask()).toEqual(['resumer', true]);
    agent.destroy();
  });
});

describe('a server of an intermediate authority', () => {
  const root = createAuthority('root', now);
  const other = createAuthority('other', now);
  const department = below(root, 'department');
  const serving = (authority: CertificateAndKey) =>
    issueCertificate(authority, {
      subject: { commonName: 'webhook' },
      usages: ['serverAuth'],
      dnsNames: ['localhost'],
      ...valid,
    });

  async function ask(certificate: CertificateAndKey, ca: string): Promise<number | string> {
    const server = createServer({ ...certificate }, (_, response) => response.end('{}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const target = { url: `https://localhost:${port}/`, ca, connectTo: { host: '127.0.0.1', port } };
    try {
      return (await postJson(target, {}, { timeoutMs: 30_000, clock: realClock })).status;
    } catch (error) {
      return (error as JsonPostError).code;
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it.each<[string, () => CertificateAndKey, () => string, number | string]>([
    ['the root, chain sent', () => serving(department), () => root.cert, 200],
    [
      'the root, chain not sent',
      () => leafOnly(serving(department)),
      () => root.cert,
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    ['the intermediate alone', () => leafOnly(serving(department)), () => leafOnly(department).cert, 200],
    ['several authorities, in any place', () => serving(department), () => other.cert + root.cert, 200],
    ['the old and the new root while one replaces the other', () => serving(other), () => root.cert + other.cert, 200],
    ['another authority', () => serving(department), () => other.cert, 'SELF_SIGNED_CERT_IN_CHAIN'],
  ])('is known by a bundle of %s', async (_, certificate, ca, wanted) => {
    const got = await ask(certificate(), ca());
    if (wanted === 200) expect(got).toBe(200);
    else expect(got).toMatch(/^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/);
  });
});
