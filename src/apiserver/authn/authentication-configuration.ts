/** The AuthenticationConfiguration file (apiserver.config.k8s.io/v1): OIDC issuers and anonymous access. */
import { fieldErrorMessage } from '../../api/machinery/field-error.ts';
import { validateAuthenticationConfiguration } from './authentication-validation.ts';

export interface PrefixedClaim {
  readonly claim?: string;
  readonly prefix?: string;
  readonly expression?: string;
}

export interface JwtIssuer {
  readonly issuer: {
    readonly url: string;
    /** Where the discovery document is, when it is not below the URL. */
    readonly discoveryURL?: string;
    /** PEM bundle; the system's authorities without. */
    readonly certificateAuthority?: string;
    readonly audiences: readonly string[];
    readonly audienceMatchPolicy?: 'MatchAny' | '';
    /** Taken and without effect: there is one way out, the server's own network. */
    readonly egressSelectorType?: 'controlplane' | 'cluster' | '';
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

/**
 * The configuration in a parsed file. `disallowedIssuers` are those that others answer for: the cluster's own. Throws
 * Error that names each field that is wrong, and why.
 */
export function readAuthenticationConfiguration(
  value: unknown,
  disallowedIssuers: readonly string[] = [],
): AuthenticationConfiguration {
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
  const errors = validateAuthenticationConfiguration(configuration, disallowedIssuers);
  if (errors.length) throw new Error(errors.map(fieldErrorMessage).join('; '));
  return configuration;
}
