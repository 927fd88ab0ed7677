import type { IncomingHttpHeaders } from 'node:http';
import type { UserInfo } from '../user.ts';

/** What authenticators may look at. */
export interface AuthenticationRequest {
  readonly headers: IncomingHttpHeaders;
  /** Names and values alternating, as node:http gives them: there several values of one header stay apart. */
  readonly rawHeaders?: readonly string[];
  readonly path: string;
  /** The verified client certificate's subject and its DER, when one was given. */
  readonly peerCertificate?: {
    readonly commonName: string;
    readonly organizations: readonly string[];
    readonly uid?: string;
    readonly raw: Uint8Array;
    /** TLS has verified that it leads, by what the peer sent with it, to an authority of clients. */
    readonly verified?: boolean;
  };
  readonly remoteAddress?: string;
}

/** undefined: not my kind of credential, ask the next; throws StatusError 401 for a bad credential of my kind. */
export interface Authenticator {
  readonly name: string;
  authenticate(
    request: AuthenticationRequest,
  ): Promise<AuthenticationResult | undefined> | AuthenticationResult | undefined;
}

export interface AuthenticationResult {
  readonly user: UserInfo;
  readonly audiences?: readonly string[];
}
