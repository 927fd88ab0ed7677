/** Who makes the request, and as whom it is to be run. */
import type { TLSSocket } from 'node:tls';
import { unauthorized } from '../../api/machinery/status.ts';
import type { AuthenticationRequest, Authenticator } from '../authn/authenticator.ts';
import { peerCertificate } from '../authn/client-certificate.ts';
import { impersonate } from '../authn/impersonation.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { Exchange, Filter, HttpRequest } from './exchange.ts';

type Peer = AuthenticationRequest['peerCertificate'];

const peers = new WeakMap<object, { readonly peer: Peer }>();

/** The client certificate of a connection, read once. */
function peerOf(req: HttpRequest): Peer {
  const connection: object = 'stream' in req ? (req.stream.session ?? req.socket) : req.socket;
  const known = peers.get(connection);
  if (known) return known.peer;
  const socket = req.socket as Partial<TLSSocket>;
  const certificate = socket.getPeerCertificate?.();
  const peer = certificate?.raw ? peerCertificate(certificate.raw, socket.authorized) : undefined;
  peers.set(connection, { peer });
  return peer;
}

export function createAuthenticationFilter(authenticators: readonly Authenticator[]): Filter {
  return async (exchange) => {
    const { req } = exchange;
    const peer = peerOf(req);
    const request: AuthenticationRequest = {
      headers: req.headers,
      rawHeaders: req.rawHeaders,
      path: exchange.info.path,
      ...(peer ? { peerCertificate: peer } : {}),
      ...(req.socket.remoteAddress ? { remoteAddress: req.socket.remoteAddress } : {}),
    };
    for (const authenticator of authenticators) {
      const answered = authenticator.authenticate(request);
      const result = answered instanceof Promise ? await answered : answered;
      if (!result) continue;
      exchange.authentication = result;
      exchange.user = result.user;
      return;
    }
    throw unauthorized();
  };
}

/** Requests with Impersonate-User run as that user, where that is allowed. */
export function createImpersonationFilter(authorizer: Authorizer): Filter {
  return (exchange: Exchange) => {
    const { headers } = exchange.req;
    if (
      headers['impersonate-user'] === undefined &&
      headers['impersonate-group'] === undefined &&
      headers['impersonate-uid'] === undefined
    )
      return;
    return impersonate({ headers, rawHeaders: exchange.req.rawHeaders }, exchange.user, authorizer).then((user) => {
      if (!user) return;
      exchange.impersonator = exchange.user;
      exchange.user = user;
    });
  };
}
