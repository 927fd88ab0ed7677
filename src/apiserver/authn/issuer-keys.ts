/** The public keys of OpenID Connect issuers, found by discovery. */
import type { JWTPayload } from 'jose';
import type { Clock } from '../../base/clock.ts';
import { getJson, type JsonPostTarget } from '../../base/json-post.ts';
import { TokenError } from './bearer-token.ts';

const algorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'EdDSA'];
/** Keys that a token names and that are not known are asked for at most this often. */
const refreshMs = 10_000;
const fetchTimeoutMs = 10_000;
const maxBytes = 1024 * 1024;

const jose = () => import('jose');

type KeySet = Parameters<Awaited<ReturnType<typeof jose>>['createLocalJWKSet']>[0];

export interface IssuerOptions {
  readonly url: string;
  readonly discoveryURL?: string;
  /** PEM bundle that the issuer's servers are known by. */
  readonly certificateAuthority?: string;
  readonly clock: Clock;
}

/** The issuer that a token says it is of, which proves nothing; undefined when it is no token. */
export async function claimedIssuer(token: string): Promise<string | undefined> {
  const { decodeJwt } = await jose();
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/** GETs from an issuer's servers; answers with a status other than 200 are errors. */
export async function getFromIssuer(
  { certificateAuthority, clock }: Pick<IssuerOptions, 'certificateAuthority' | 'clock'>,
  url: string,
  token?: string,
): Promise<{ body: unknown; text: string }> {
  if (!url.startsWith('https://')) throw new Error(`${url} is not asked: it has no https`);
  const target: JsonPostTarget = {
    url,
    ...(certificateAuthority ? { ca: certificateAuthority } : {}),
    ...(token ? { token } : {}),
  };
  const { status, body, text } = await getJson(target, { timeoutMs: fetchTimeoutMs, clock, maxBytes });
  if (status !== 200) throw new Error(`${url} answered with status ${status}`);
  return { body, text };
}

/** The keys of one issuer, fetched when first needed and again when a token names one that is not among them. */
export class IssuerKeys {
  readonly #options: IssuerOptions;
  #keySet: KeySet | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;

  constructor(options: IssuerOptions) {
    this.#options = options;
  }

  /** The claims of a token of this issuer, meant for one of the audiences. Throws TokenError for any other. */
  async verify(token: string, audiences: readonly string[]): Promise<JWTPayload> {
    const claims = await this.#verified(token);
    const meant = claims.aud === undefined ? [] : Array.isArray(claims.aud) ? claims.aud : [claims.aud];
    if (!audiences.some((audience) => meant.includes(audience)))
      throw new TokenError('the token is for another audience');
    return claims;
  }

  async #verified(token: string): Promise<JWTPayload> {
    const { createLocalJWKSet, errors, jwtVerify } = await jose();
    const { url, clock } = this.#options;
    for (let attempt = 0; ; attempt++) {
      const keySet = await this.#keys(attempt > 0);
      try {
        const { payload } = await jwtVerify(token, createLocalJWKSet(keySet), {
          issuer: url,
          algorithms,
          currentDate: new Date(clock.now()),
          requiredClaims: ['exp'],
        });
        return payload;
      } catch (error) {
        const unknownKey = error instanceof errors.JWKSNoMatchingKey;
        if (unknownKey && attempt === 0 && clock.monotonic() - this.#fetchedAt > refreshMs) continue;
        throw new TokenError((error as Error).message);
      }
    }
  }

  async #keys(refresh: boolean): Promise<KeySet> {
    if (this.#keySet && !refresh) return this.#keySet;
    const { url, discoveryURL } = this.#options;
    const discovery = discoveryURL || `${url.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const found = (await this.#document(discovery)) as { issuer?: string; jwks_uri?: string };
    if (found.issuer !== url) {
      throw new Error(`${discovery} is of the issuer ${JSON.stringify(found.issuer)}, not ${JSON.stringify(url)}`);
    }
    if (!found.jwks_uri) throw new Error(`${discovery} has no jwks_uri`);
    this.#keySet = (await this.#document(found.jwks_uri)) as KeySet;
    this.#fetchedAt = this.#options.clock.monotonic();
    return this.#keySet;
  }

  async #document(url: string): Promise<object> {
    const { body } = await getFromIssuer(this.#options, url);
    if (typeof body !== 'object' || body === null) throw new Error(`${url} did not answer with JSON`);
    return body;
  }
}
