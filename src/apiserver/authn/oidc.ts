/** Tokens of OpenID Connect issuers, mapped to users as the AuthenticationConfiguration says. */
import type { JWTPayload } from 'jose';
import { CelBudget } from '../../api/cel/budget.ts';
import type { CelProgram } from '../../api/cel/compile.ts';
import { celValue, jsonValue } from '../../api/cel/values.ts';
import type { Clock } from '../../base/clock.ts';
import { getJson, type JsonPostTarget } from '../../base/json-post.ts';
import type { UserInfo } from '../user.ts';
import { compileClaimExpression, type JwtIssuer, type PrefixedClaim } from './authentication-configuration.ts';
import { type TokenAuthenticator, TokenError } from './bearer-token.ts';

const algorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'EdDSA'];
/** Keys that a token names and that are not known are asked for at most this often. */
const refreshMs = 10_000;
const fetchTimeoutMs = 10_000;

const jose = () => import('jose');

type KeySet = Parameters<Awaited<ReturnType<typeof jose>>['createLocalJWKSet']>[0];

/** Knows the tokens of one issuer. Its expressions are compiled now: an Error names one that is wrong. */
export function createOidcAuthenticator(jwt: JwtIssuer, path: string, clock: Clock): TokenAuthenticator {
  const map = compileMappings(jwt, path);
  const keys = new IssuerKeys(jwt, clock);
  return {
    name: `OIDC ${jwt.issuer.url}`,
    async authenticateToken(token) {
      const { decodeJwt } = await jose();
      let unverified: JWTPayload;
      try {
        unverified = decodeJwt(token);
      } catch {
        return undefined;
      }
      if (unverified.iss !== jwt.issuer.url) return undefined;
      const claims = await keys.verify(token);
      const audiences = claims.aud === undefined ? [] : Array.isArray(claims.aud) ? claims.aud : [claims.aud];
      const agreed = jwt.issuer.audiences.filter((audience) => audiences.includes(audience));
      if (agreed.length === 0) throw new TokenError('the token is for another audience');
      return { user: map(claims) };
    },
  };
}

/** The issuer's keys, fetched when first needed and again when a token names one that is not among them. */
class IssuerKeys {
  readonly #jwt: JwtIssuer;
  readonly #clock: Clock;
  #keySet: KeySet | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;

  constructor(jwt: JwtIssuer, clock: Clock) {
    this.#jwt = jwt;
    this.#clock = clock;
  }

