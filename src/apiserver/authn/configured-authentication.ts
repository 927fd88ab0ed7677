/** What an AuthenticationConfiguration file adds to a server's authenticators, also after it has been changed. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { createAnonymousAuthenticator } from './anonymous.ts';
import { readAuthenticationConfiguration } from './authentication-configuration.ts';
import type { Authenticator } from './authenticator.ts';
import { createTokenChain, type TokenAuthenticator } from './bearer-token.ts';
import { createOidcAuthenticator } from './oidc.ts';

/** How often the file is looked at, as upstream does. */
const reloadMs = 60_000;

export interface ConfiguredAuthentication {
  readonly tokens: TokenAuthenticator;
  readonly anonymous: Authenticator;
  /** Ends looking at the file. */
  stop(): void;
}

export interface ConfiguredAuthenticationOptions {
  /** The file's text; throws when it cannot be read. */
  read(): string;
  parse(text: string): unknown;
  /** Issuers that no file may speak for: the cluster's own. */
  readonly disallowedIssuers: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Authenticates by what the file says, and looks every minute whether it says something else; a file that is wrong then
 * is logged, and what was good before stays. Throws Error when it is wrong now.
 */
export function configuredAuthentication(options: ConfiguredAuthenticationOptions): ConfiguredAuthentication {
  const { clock, log } = options;
  let text = options.read();
  let current = load(options, text);
  const watch = clock.every(reloadMs, () => {
    try {
      const found = options.read();
      if (found === text) return;
      current = load(options, found);
      text = found;
      log.info('the authentication configuration was reloaded');
    } catch (error) {
      log.error('the authentication configuration could not be reloaded: what it said before stays', { error });
    }
  });
  return {
    tokens: {
      name: 'AuthenticationConfiguration',
      authenticateToken: (token, audiences) => current.tokens.authenticateToken(token, audiences),
    },
    anonymous: { name: 'Anonymous', authenticate: (request) => current.anonymous?.authenticate(request) },
    stop: () => watch.cancel(),
  };
}

function load({ parse, disallowedIssuers, clock, log }: ConfiguredAuthenticationOptions, text: string) {
  const { jwt = [], anonymous } = readAuthenticationConfiguration(parse(text), disallowedIssuers);
  const paths = anonymous?.conditions?.length ? anonymous.conditions.map((one) => one.path) : 'all';
  return {
    tokens: createTokenChain(
      jwt.map((issuer) => createOidcAuthenticator(issuer, clock)),
      log,
    ),
    anonymous: !anonymous
      ? createAnonymousAuthenticator()
      : anonymous.enabled
        ? createAnonymousAuthenticator(paths)
        : undefined,
  };
}
