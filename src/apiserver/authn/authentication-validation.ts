/** What an AuthenticationConfiguration may say (upstream's apiserver validation, all of its v1 features on). */
import { at, child, duplicate, type FieldError, invalid, required, tooMany } from '../../api/machinery/field-error.ts';
import { qualifiedName } from '../../api/machinery/names.ts';
import { certificatesIn } from '../../base/pki.ts';
import type { AuthenticationConfiguration, JwtIssuer, PrefixedClaim } from './authentication-configuration.ts';
import { compileClaimExpression, compileClaimRule } from './claim-expressions.ts';

const maxIssuers = 64;
const both = "claim and expression can't both be set";
const neither = 'claim or expression is required';

/** All that is wrong with it; expressions are compiled. */
export function validateAuthenticationConfiguration(
  configuration: AuthenticationConfiguration,
  disallowedIssuers: readonly string[],
): FieldError[] {
  const unknown = unknownFields(configuration);
  if (unknown.length) return unknown;
  const { jwt = [], anonymous } = configuration;
  if (jwt.length > maxIssuers) return [tooMany('jwt', jwt.length, maxIssuers)];
  const errors = jwt.flatMap((one, i) => validateIssuer(one, at('jwt', i), disallowedIssuers));
  errors.push(...duplicates(jwt.map(({ issuer }, i) => [`jwt[${i}].issuer.url`, issuer?.url])));
  errors.push(...duplicates(jwt.map(({ issuer }, i) => [`jwt[${i}].issuer.discoveryURL`, issuer?.discoveryURL])));
  if (anonymous && !anonymous.enabled && anonymous.conditions?.length) {
    const why = 'enabled should be set to true when conditions are defined';
    errors.push(invalid('anonymous.conditions', anonymous.conditions, why));
  }
  return errors;
}

/** Fields by path; a list's items are under `[]`. */
const known: Readonly<Record<string, string>> = {
  '': 'jwt anonymous',
  anonymous: 'enabled conditions',
  'anonymous.conditions[]': 'path',
  'jwt[]': 'issuer claimValidationRules claimMappings userValidationRules',
  'jwt[].issuer': 'url discoveryURL certificateAuthority audiences audienceMatchPolicy egressSelectorType',
  'jwt[].claimValidationRules[]': 'claim requiredValue expression message',
  'jwt[].userValidationRules[]': 'expression message',
  'jwt[].claimMappings': 'username groups uid extra',
  'jwt[].claimMappings.username': 'claim prefix expression',
  'jwt[].claimMappings.groups': 'claim prefix expression',
  'jwt[].claimMappings.uid': 'claim expression',
  'jwt[].claimMappings.extra[]': 'key valueExpression',
};

/** A misspelt rule would let everybody in, so nothing is passed over. */
function unknownFields(value: unknown, path = '', form = ''): FieldError[] {
  if (Array.isArray(value)) return value.flatMap((one, i) => unknownFields(one, at(path, i), `${form}[]`));
  const fields = known[form]?.split(' ');
  if (!fields || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const where = child(path, name);
    return fields.includes(name)
      ? unknownFields(inner, where, child(form, name))
      : [invalid(where, name, 'unknown field')];
  });
}

function duplicates(values: readonly (readonly [path: string, value: string | undefined])[]): FieldError[] {
  const seen = new Set<string>();
  return values.flatMap(([path, value]) => {
    if (!value) return [];
    if (seen.has(value)) return [duplicate(path, value)];
    seen.add(value);
    return [];
  });
}

function validateIssuer(
  { issuer, claimMappings, claimValidationRules = [], userValidationRules = [] }: JwtIssuer,
  path: string,
  disallowedIssuers: readonly string[],
): FieldError[] {
  return [
    ...validateIssuerItself(issuer ?? {}, child(path, 'issuer'), disallowedIssuers),
    ...validateClaimRules(claimValidationRules, child(path, 'claimValidationRules')),
    ...validateMappings(claimMappings ?? {}, claimValidationRules, child(path, 'claimMappings')),
    ...userValidationRules.flatMap(({ expression }, i) => {
      const where = child(at(child(path, 'userValidationRules'), i), 'expression');
      return expression ? compiled(where, () => compileClaimRule(expression, 'user'), expression) : [required(where)];
    }),
    ...duplicates(
      userValidationRules.map(({ expression }, i) => [`${path}.userValidationRules[${i}].expression`, expression]),
    ),
  ];
}

