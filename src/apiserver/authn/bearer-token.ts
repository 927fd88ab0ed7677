/** Authenticators of bearer tokens, and what they have in common. */
import type { StatusError } from '../../api/machinery/status.ts';
import { unauthorized } from '../../api/machinery/status.ts';
import type { Logger } from '../../base/log.ts';
import type { AuthenticationRequest, AuthenticationResult, Authenticator } from './authenticator.ts';

/**
 * Knows one kind of token. `audiences` are those the asker accepts; a token for none of them is refused. undefined: not
 * this kind; throws TokenError for a bad token of this kind.
 */
export interface TokenAuthenticator {
  readonly name: string;
  authenticateToken(token: string, audiences: readonly string[]): Promise<AuthenticationResult | undefined>;
}

/** Why a token is refused. The reason is logged and never told to the caller; it never contains the token. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

const protocolPrefix = 'base64url.bearer.authorization.k8s.io.';

/** The token of the Authorization header or, for WebSockets from browsers, of the sub-protocol list. */
export function bearerToken(request: AuthenticationRequest): string | undefined {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const [scheme, token, ...rest] = header.trim().split(' ');
    if (scheme?.toLowerCase() === 'bearer') return token && rest.length === 0 ? token : undefined;
  }
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') return undefined;
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim());
  const carried = protocols.filter((p) => p.startsWith(protocolPrefix));
  // A connection with nothing but the token's own protocol would have that protocol agreed on, and so echoed.
  if (carried.length !== 1 || protocols.length < 2) return undefined;
  const encoded = carried[0]!.slice(protocolPrefix.length);
  return /^[A-Za-z0-9_-]+$/.test(encoded) ? Buffer.from(encoded, 'base64url').toString() : undefined;
}

/** A sub-protocol list without the token: what may be passed on to others. undefined when nothing else is left. */
export function withoutBearerProtocol(protocols: string): string | undefined {
  const kept = protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '' && !protocol.startsWith(protocolPrefix));
  return kept.length ? kept.join(', ') : undefined;
}

/** Asks one after the other; the first that knows the token decides. */
export function createTokenChain(authenticators: readonly TokenAuthenticator[], log: Logger): TokenAuthenticator {
  return {
    name: 'Tokens',
    async authenticateToken(token, audiences) {
      for (const authenticator of authenticators) {
        try {
          const result = await authenticator.authenticateToken(token, audiences);
          if (result) return result;
        } catch (error) {
          if (!(error instanceof TokenError)) {
            log.warn('a token authenticator failed', { authenticator: authenticator.name, error });
          } else log.debug('a token was refused', { authenticator: authenticator.name, reason: error.message });
        }
      }
      return undefined;
    },
  };
}

/** Makes tokens that know no audience good for those of the API server, and for nobody else. */
export function forAudiences(authenticator: TokenAuthenticator, apiAudiences: readonly string[]): TokenAuthenticator {
  return {
    name: authenticator.name,
    async authenticateToken(token, audiences) {
      const agreed = audiences.filter((audience) => apiAudiences.includes(audience));
      if (agreed.length === 0) return undefined;
      const result = await authenticator.authenticateToken(token, agreed);
      return result && { ...result, audiences: agreed };
    },
  };
}

/** Authenticates requests by their bearer token; a token that nobody knows is refused, never ignored. */
export function createBearerAuthenticator(tokens: TokenAuthenticator, audiences: readonly string[]): Authenticator {
  return {
    name: 'BearerToken',
    async authenticate(request) {
      const token = bearerToken(request);
      if (token === undefined) {
        if (request.headers.authorization?.trim().toLowerCase().startsWith('bearer')) throw invalidToken();
        return undefined;
      }
      const result = await tokens.authenticateToken(token, audiences);
      if (!result) throw invalidToken();
      return result;
    },
  };
}

const invalidToken = (): StatusError => unauthorized('Unauthorized');
