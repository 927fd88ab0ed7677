/** Signing and verifying the JSON web tokens of service accounts, and publishing the keys (OIDC discovery). */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { Clock } from '../../base/clock.ts';
import { TokenError } from './bearer-token.ts';

export interface ServiceAccountSignerOptions {
  /** `iss` of new tokens, and of those accepted; further ones are accepted too (change of issuer). */
  readonly issuers: readonly [string, ...string[]];
  /** PEM private key (P-256, P-384 or RSA) that signs. */
  readonly key: string;
  /** PEM public keys of earlier signers whose tokens are still good. */
  readonly previousKeys?: readonly string[];
  readonly clock: Clock;
}

interface PublishedKey {
  readonly id: string;
  readonly algorithm: string;
  readonly key: KeyObject;
}

export interface ServiceAccountSigner {
  readonly issuer: string;
  sign(claims: JWTPayload): Promise<string>;
  /** The claims of a token that one of the keys has signed. Throws TokenError; undefined for another issuer's token. */
  verify(token: string): Promise<JWTPayload | undefined>;
  /** The JSON Web Key Set, as /openid/v1/jwks serves it. */
  jwks(): { keys: object[] };
  /** The OIDC discovery document, as /.well-known/openid-configuration serves it. */
  openidConfiguration(jwksUri: string): object;
}

const legacyIssuer = 'kubernetes/serviceaccount';
const rememberedTokens = 4096;

/** How far the clocks of several servers may be apart. */
const skewMs = 60_000;

const jose = () => import('jose');

function published(key: KeyObject): PublishedKey {
  const spki = key.export({ type: 'spki', format: 'der' });
  const id = createHash('sha256').update(spki).digest('base64url');
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'rsa') return { id, key, algorithm: 'RS256' };
  if (curve === 'prime256v1') return { id, key, algorithm: 'ES256' };
  if (curve === 'secp384r1') return { id, key, algorithm: 'ES384' };
  if (curve === 'secp521r1') return { id, key, algorithm: 'ES512' };
  throw new Error(`service-account keys must be RSA or ECDSA on P-256, P-384 or P-521, not ${key.asymmetricKeyType}`);
}

/** A signer with its keys parsed. The JWT library is loaded when the first token is made or read. */
export function createServiceAccountSigner(options: ServiceAccountSignerOptions): ServiceAccountSigner {
  const privateKey = createPrivateKey(options.key);
  const current = published(createPublicKey(privateKey));
  const keys = [current, ...(options.previousKeys ?? []).map((pem) => published(createPublicKey(pem)))];
  const issuers = new Set<string>([...options.issuers, legacyIssuer]);
  // Signatures do not change; times and the objects a token is bound to are looked at each time.
  const verified = new Map<string, JWTPayload>();

  async function verifySignature(token: string): Promise<JWTPayload | undefined> {
    const { decodeJwt, decodeProtectedHeader, compactVerify } = await jose();
    let claims: JWTPayload;
    let header: { kid?: string; alg?: string };
    try {
      claims = decodeJwt(token);
      header = decodeProtectedHeader(token);
    } catch {
      return undefined;
    }
    if (!issuers.has(claims.iss ?? '')) return undefined;
    const candidates = keys.filter(
      (key) => key.algorithm === header.alg && (header.kid === undefined || header.kid === key.id),
    );
    for (const candidate of candidates) {
      try {
        await compactVerify(token, candidate.key, { algorithms: [candidate.algorithm] });
        return claims;
      } catch {
        // Another key may have signed it.
      }
    }
    throw new TokenError('the token is not signed by a key of this cluster');
  }

  return {
    issuer: options.issuers[0],
    async sign(claims) {
      const { SignJWT } = await jose();
      return new SignJWT(claims).setProtectedHeader({ alg: current.algorithm, kid: current.id }).sign(privateKey);
    },
    async verify(token) {
      let claims = verified.get(token);
      if (!claims) {
        claims = await verifySignature(token);
        if (!claims) return undefined;
        if (verified.size >= rememberedTokens) verified.delete(verified.keys().next().value!);
        verified.set(token, claims);
      }
      const now = options.clock.now();
      if (claims.exp !== undefined && now >= claims.exp * 1000) {
        verified.delete(token);
        throw new TokenError('the token has expired');
      }
      if (claims.exp === undefined && claims.iss !== legacyIssuer) throw new TokenError('the token has no expiry');
      if (claims.nbf !== undefined && now + skewMs < claims.nbf * 1000) {
        throw new TokenError('the token is not valid yet');
      }
      return claims;
    },
    jwks: () => ({
      keys: keys.map(({ id, algorithm, key }) => ({
        use: 'sig',
        ...key.export({ format: 'jwk' }),
        kid: id,
        alg: algorithm,
      })),
    }),
    openidConfiguration: (jwksUri) => ({
      issuer: options.issuers[0],
      jwks_uri: jwksUri,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [...new Set(keys.map((key) => key.algorithm))].sort(),
    }),
  };
}
