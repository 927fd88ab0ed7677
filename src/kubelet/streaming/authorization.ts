/** Who may use the node's server: the API server by its certificate, others as the API says. */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { KindRef, KubeObject } from '../../api/kind.ts';
import type { TokenReview } from '../../api/types/authentication-v1.ts';
import type { SubjectAccessReview } from '../../api/types/authorization-v1.ts';
import type { ClientCertificate } from '../../base/certificate-check.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';

interface Identity {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

const review = <T>(group: string, kind: string, plural: string) =>
  ({ group, version: 'v1', kind, plural, namespaced: false }) as unknown as KindRef<KubeObject & T>;
const tokenReviews = review<TokenReview>('authentication.k8s.io', 'TokenReview', 'tokenreviews');
const accessReviews = review<SubjectAccessReview>(
  'authorization.k8s.io',
  'SubjectAccessReview',
  'subjectaccessreviews',
);

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

const rememberMs = { yes: 300_000, no: 30_000 };

/**
 * The subresources of `nodes` that a path stands for: any one of them is enough. The narrow ones (KEP-2862) spare those
 * who only look the right to `nodes/proxy`, which runs commands.
 */
export function nodeSubresources(path: string): string[] {
  const isAt = (root: string) => path === root || path.startsWith(`${root}/`);
  if (isAt('/pods') || isAt('/runningpods')) return ['pods', 'proxy'];
  for (const name of ['healthz', 'configz']) if (isAt(`/${name}`)) return [name, 'proxy'];
  for (const name of ['stats', 'metrics', 'checkpoint']) if (isAt(`/${name}`)) return [name];
  return [isAt('/logs') ? 'log' : 'proxy'];
}

/** What is answered to a request that may not go on. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly message: string;
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

  /** Undefined for a request that may go on. Rejects when the API cannot be asked. */
  async check(
    request: IncomingMessage,
    isClient: (certificate: ClientCertificate) => boolean,
  ): Promise<Refusal | undefined> {
    const identity = certificateIdentity(request, isClient) ?? (await this.#tokenIdentity(request));
    if (!identity) return { status: 401, message: 'Unauthorized' };
    if (identity.groups.includes('system:masters')) return undefined;
    const subresources = nodeSubresources(new URL(request.url ?? '/', 'http://node').pathname);
    const verb = verbs[request.method ?? ''] ?? '';
    for (const subresource of subresources) if (await this.#mayUse(identity, verb, subresource)) return undefined;
    const asked = `user=${identity.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}]`;
    return { status: 403, message: `Forbidden (${asked})\n` };
  }

  async #mayUse(identity: Identity, verb: string, subresource: string): Promise<boolean> {
    const key = JSON.stringify([identity, verb, subresource]);
    const known = this.#remembered.get(key);
    if (known && known.until > this.#clock.now()) return known.allowed;
    const allowed = await this.#review(identity, verb, subresource);
    if (this.#remembered.size > 1000) this.#remembered.clear();
    this.#remembered.set(key, { allowed, until: this.#clock.now() + (allowed ? rememberMs.yes : rememberMs.no) });
    return allowed;
  }

  async #tokenIdentity(request: IncomingMessage): Promise<Identity | undefined> {
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (!token) return undefined;
    const answer = await this.#client.create(tokenReviews, { spec: { token } } as never);
    const { authenticated, user } = (answer as unknown as TokenReview).status;
    if (!authenticated || !user?.username) return undefined;
    const { username: name, uid, groups = [], extra } = user;
    return { name, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
  }

  async #review(identity: Identity, verb: string, subresource: string): Promise<boolean> {
    const { name: user, ...rest } = identity;
    const resourceAttributes = { verb, version: 'v1', resource: 'nodes', subresource, name: this.#nodeName };
    const answer = await this.#client.create(accessReviews, { spec: { user, ...rest, resourceAttributes } } as never);
    return (answer as unknown as SubjectAccessReview).status.allowed === true;
  }
}

const certificates = new WeakMap<object, ClientCertificate>();

/** From a certificate that the cluster's CA signed. */
function certificateIdentity(
  request: IncomingMessage,
  isClient: (certificate: ClientCertificate) => boolean,
): Identity | undefined {
  const socket = request.socket as TLSSocket;
  const { raw, subject } = socket.getPeerCertificate?.() ?? {};
  if (!raw) return undefined;
  const certificate = certificates.get(socket) ?? { raw, verified: socket.authorized };
  certificates.set(socket, certificate);
  const { CN: name, O: groups = [] } = subject as { CN?: string; O?: string | string[] };
  if (!name || !isClient(certificate)) return undefined;
  return { name, groups: Array.isArray(groups) ? groups : [groups] };
}
