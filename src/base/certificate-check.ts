/** Whether a certificate that a TLS client showed is one of ours. */
import { X509Certificate } from 'node:crypto';
import type { Clock } from './clock.ts';
import { certificatesIn } from './pki.ts';

/** A client's certificate; the same object for each request of a connection, so that checking it is remembered. */
export interface ClientCertificate {
  /** DER. */
  readonly raw: Uint8Array;
  /** TLS has verified that it leads, by what the peer sent with it, to an authority that the port trusts. */
  readonly verified?: boolean;
}

export interface CertificateCheckOptions {
  /** PEM bundle of the authorities; read on each call that has not been answered before, so that it may be replaced. */
  readonly authorities: () => string;
  /** Also takes what TLS has verified along intermediates: only where the port trusts these authorities and no other. */
  readonly chains: boolean;
  readonly clock: Clock;
}

const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyUsage = '2.5.29.37.0';

/**
 * Tells whether a certificate was issued by one of the authorities for use by clients and is valid now. Several
 * authorities issue certificates for the same port (clients', the front proxy's), so each asks for its own. TLS alone
 * does not do: OpenSSL takes no intermediate for an authority, and Node.js does not say which one a chain leads to.
 */
export function createCertificateCheck({
  authorities,
  chains,
  clock,
}: CertificateCheckOptions): (peer: ClientCertificate) => boolean {
  const known = new WeakMap<ClientCertificate, { bundle: string; from: number; to: number; ok: boolean }>();
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
