/** The authenticators of a server, in upstream's order. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import { createAnonymousAuthenticator } from './anonymous.ts';
import { createAuthenticationChain } from './authentication-chain.ts';
import type { Authenticator } from './authenticator.ts';
import { createBearerAuthenticator, createTokenChain, forAudiences, type TokenAuthenticator } from './bearer-token.ts';
import { createBootstrapTokenAuthenticator } from './bootstrap-token.ts';
import { createClientCertificateAuthenticator } from './client-certificate.ts';
import { createFrontProxyAuthenticator } from './front-proxy.ts';
import type { ServiceAccountSigner } from './service-account-signer.ts';
import { createServiceAccountAuthenticator } from './service-account-tokens.ts';
import { createTokenFileAuthenticator } from './token-file.ts';

export interface AuthenticationOptions {
  /** As the API server itself; may be on a deferred transport. */
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** PEM bundles; functions, so that they can be replaced while running. */
  readonly clientCa?: () => string;
  readonly frontProxy?: { readonly ca: () => string; readonly allowedNames?: readonly string[] };
  readonly serviceAccounts?: ServiceAccountSigner;
  readonly apiAudiences: readonly string[];
  /** Join tokens; on by default. */
  readonly bootstrapTokens?: boolean;
  /** Contents of a --token-auth-file. */
  readonly tokenFile?: string;
  /** Token webhooks and OIDC issuers. */
  readonly furtherTokens?: readonly TokenAuthenticator[];
  /** Requests without credentials: those for health by default. */
  readonly anonymous?: Authenticator;
}

export interface Authentication {
  /** Answers every request or throws 401. */
  readonly authenticator: Authenticator;
  /** What TokenReview asks. */
  readonly tokens: TokenAuthenticator;
}

/** Puts together the authenticators that the options ask for. */
export function createAuthentication(options: AuthenticationOptions): Authentication {
  const { client, clock, log, apiAudiences } = options;
  const tokens = createTokenChain(
    [
      ...(options.tokenFile ? [forAudiences(createTokenFileAuthenticator(options.tokenFile), apiAudiences)] : []),
      ...(options.serviceAccounts
        ? [createServiceAccountAuthenticator({ signer: options.serviceAccounts, client, clock, apiAudiences })]
        : []),
      ...(options.bootstrapTokens === false
        ? []
        : [forAudiences(createBootstrapTokenAuthenticator({ client, clock }), apiAudiences)]),
      ...(options.furtherTokens ?? []),
    ],
    log,
  );
  const authenticators: Authenticator[] = [
    ...(options.frontProxy ? [createFrontProxyAuthenticator({ ...options.frontProxy, clock })] : []),
    ...(options.clientCa ? [createClientCertificateAuthenticator({ clientCa: options.clientCa, clock })] : []),
    createBearerAuthenticator(tokens, apiAudiences),
  ];
  const anonymous = options.anonymous ?? createAnonymousAuthenticator();
  return { authenticator: createAuthenticationChain(authenticators, anonymous), tokens };
}
