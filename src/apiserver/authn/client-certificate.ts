/** Who the holder of a client certificate is: CN is the user, O the groups. */
import { createHash, X509Certificate } from 'node:crypto';
import { unauthorized } from '../../api/machinery/status.ts';
import { certificateSubject } from '../../base/certificate-reader.ts';
import type { Clock } from '../../base/clock.ts';
import { certificatesIn } from '../../base/pki.ts';
import type { AuthenticationRequest, Authenticator } from './authenticator.ts';

type PeerCertificate = NonNullable<AuthenticationRequest['peerCertificate']>;

const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyUsage = '2.5.29.37.0';

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

export interface CertificateCheckOptions {
  /** PEM bundle of the authorities; read on each call that has not been answered before, so that it may be replaced. */
  readonly authorities: () => string;
  /** Also takes what TLS has verified along intermediates: only where it knows these authorities and no other. */
  readonly chains: boolean;
  readonly clock: Clock;
}

/**
 * Tells whether a certificate was issued by one of the authorities for use by clients and is valid now. Several
 * authorities issue certificates for the same port (clients', the front proxy's), so each asks for its own.
 */
export function createCertificateCheck({
  authorities,
  chains,
  clock,
}: CertificateCheckOptions): (peer: PeerCertificate) => boolean {
  const known = new WeakMap<PeerCertificate, { bundle: string; from: number; to: number; ok: boolean }>();
  return (peer) => {
    const pem = authorities();
    let facts = known.get(peer);
    if (facts?.bundle !== pem) {
      // What TLS verified, it verified by the authorities that there were when the connection began.
      const verified = chains && !facts && peer.verified === true;
      facts = { bundle: pem, ...examine(peer.raw, pem, verified) };
      known.set(peer, facts);
    }
    const now = clock.now();
    return facts.ok && now >= facts.from && now <= facts.to;
  };
}

function examine(raw: Uint8Array, bundle: string, verified: boolean): { from: number; to: number; ok: boolean } {
  const leaf = new X509Certificate(raw);
  const usages = leaf.keyUsage as readonly string[] | undefined;
  const forClients = !usages || usages.includes(clientAuth) || usages.includes(anyUsage);
  const issuer = certificatesIn(bundle).find((ca) => leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
  const path = issuer ? [leaf, issuer] : [leaf];
  return {
    from: Math.max(...path.map((one) => one.validFromDate.getTime())),
    to: Math.min(...path.map((one) => one.validToDate.getTime())),
    ok: forClients && !leaf.ca && (issuer !== undefined || verified),
  };
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
