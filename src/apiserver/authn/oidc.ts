/** Tokens of OpenID Connect issuers, mapped to users as the AuthenticationConfiguration says. */
import type { JWTPayload } from 'jose';
import { CelBudget } from '../../api/cel/budget.ts';
import type { CelProgram } from '../../api/cel/compile.ts';
import { celValue, jsonValue } from '../../api/cel/values.ts';
import type { Clock } from '../../base/clock.ts';
import type { UserInfo } from '../user.ts';
import type { JwtIssuer, PrefixedClaim } from './authentication-configuration.ts';
import { type TokenAuthenticator, TokenError } from './bearer-token.ts';
import { compileClaimExpression, compileClaimRule } from './claim-expressions.ts';
import { createClaimResolver } from './distributed-claims.ts';
import { claimedIssuer, IssuerKeys } from './issuer-keys.ts';

/** Knows the tokens of one issuer, of a configuration that has been validated. */
export function createOidcAuthenticator(jwt: JwtIssuer, clock: Clock): TokenAuthenticator {
  const map = compileMappings(jwt);
  const { url, audiences, discoveryURL, certificateAuthority } = jwt.issuer;
  const common = { clock, ...(certificateAuthority ? { certificateAuthority } : {}) };
  const keys = new IssuerKeys({ ...common, url, ...(discoveryURL ? { discoveryURL } : {}) });
  const groupsClaim = jwt.claimMappings.groups?.claim;
  const resolve = groupsClaim ? createClaimResolver(groupsClaim, { ...common, audiences }) : undefined;
  return {
    name: `OIDC ${url}`,
    async authenticateToken(token) {
      if ((await claimedIssuer(token)) !== url) return undefined;
      const claims = await keys.verify(token, audiences);
      return { user: map(resolve ? await resolve(claims) : claims) };
    },
  };
}

type Evaluate = (values: Record<string, unknown>) => unknown;

function compileMappings({
  claimMappings,
  claimValidationRules = [],
  userValidationRules = [],
}: JwtIssuer): (claims: JWTPayload) => UserInfo {
  const running =
    (program: CelProgram): Evaluate =>
    (values) =>
      jsonValue(program.evaluate(values, new CelBudget()));
  const mapping = (given: PrefixedClaim | undefined) =>
    given?.expression ? running(compileClaimExpression(given.expression)) : undefined;
  const usernameOf = mapping(claimMappings.username);
  const groupsOf = mapping(claimMappings.groups);
  const uidOf = mapping(claimMappings.uid);
  const extras = (claimMappings.extra ?? []).map(({ key, valueExpression }) => ({
    key,
    evaluate: running(compileClaimExpression(valueExpression)),
  }));
  const claimRules = claimValidationRules.map((rule) => ({
    ...rule,
    evaluate: rule.expression ? running(compileClaimRule(rule.expression)) : undefined,
  }));
  const userRules = userValidationRules.map((rule) => ({
    ...rule,
    evaluate: running(compileClaimRule(rule.expression, 'user')),
  }));

  return (claims) => {
    const values = { claims: celValue(claims) };
    for (const { claim, requiredValue, message, evaluate } of claimRules) {
      if (evaluate ? evaluate(values) === true : claims[claim!] === (requiredValue ?? '')) continue;
      throw new TokenError(message ?? `claim ${claim ?? 'validation'} is not as required`);
    }
    const name = usernameOf ? usernameOf(values) : claimName(claims, claimMappings.username);
    if (typeof name !== 'string' || !name) throw new TokenError('the username is not a string, or empty');
    const groups = groupsOf ? strings('groups', groupsOf(values)) : claimGroups(claims, claimMappings.groups);
    const uidClaim = claimMappings.uid?.claim;
    const uid = uidOf ? uidOf(values) : uidClaim ? claims[uidClaim] : '';
    if (typeof uid !== 'string') throw new TokenError('the uid is not a string');
    const extra: Record<string, string[]> = {};
    if (claims.jti) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${claims.jti}`];
    for (const { key, evaluate } of extras) {
      const found = strings(`extra ${key}`, evaluate(values));
      if (found.length) extra[key] = found;
    }
    const user: UserInfo = {
      name,
      groups,
      ...(uid ? { uid } : {}),
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
