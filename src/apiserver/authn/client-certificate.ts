/** Who the holder of a client certificate is: CN is the user, O the groups. */
import { createHash } from 'node:crypto';
import { unauthorized } from '../../api/machinery/status.ts';
import { createCertificateCheck } from '../../base/certificate-check.ts';
import { certificateSubject } from '../../base/certificate-reader.ts';
import type { Clock } from '../../base/clock.ts';
import type { AuthenticationRequest, Authenticator } from './authenticator.ts';

type PeerCertificate = NonNullable<AuthenticationRequest['peerCertificate']>;

/**
 * The certificate of a TLS peer as authenticators want it; undefined when the bytes are not a certificate. The server
 * makes it once per connection and gives the same object to each request on it, so that checking it is remembered.
 */
export function peerCertificate(raw: Uint8Array, verified = false): PeerCertificate | undefined {
  try {
    const subject = certificateSubject(raw);
    return {
      commonName: subject.commonName,
      organizations: subject.organizations,
      ...(subject.uid === undefined ? {} : { uid: subject.uid }),
      raw,
      verified,
    };
  } catch {
    return undefined;
  }
}

/** Authenticates by client certificate; certificates of other authorities are left to others. */
export function createClientCertificateAuthenticator(options: {
  /** PEM bundle of the authorities whose certificates name users. */
  clientCa: () => string;
  clock: Clock;
}): Authenticator {
  const isValid = createCertificateCheck({ authorities: options.clientCa, chains: true, clock: options.clock });
  const credentialIds = new WeakMap<PeerCertificate, string>();
  return {
    name: 'ClientCertificate',
    authenticate({ peerCertificate: peer }) {
      if (!peer || !isValid(peer)) return undefined;
      if (!peer.commonName) throw unauthorized();
      let id = credentialIds.get(peer);
      if (!id) {
        id = `X509SHA256=${createHash('sha256').update(peer.raw).digest('hex')}`;
        credentialIds.set(peer, id);
      }
      return {
        user: {
          name: peer.commonName,
          groups: peer.organizations,
          ...(peer.uid ? { uid: peer.uid } : {}),
          extra: { 'authentication.kubernetes.io/credential-id': [id] },
        },
      };
    },
  };
}
