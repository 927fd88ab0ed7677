/** Requests that an authenticating proxy forwards, with the user in headers (upstream's --requestheader flags). */
import { createCertificateCheck } from '../../base/certificate-check.ts';
import type { Clock } from '../../base/clock.ts';
import type { Authenticator } from './authenticator.ts';
import { headersByPrefix, headerValues } from './headers.ts';

export interface FrontProxyOptions {
  /** PEM bundle of the front-proxy authority: never the one of the cluster's clients. */
  readonly ca: () => string;
  /** Common names that may act as a proxy; any of that authority's when empty. */
  readonly allowedNames?: readonly string[];
  readonly clock: Clock;
}

/** The user that the headers name, believed only of a holder of a certificate of the front-proxy authority. */
export function createFrontProxyAuthenticator(options: FrontProxyOptions): Authenticator {
  const isValid = createCertificateCheck({ authorities: options.ca, chains: false, clock: options.clock });
  const allowed = new Set(options.allowedNames);
  return {
    name: 'FrontProxy',
    authenticate(request) {
      const peer = request.peerCertificate;
      const [name] = headerValues(request, 'X-Remote-User');
      if (!name || !peer || !isValid(peer)) return undefined;
      if (allowed.size > 0 && !allowed.has(peer.commonName)) return undefined;
      const [uid] = headerValues(request, 'X-Remote-Uid');
      return {
        user: {
          name,
          groups: headerValues(request, 'X-Remote-Group'),
          ...(uid ? { uid } : {}),
          extra: headersByPrefix(request, 'X-Remote-Extra-'),
        },
      };
    },
  };
}
