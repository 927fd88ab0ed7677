/** Who may use the node's server: the API server by its certificate, others as the API says. */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { KindRef, KubeObject } from '../../api/kind.ts';
import type { TokenReview } from '../../api/types/authentication-v1.ts';
import type { SubjectAccessReview } from '../../api/types/authorization-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';

interface Identity {
  readonly name: string;
  readonly groups: readonly string[];
}

const review = <T>(group: string, kind: string, plural: string) =>
  ({ group, version: 'v1', kind, plural, namespaced: false }) as unknown as KindRef<KubeObject & T>;
const tokenReviews = review<TokenReview>('authentication.k8s.io', 'TokenReview', 'tokenreviews');
const accessReviews = review<SubjectAccessReview>(
  'authorization.k8s.io',
  'SubjectAccessReview',
  'subjectaccessreviews',
);

const rememberMs = { yes: 300_000, no: 30_000 };

/** The subresource of `nodes` that a path stands for. */
export function nodeSubresource(path: string): string {
  if (path.startsWith('/stats/')) return 'stats';
  if (path.startsWith('/metrics')) return 'metrics';
  if (path.startsWith('/logs/')) return 'log';
  if (path === '/healthz') return 'healthz';
  if (path === '/configz') return 'configz';
  if (path === '/pods' || path === '/runningpods/') return 'pods';
  return 'proxy';
}

/** Decides about requests; answers of the API are remembered for a while. */
export class RequestAuthorizer {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #nodeName: string;
  readonly #remembered = new Map<string, { readonly until: number; readonly allowed: boolean }>();

  constructor(env: { client: Client; clock: Clock; nodeName: string }) {
    this.#client = env.client;
    this.#clock = env.clock;
    this.#nodeName = env.nodeName;
  }

  /** 200 for a request that may go on, else the status to answer with. */
  async check(request: IncomingMessage): Promise<200 | 401 | 403> {
    const identity = certificateIdentity(request) ?? (await this.#tokenIdentity(request));
    if (!identity) return 401;
    if (identity.groups.includes('system:masters')) return 200;
    const path = new URL(request.url ?? '/', 'http://node').pathname;
    const key = JSON.stringify([identity, request.method, nodeSubresource(path)]);
    const known = this.#remembered.get(key);
    if (known && known.until > this.#clock.now()) return known.allowed ? 200 : 403;
    const allowed = await this.#review(identity, request.method ?? 'GET', nodeSubresource(path));
    if (this.#remembered.size > 1000) this.#remembered.clear();
    this.#remembered.set(key, { allowed, until: this.#clock.now() + (allowed ? rememberMs.yes : rememberMs.no) });
    return allowed ? 200 : 403;
  }

  async #tokenIdentity(request: IncomingMessage): Promise<Identity | undefined> {
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (!token) return undefined;
    const answer = await this.#client.create(tokenReviews, { spec: { token } } as never);
    const { authenticated, user } = (answer as unknown as TokenReview).status;
    return authenticated && user?.username ? { name: user.username, groups: user.groups ?? [] } : undefined;
  }

  async #review(identity: Identity, method: string, subresource: string): Promise<boolean> {
    const verbs: Record<string, string> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
    const answer = await this.#client.create(accessReviews, {
      spec: {
        user: identity.name,
        groups: [...identity.groups],
        resourceAttributes: {
          verb: verbs[method] ?? 'get',
          version: 'v1',
          resource: 'nodes',
          subresource,
          name: this.#nodeName,
        },
      },
    } as never);
    return (answer as unknown as SubjectAccessReview).status.allowed === true;
  }
}

/** From a certificate that the cluster's CA signed; TLS has verified it. */
function certificateIdentity(request: IncomingMessage): Identity | undefined {
  const socket = request.socket as TLSSocket;
  if (!socket.authorized) return undefined;
  const subject = socket.getPeerCertificate?.()?.subject as { CN?: string; O?: string | string[] } | undefined;
  if (!subject?.CN) return undefined;
  const groups = subject.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  return { name: subject.CN, groups };
}
