/** A cluster in real time, an administrator's HTTPS connection to it, and a webhook server beside it. */
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { parse } from 'yaml';
import { Namespace } from '../../src/api/core/namespace.ts';
import type { KubeObject } from '../../src/api/kind.ts';
import { certificateLifetimeMs, createAuthority, issueCertificate } from '../../src/base/pki.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';

export interface Answered {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind.
  readonly json: any;
}

export type Ask = (method: string, path: string, options?: { body?: unknown; type?: string }) => Promise<Answered>;

/** What an admission webhook is sent. */
export interface AdmissionCall {
  readonly uid: string;
  readonly operation: string;
  readonly object: (KubeObject & { data?: Record<string, string>; spec?: Record<string, unknown> }) | null;
}

type Patch = readonly { op: string; path: string; value?: unknown }[];
/** What it says: how it refuses, what it changes, or nothing for a yes. */
export interface Verdict {
  readonly deny?: string;
  readonly patch?: Patch;
  /** Never answers. */
  readonly hang?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: webhooks read what the test gave them.
type Review = { request: any };

export interface HookedCluster {
  readonly cluster: Cluster;
  readonly ask: Ask;
  readonly caBundle: string;
  /** Answers admission reviews at a path of the webhook server. */
  admit(path: string, judge: (call: AdmissionCall) => Verdict | undefined): void;
  /** Answers whatever is posted to a path; `answer` gives the response of the review. */
  serve(path: string, answer: (review: Review) => object): void;
  url(path: string): string;
  /** A namespace of its own. */
  namespace(): Promise<string>;
}

/** Starts both for a file. */
export function hookedCluster(): () => HookedCluster {
  let hooked: HookedCluster | undefined;
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    const cluster = await startCluster({ nodes: 1 });
    closing.push(() => cluster.stop());
    const ask = await askAs(await cluster.kubeconfig());
    const authority = createAuthority('hooks', Date.now());
    const pair = issueCertificate(authority, {
      subject: { commonName: 'hook' },
      usages: ['serverAuth'],
      ipAddresses: ['127.0.0.1'],
      notBefore: Date.now() - 60_000,
      notAfter: Date.now() + certificateLifetimeMs,
    });
    const answers = new Map<string, (review: Review) => { apiVersion: string; kind: string } | undefined>();
    const server = createServer(pair, (req, res) => {
      req.toArray().then((chunks) => {
        const review = JSON.parse(Buffer.concat(chunks as Buffer[]).toString()) as Review;
        const answer = answers.get(new URL(req.url!, 'https://hook').pathname)?.(review);
        if (answer) res.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    let count = 0;
    hooked = {
      cluster,
      ask,
      caBundle: Buffer.from(authority.cert).toString('base64'),
      url: (path) => `https://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
      serve(path, answer) {
        answers.set(path, (review) => ({ ...(review as object), ...answer(review) }) as never);
      },
      admit(path, judge) {
        answers.set(path, ({ request: { uid, operation, object } }) => {
          const { deny, patch, hang } = judge({ uid, operation, object }) ?? {};
          if (hang) return undefined;
          const response = {
            uid,
            allowed: deny === undefined,
            ...(deny === undefined ? {} : { status: { message: deny } }),
            ...(patch ? { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') } : {}),
          };
          return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response } as never;
        });
      },
      async namespace() {
        const name = `hooked-${++count}`;
        await cluster.client.create(Namespace, {
          metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
        });
        return name;
      },
    };
  });
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
  });
  return () => hooked!;
}

/** HTTPS requests as a kubeconfig's user. */
export async function askAs(kubeconfig: string): Promise<Ask> {
  const config = parse(kubeconfig) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
    users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
  };
  const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster;
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0].user;
  const decode = (text: string) => Buffer.from(text, 'base64').toString();
  const agent = new Agent({ ca: decode(ca), cert: decode(cert), key: decode(key) });
  return (method, path, { body, type = 'application/json' } = {}) =>
    new Promise((resolve, reject) => {
      const headers = { ...(body === undefined ? {} : { 'content-type': type }) };
      const req = request(server + path, { method, agent, headers }, (res) => {
        res.toArray().then((chunks) => {
          const text = Buffer.concat(chunks as Buffer[]).toString();
          let json: unknown;
          try {
            json = JSON.parse(text);
          } catch {
            json = undefined;
          }
          resolve({ status: res.statusCode!, text, json });
        }, reject);
      });
      req.on('error', reject);
      req.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
    });
}

export const merge = (body: object) => ({ body, type: 'application/merge-patch+json' });
