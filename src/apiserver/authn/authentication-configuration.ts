/** The AuthenticationConfiguration file (apiserver.config.k8s.io/v1): OIDC issuers and anonymous access. */
import { type CelProgram, compileCel } from '../../api/cel/compile.ts';
import type { CelType } from '../../api/cel/types.ts';

export interface PrefixedClaim {
  readonly claim?: string;
  readonly prefix?: string;
  readonly expression?: string;
}

export interface JwtIssuer {
  readonly issuer: {
    readonly url: string;
    readonly discoveryURL?: string;
    readonly certificateAuthority?: string;
    readonly audiences: readonly string[];
    readonly audienceMatchPolicy?: 'MatchAny' | '';
  };
  readonly claimValidationRules?: readonly {
    readonly claim?: string;
    readonly requiredValue?: string;
    readonly expression?: string;
    readonly message?: string;
  }[];
  readonly claimMappings: {
    readonly username: PrefixedClaim;
    readonly groups?: PrefixedClaim;
    readonly uid?: { readonly claim?: string; readonly expression?: string };
    readonly extra?: readonly { readonly key: string; readonly valueExpression: string }[];
  };
  readonly userValidationRules?: readonly { readonly expression: string; readonly message?: string }[];
}

export interface AuthenticationConfiguration {
  readonly jwt?: readonly JwtIssuer[];
  readonly anonymous?: {
    readonly enabled: boolean;
    readonly conditions?: readonly { readonly path: string }[];
  };
}

/** What expressions over claims see, and over users. */
export const claimVariables: Readonly<Record<string, CelType>> = { claims: 'dyn' };
export const userVariables: Readonly<Record<string, CelType>> = {
  user: {
    object: 'authentication.UserInfo',
    fields: { username: 'string', uid: 'string', groups: { list: 'string' }, extra: { map: { list: 'string' } } },
  },
};

/** Compiles one of the configuration's expressions; the error names its field. */
export function compileClaimExpression(
  field: string,
  expression: string,
  about: 'claims' | 'user' = 'claims',
): CelProgram {
  try {
    return compileCel(expression, { variables: about === 'claims' ? claimVariables : userVariables });
  } catch (error) {
    throw new Error(`${field}: ${(error as Error).message}`);
  }
}

/** The configuration in a parsed file. Throws Error that names the field and what is wrong with it. */
export function readAuthenticationConfiguration(value: unknown): AuthenticationConfiguration {
  const {
    apiVersion = '',
    kind = '',
    ...configuration
  } = (value ?? {}) as Record<string, string> & AuthenticationConfiguration;
  if (kind !== 'AuthenticationConfiguration' || !/^apiserver\.config\.k8s\.io\/v1(beta1)?$/.test(apiVersion)) {
    throw new Error(
      `expected apiserver.config.k8s.io/v1, Kind=AuthenticationConfiguration, found ${apiVersion}, Kind=${kind}`,
    );
  }
  const seen = new Set<string>();
  for (const [i, jwt] of (configuration.jwt ?? []).entries()) {
    validateIssuer(`jwt[${i}]`, jwt);
    if (seen.has(jwt.issuer.url)) throw new Error(`jwt[${i}].issuer.url: Duplicate value: "${jwt.issuer.url}"`);
    seen.add(jwt.issuer.url);
  }
  const { anonymous } = configuration;
  if (anonymous && !anonymous.enabled && anonymous.conditions?.length) {
    throw new Error('anonymous.conditions: enabled should be set to true when conditions are defined');
  }
  return configuration;
}

function validateIssuer(path: string, { issuer, claimMappings, claimValidationRules = [] }: JwtIssuer): void {
  const bad = (field: string, why: string): never => {
    throw new Error(`${path}.${field}: ${why}`);
  };
  if (!issuer?.url || !URL.canParse(issuer.url)) bad('issuer.url', 'a URL is needed');
  if (new URL(issuer.url).protocol !== 'https:') bad('issuer.url', 'URL scheme must be https');
  if (issuer.discoveryURL && !issuer.discoveryURL.startsWith('https://'))
    bad('issuer.discoveryURL', 'URL scheme must be https');
  if (!issuer.audiences?.length) bad('issuer.audiences', 'at least one jwt[*].issuer.audiences is required');
  if (issuer.audiences.length > 1 && issuer.audienceMatchPolicy !== 'MatchAny') {
    bad('issuer.audienceMatchPolicy', 'must be MatchAny for multiple audiences');
  }
  const { username, groups, uid } = claimMappings ?? {};
  if (!username || (!username.claim && !username.expression))
    bad('claimMappings.username', 'claim or expression is required');
  for (const [name, mapping] of Object.entries({ username, groups })) {
    if (mapping?.claim && mapping.expression) bad(`claimMappings.${name}`, 'claim and expression can not both be set');
    if (mapping?.claim && mapping.prefix === undefined) {
      bad(
        `claimMappings.${name}.prefix`,
        'prefix is required when claim is set. It can be set to an empty string to disable prefixing',
      );
    }
  }
  if (uid?.claim && uid.expression) bad('claimMappings.uid', 'claim and expression can not both be set');
  for (const [i, rule] of claimValidationRules.entries()) {
    if (!rule.claim === !rule.expression)
      bad(`claimValidationRules[${i}]`, 'claim or expression is required, and not both');
  }
  const expressions = [
    username!.expression,
    ...claimValidationRules.map((rule) => rule.expression),
    ...(claimMappings.extra ?? []).map((extra) => extra.valueExpression),
  ];
  const mentions = (pattern: RegExp) =>
    expressions.some((expression) => expression !== undefined && pattern.test(expression));
  if (username!.expression && /\bclaims\.email\b(?!_)/.test(username!.expression) && !mentions(/\bemail_verified\b/)) {
    bad(
      'claimMappings.username.expression',
      'claims.email_verified must be used in the expression when claims.email is used',
    );
  }
}