function validateIssuerItself(
  issuer: Partial<JwtIssuer['issuer']>,
  path: string,
  disallowedIssuers: readonly string[],
): FieldError[] {
  const {
    url,
    discoveryURL,
    audiences = [],
    audienceMatchPolicy = '',
    certificateAuthority,
    egressSelectorType,
  } = issuer;
  const errors: FieldError[] = [];
  const urlPath = child(path, 'url');
  if (!url) errors.push(required(urlPath));
  else {
    if (disallowedIssuers.includes(url)) {
      const why = `URL must not overlap with disallowed issuers: [${disallowedIssuers.join(' ')}]`;
      errors.push(invalid(urlPath, url, why));
    }
    errors.push(...validateUrl(url, urlPath));
  }
  if (discoveryURL) {
    const where = child(path, 'discoveryURL');
    const bare = (text: string) => text.replace(/\/+$/, '');
    if (url && bare(url) === bare(discoveryURL)) {
      errors.push(invalid(where, discoveryURL, 'discoveryURL must be different from URL'));
    }
    errors.push(...validateUrl(discoveryURL, where));
  }
  const audiencePath = child(path, 'audiences');
  if (audiences.length === 0) errors.push(required(audiencePath, `at least one ${audiencePath} is required`));
  for (const [i, audience] of audiences.entries()) if (!audience) errors.push(required(at(audiencePath, i)));
  errors.push(...duplicates(audiences.map((audience, i) => [at(audiencePath, i), audience])));
  const policyPath = child(path, 'audienceMatchPolicy');
  if (audiences.length > 1 && audienceMatchPolicy !== 'MatchAny') {
    errors.push(
      invalid(policyPath, audienceMatchPolicy, 'audienceMatchPolicy must be MatchAny for multiple audiences'),
    );
  }
  if (audiences.length === 1 && audienceMatchPolicy !== '' && audienceMatchPolicy !== 'MatchAny') {
    const why = 'audienceMatchPolicy must be empty or MatchAny for single audience';
    errors.push(invalid(policyPath, audienceMatchPolicy, why));
  }
  if (certificateAuthority && !isBundle(certificateAuthority)) {
    const why = 'data does not contain any valid RSA or ECDSA certificates';
    errors.push(invalid(child(path, 'certificateAuthority'), '<omitted>', why));
  }
  if (egressSelectorType && egressSelectorType !== 'controlplane' && egressSelectorType !== 'cluster') {
    const why = 'egress selector must be either controlplane or cluster';
    errors.push(invalid(child(path, 'egressSelectorType'), egressSelectorType, why));
  }
  return errors;
}

function isBundle(pem: string): boolean {
  try {
    return certificatesIn(pem).length > 0;
  } catch {
    return false;
  }
}

function validateUrl(text: string, path: string): FieldError[] {
  if (!URL.canParse(text)) return [invalid(path, text, 'is not a URL')];
  const { protocol, username, password, search, hash } = new URL(text);
  return [
    ...(protocol === 'https:' ? [] : [invalid(path, text, 'URL scheme must be https')]),
    ...(username || password ? [invalid(path, text, 'URL must not contain a username or password')] : []),
    ...(search ? [invalid(path, text, 'URL must not contain a query')] : []),
    ...(hash ? [invalid(path, text, 'URL must not contain a fragment')] : []),
  ];
}

function compiled(path: string, compile: () => unknown, expression: string): FieldError[] {
  try {
    compile();
    return [];
  } catch (error) {
    return [invalid(path, expression, (error as Error).message)];
  }
}