  async verify(token: string): Promise<JWTPayload> {
    const { createLocalJWKSet, errors, jwtVerify } = await jose();
    for (let attempt = 0; ; attempt++) {
      const keySet = await this.#keys(attempt > 0);
      try {
        const { payload } = await jwtVerify(token, createLocalJWKSet(keySet), {
          issuer: this.#jwt.issuer.url,
          algorithms,
          currentDate: new Date(this.#clock.now()),
          requiredClaims: ['exp'],
        });
        return payload;
      } catch (error) {
        const unknownKey = error instanceof errors.JWKSNoMatchingKey;
        if (unknownKey && attempt === 0 && this.#clock.monotonic() - this.#fetchedAt > refreshMs) continue;
        throw new TokenError((error as Error).message);
      }
    }
  }

  async #keys(refresh: boolean): Promise<KeySet> {
    if (this.#keySet && !refresh) return this.#keySet;
    const { issuer } = this.#jwt;
    const discovery = issuer.discoveryURL ?? `${issuer.url.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const found = (await this.#fetch(discovery)) as { issuer?: string; jwks_uri?: string };
    if (found.issuer !== issuer.url) {
      throw new Error(
        `${discovery} is of the issuer ${JSON.stringify(found.issuer)}, not ${JSON.stringify(issuer.url)}`,
      );
    }
    if (!found.jwks_uri?.startsWith('https://')) throw new Error(`${discovery} has no jwks_uri with https`);
    this.#keySet = (await this.#fetch(found.jwks_uri)) as KeySet;
    this.#fetchedAt = this.#clock.monotonic();
    return this.#keySet;
  }

  async #fetch(url: string): Promise<unknown> {
    const { certificateAuthority } = this.#jwt.issuer;
    const target: JsonPostTarget = { url, ...(certificateAuthority ? { ca: certificateAuthority } : {}) };
    const { status, body } = await getJson(target, {
      timeoutMs: fetchTimeoutMs,
      clock: this.#clock,
      maxBytes: 1024 * 1024,
    });
    if (status !== 200 || typeof body !== 'object' || body === null)
      throw new Error(`${url} answered with status ${status}`);
    return body;
  }
}

type Evaluate = (values: Record<string, unknown>) => unknown;

function compileMappings(
  { claimMappings, claimValidationRules = [], userValidationRules = [] }: JwtIssuer,
  path: string,
): (claims: JWTPayload) => UserInfo {
  const program = (field: string, expression: string, about?: 'user'): Evaluate => {
    const compiled: CelProgram = compileClaimExpression(`${path}.${field}`, expression, about);
    return (values) => jsonValue(compiled.evaluate(values, new CelBudget()));
  };
  const mapping = (field: string, given: PrefixedClaim | undefined) =>
    given?.expression ? program(`claimMappings.${field}.expression`, given.expression) : undefined;
  const usernameOf = mapping('username', claimMappings.username);
  const groupsOf = mapping('groups', claimMappings.groups);
  const uidOf = mapping('uid', claimMappings.uid);
  const extras = (claimMappings.extra ?? []).map(({ key, valueExpression }, i) => ({
    key,
    evaluate: program(`claimMappings.extra[${i}].valueExpression`, valueExpression),
  }));
  const claimRules = claimValidationRules.map((rule, i) => ({
    ...rule,
    evaluate: rule.expression ? program(`claimValidationRules[${i}].expression`, rule.expression) : undefined,
  }));
  const userRules = userValidationRules.map((rule, i) => ({
    ...rule,
    evaluate: program(`userValidationRules[${i}].expression`, rule.expression, 'user'),
  }));

  return (claims) => {
    const values = { claims: celValue(claims) };
    for (const { claim, requiredValue, message, evaluate } of claimRules) {
      if (evaluate ? evaluate(values) === true : claims[claim!] === requiredValue) continue;
      throw new TokenError(message ?? `claim ${claim ?? 'validation'} is not as required`);
    }
    const name = usernameOf ? usernameOf(values) : claimName(claims, claimMappings.username);
    if (typeof name !== 'string' || !name) throw new TokenError('the username is not a string, or empty');
    const groups = groupsOf ? strings('groups', groupsOf(values)) : claimGroups(claims, claimMappings.groups);
    const uid = uidOf ? uidOf(values) : claimMappings.uid?.claim ? claims[claimMappings.uid.claim] : undefined;
    const extra: Record<string, string[]> = {};
    for (const { key, evaluate } of extras) {
      const found = strings(`extra ${key}`, evaluate(values));
      if (found.length) extra[key] = found;
    }
    const user: UserInfo = {
      name,
      groups,
      ...(typeof uid === 'string' && uid ? { uid } : {}),
      ...(Object.keys(extra).length ? { extra } : {}),
    };
    const wire = celValue({ username: name, groups, uid: user.uid ?? '', extra });
    for (const { message, evaluate } of userRules) {
      if (evaluate({ user: wire }) !== true) throw new TokenError(message ?? 'the user is not as required');
    }
    return user;
  };
}

function claimName(claims: JWTPayload, { claim = '', prefix = '' }: PrefixedClaim): string {
  const value = claims[claim];
  if (typeof value !== 'string' || !value) throw new TokenError(`the claim ${claim} is not a string, or empty`);
  if (claim === 'email' && claims['email_verified'] !== undefined && claims['email_verified'] !== true) {
    throw new TokenError('the email of the token is not verified');
  }
  return prefix + value;
}

function claimGroups(claims: JWTPayload, mapping: PrefixedClaim | undefined): string[] {
  if (!mapping?.claim || claims[mapping.claim] === undefined) return [];
  return strings(mapping.claim, claims[mapping.claim]).map((group) => (mapping.prefix ?? '') + group);
}

function strings(what: string, value: unknown): string[] {
  if (value === null || value === undefined || value === '') return [];
  if (typeof value === 'string') return [value];
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.filter(Boolean);
  throw new TokenError(`${what} must be a string or a list of strings`);
}
