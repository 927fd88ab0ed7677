/** What an AuthenticationConfiguration file adds to a server's authenticators. */
import type { Clock } from '../../base/clock.ts';
import { readAuthenticationConfiguration } from './authentication-configuration.ts';
import type { AuthenticationOptions } from './authenticators.ts';
import { createOidcAuthenticator } from './oidc.ts';

/** Options for createAuthentication from a parsed file. Throws Error that names the field and what is wrong with it. */
export function configuredAuthentication(
  value: unknown,
  clock: Clock,
): Pick<AuthenticationOptions, 'furtherTokens' | 'anonymous'> {
  const { jwt = [], anonymous } = readAuthenticationConfiguration(value);
  return {
    furtherTokens: jwt.map((issuer, i) => createOidcAuthenticator(issuer, `jwt[${i}]`, clock)),
    ...(anonymous
      ? { anonymous: anonymous.enabled ? (anonymous.conditions?.map((one) => one.path) ?? 'all') : false }
      : {}),
  };
}