function validateClaimRules(rules: NonNullable<JwtIssuer['claimValidationRules']>, path: string): FieldError[] {
  const errors = rules.flatMap(({ claim, requiredValue, expression, message }, i): FieldError[] => {
    const where = at(path, i);
    if (claim && expression) return [invalid(where, claim, both)];
    if (claim)
      return message ? [invalid(child(where, 'message'), message, 'may not be specified when claim is set')] : [];
    if (!expression) return [required(where, neither)];
    return [
      ...(requiredValue
        ? [invalid(child(where, 'requiredValue'), requiredValue, 'may not be specified when expression is set')]
        : []),
      ...compiled(child(where, 'expression'), () => compileClaimRule(expression), expression),
    ];
  });
  return [
    ...errors,
    ...duplicates(rules.map(({ claim }, i) => [child(at(path, i), 'claim'), claim])),
    ...duplicates(rules.map(({ expression }, i) => [child(at(path, i), 'expression'), expression])),
  ];
}

function validateMappings(
  { username, groups, uid, extra = [] }: Partial<JwtIssuer['claimMappings']>,
  rules: NonNullable<JwtIssuer['claimValidationRules']>,
  path: string,
): FieldError[] {
  const errors = [
    ...validateMapping(username, child(path, 'username'), true),
    ...validateMapping(groups, child(path, 'groups'), false),
  ];
  const { expression: uidExpression } = uid ?? {};
  if (uid?.claim && uidExpression) errors.push(invalid(child(path, 'uid'), '', both));
  else if (uidExpression) {
    errors.push(...compiled(child(path, 'uid.expression'), () => compileClaimExpression(uidExpression), uidExpression));
  }
  for (const [i, { key = '', valueExpression }] of extra.entries()) {
    const where = at(child(path, 'extra'), i);
    errors.push(...validateExtraKey(key, child(where, 'key')));
    const valuePath = child(where, 'valueExpression');
    if (!valueExpression) errors.push(required(valuePath));
    else errors.push(...compiled(valuePath, () => compileClaimExpression(valueExpression), valueExpression));
  }
  errors.push(...duplicates(extra.map(({ key }, i) => [`${path}.extra[${i}].key`, key])));
  const uses = (claim: RegExp, expressions: readonly (string | undefined)[]) =>
    expressions.some((expression) => expression && claim.test(expression));
  const verifiers = [
    username?.expression,
    ...extra.map((one) => one.valueExpression),
    ...rules.map((one) => one.expression),
  ];
  if (uses(/\bclaims\.\??email\b/, [username?.expression]) && !uses(/\bclaims\.\??email_verified\b/, verifiers)) {
    const why =
      'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression';
    errors.push(invalid(child(path, 'username.expression'), username!.expression, why));
  }
  return errors;
}

function validateMapping(mapping: PrefixedClaim | undefined, path: string, isRequired: boolean): FieldError[] {
  const { claim, prefix, expression } = mapping ?? {};
  if (claim && expression) return [invalid(path, '', both)];
  if (expression) {
    return [
      ...(prefix === undefined
        ? []
        : [invalid(child(path, 'prefix'), prefix, 'may not be specified when expression is set')]),
      ...compiled(child(path, 'expression'), () => compileClaimExpression(expression), expression),
    ];
  }
  if (!claim) return isRequired ? [required(path, neither)] : [];
  if (prefix !== undefined) return [];
  const why = 'prefix is required when claim is set. It can be set to an empty string to disable prefixing';
  return [required(child(path, 'prefix'), why)];
}

function validateExtraKey(key: string, path: string): FieldError[] {
  if (!key) return [required(path)];
  const slash = key.indexOf('/');
  const domain = key.slice(0, Math.max(slash, 0));
  if (!domain || slash === key.length - 1 || qualifiedName(`${domain}/x`).length) {
    return [invalid(path, key, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const reserved = ['kubernetes.io', 'k8s.io'].some((name) => domain === name || domain.endsWith(`.${name}`));
  return [
    ...(key === key.toLowerCase() ? [] : [invalid(path, key, 'must be lowercase')]),
    ...(reserved
      ? [invalid(path, key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use')]
      : []),
  ];
}
