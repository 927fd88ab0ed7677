/**
 * Certificates and keys: the authorities of a cluster, what they issue, and reading what others present. ECDSA P-256
 * throughout, made synchronously in a fraction of a millisecond, so that a cluster's whole PKI costs a boot almost
 * nothing. Times are given by the caller (milliseconds since the epoch).
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import {
  type CertificateSubject,
  certificateKeyIdentifier,
  certificateSubjectDer,
  nameOids,
} from './certificate-reader.ts';
import {
  derBits,
  derContext,
  derElement,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derTime,
  derTrue,
  derUtf8,
} from './der.ts';
import { ipToBytes } from './ip-bytes.ts';
import { fromPem, toPem } from './pem.ts';

/** A certificate and its private key, both PEM. The certificate may be followed by its chain. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

export type ExtendedKeyUsage =
  | 'serverAuth'
  | 'clientAuth'
  | 'codeSigning'
  | 'emailProtection'
  | 'timeStamping'
  | 'ocspSigning';

export type KeyUsage =
  | 'digitalSignature'
  | 'contentCommitment'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'certSign'
  | 'crlSign'
  | 'encipherOnly'
  | 'decipherOnly';

export interface CertificateRequestOptions {
  readonly subject: CertificateSubject;
  readonly usages: readonly ExtendedKeyUsage[];
  /** digitalSignature alone by default: what an ECDSA key does in TLS. */
  readonly keyUsages?: readonly KeyUsage[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly uris?: readonly string[];
  readonly emails?: readonly string[];
  /** For an authority below the one that signs; what it is used for is then to sign. */
  readonly authority?: boolean;
  readonly notBefore: number;
  readonly notAfter: number;
}

const extendedKeyUsageOids: Readonly<Record<ExtendedKeyUsage, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
};

const keyUsageBits: Readonly<Record<KeyUsage, number>> = {
  digitalSignature: 0,
  contentCommitment: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  certSign: 5,
  crlSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
};

const day = 24 * 60 * 60 * 1000;

/** How far before its making a certificate begins, for peers whose clocks are behind. */
export const clockSkewMs: number = 5 * 60 * 1000;
/** kubeadm's life times: ten years for an authority, one for what it issues. */
export const authorityLifetimeMs: number = 3650 * day;
export const certificateLifetimeMs: number = 365 * day;

/** A new P-256 key pair as PEM (PKCS #8 and SPKI): for certificates, and for signing service-account tokens. */
export function generateKeys(): { key: string; publicKey: string } {
  const pair = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { key: pair.privateKey, publicKey: pair.publicKey };
}

/** A self-signed authority. */
export const createAuthority = (commonName: string, now: number, lifetimeMs = authorityLifetimeMs): CertificateAndKey =>
  selfSigned(encodeName({ commonName }), { notBefore: now - clockSkewMs, notAfter: now + lifetimeMs });

/**
 * Certificates with the names of those in a bundle and keys that nobody has, as PEM. Among the authorities of a TLS server
 * they make clients send certificates of the real ones, which TLS then does not verify: that is left to who asks.
 */
export function namesakes(bundle: string): string {
  const made = certificatesIn(bundle).map(({ raw, validFromDate, validToDate }) =>
    selfSigned(certificateSubjectDer(raw), { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() }),
  );
  return made.map(({ cert }) => cert).join('');
}

function selfSigned(
  name: Uint8Array,
  { notBefore, notAfter }: Pick<CertificateRequestOptions, 'notBefore' | 'notAfter'>,
): CertificateAndKey {
  const { key, publicKey } = generateKeys();
  const spki = createPublicKey(publicKey).export({ type: 'spki', format: 'der' });
  const tbs = encodeTbs({
    issuer: name,
    subject: name,
    spki,
    signatureAlgorithm: signatureAlgorithmOf(key),
    notBefore,
    notAfter,
    extensions: authorityExtensions(spki),
  });
  return { cert: signed(tbs, key), key };
}

/** Makes a key and a certificate for it, which is followed by what leads from it to the authority's root. */
export function issueCertificate(authority: CertificateAndKey, options: CertificateRequestOptions): CertificateAndKey {
  const { key, publicKey } = generateKeys();
  return { cert: certifyKey(authority, publicKey, options) + chainBelowRoot(authority.cert), key };
}

/** The certificates of a PEM text, in order. Throws Error when one is not readable. */
export const certificatesIn = (pem: string): X509Certificate[] =>
  fromPem('CERTIFICATE', pem).map((der) => new X509Certificate(der));

/** What those need who know only the root: the authority itself and those above it, without the root. */
function chainBelowRoot(bundle: string): string {
  const all = certificatesIn(bundle);
  const chain: X509Certificate[] = [];
  for (let at = all[0]; at && !at.checkIssued(at) && !chain.includes(at); at = all.find((ca) => at!.checkIssued(ca))) {
    chain.push(at);
  }
  return chain.map((ca) => ca.toString()).join('');
}

/**
 * A certificate for somebody else's public key (SPKI, PEM or DER), as PEM: what the signers of
 * CertificateSigningRequests issue. Ends no later than the authority itself.
 */
export function certifyKey(
  authority: CertificateAndKey,
  publicKey: string | Uint8Array,
  options: CertificateRequestOptions,
): string {
  const ca = new X509Certificate(authority.cert);
  const caKeyId = certificateKeyIdentifier(ca.raw);
  const spki = (
    typeof publicKey === 'string'
      ? createPublicKey(publicKey)
      : createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  ).export({ type: 'spki', format: 'der' });
  const { usages, keyUsages = ['digitalSignature'] } = options;
  const extensions = [
    ...(options.authority
      ? authorityExtensions(spki)
      : [extension('2.5.29.15', true, keyUsageValue(keyUsages)), extension('2.5.29.19', true, derSequence())]),
    ...(usages.length
      ? [extension('2.5.29.37', false, derSequence(...usages.map((u) => derOid(extendedKeyUsageOids[u]))))]
      : []),
    // Verifiers compare it with what the authority says of itself, so one that says nothing is not pointed at.
    ...(caKeyId ? [extension('2.5.29.35', false, derSequence(derContext(0, caKeyId, false)))] : []),
  ];
  const names = alternativeNames(options);
  if (names.length) extensions.push(extension('2.5.29.17', false, derSequence(...names)));
  const tbs = encodeTbs({
    issuer: certificateSubjectDer(ca.raw),
    subject: encodeName(options.subject),
    spki,
    signatureAlgorithm: signatureAlgorithmOf(authority.key),
    notBefore: options.notBefore,
    notAfter: Math.min(options.notAfter, ca.validToDate.getTime()),
    extensions,
  });
  return signed(tbs, authority.key);
}

/** A certificate signing request (PKCS #10, PEM) for a key: what a joining node sends. */
export function createCertificateRequest(
  key: string,
  options: Pick<CertificateRequestOptions, 'subject' | 'dnsNames' | 'ipAddresses'>,
): string {
  const names = alternativeNames(options);
  const attributes = names.length
    ? derSequence(
        derOid('1.2.840.113549.1.9.14'),
        derSet(derSequence(extension('2.5.29.17', false, derSequence(...names)))),
      )
    : Buffer.alloc(0);
  const info = derSequence(
    derInteger(Uint8Array.of(0)),
    encodeName(options.subject),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    derContext(0, attributes),
  );
  const request = derSequence(info, signatureAlgorithmOf(key), derBits(sign('sha256', info, key)));
  return toPem('CERTIFICATE REQUEST', request);
}

/** What decides about a certificate's use and renewal. */
export interface CertificateFacts {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isAuthority: boolean;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}

/** The facts of the first certificate of a PEM text (or of DER). */
export function certificateFacts(cert: string | Uint8Array): CertificateFacts {
  const x509 = new X509Certificate(cert);
  return {
    notBefore: x509.validFromDate.getTime(),
    notAfter: x509.validToDate.getTime(),
    isAuthority: x509.ca,
    fingerprint: createHash('sha256').update(x509.raw).digest('hex'),
  };
}

/** Whether a certificate has used up 80 % of its life (or is not valid at all): time to issue its successor. */
export function isDueForRenewal(cert: string, now: number): boolean {
  const { notBefore, notAfter } = certificateFacts(cert);
  return now < notBefore || now >= notBefore + 0.8 * (notAfter - notBefore);
}

/** The pin of an authority's public key as kubeadm writes it: `sha256:` and the SPKI's digest. */
export function publicKeyPin(cert: string): string {
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}

/** Whether a certificate was signed by the authority's key. */
export function isIssuedBy(cert: string | Uint8Array, authority: string): boolean {
  const ca = new X509Certificate(authority);
  const leaf = new X509Certificate(cert);
  return leaf.checkIssued(ca) && leaf.verify(ca.publicKey);
}

/** Whether a private key belongs to a certificate. */
export function matchesKey(cert: string, key: string): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}

const authorityExtensions = (spki: Uint8Array): Buffer[] => [
  extension('2.5.29.15', true, keyUsageValue(['digitalSignature', 'keyEncipherment', 'certSign'])),
  extension('2.5.29.19', true, derSequence(derTrue)),
  extension('2.5.29.14', false, derOctets(keyIdentifier(spki))),
];

function encodeName(subject: CertificateSubject): Buffer {
  const attribute = (oid: string, value: string) => derSequence(derOid(oid), derUtf8(value));
  const organizations = (subject.organizations ?? []).map((o) => attribute(nameOids.organization, o));
  return derSequence(
    // Several values of one type form one set, whose elements DER sorts by their bytes.
    ...(organizations.length ? [derSet(...organizations.sort(Buffer.compare))] : []),
    derSet(attribute(nameOids.commonName, subject.commonName)),
    ...(subject.uid ? [derSet(attribute(nameOids.uid, subject.uid))] : []),
  );
}

function alternativeNames(
  options: Pick<CertificateRequestOptions, 'dnsNames' | 'ipAddresses' | 'uris' | 'emails'>,
): Buffer[] {
  return [
    ...(options.emails ?? []).map((email) => derContext(1, Buffer.from(email), false)),
    ...(options.dnsNames ?? []).map((name) => derContext(2, Buffer.from(name), false)),
    ...(options.uris ?? []).map((uri) => derContext(6, Buffer.from(uri), false)),
    ...(options.ipAddresses ?? []).map((ip) => {
      if (!isIP(ip)) throw new TypeError(`${JSON.stringify(ip)} is not an IP address`);
      return derContext(7, ipToBytes(ip), false);
    }),
  ];
}

function keyUsageValue(usages: readonly KeyUsage[]): Buffer {
  const bits = usages.map((usage) => keyUsageBits[usage]);
  const highest = Math.max(...bits);
  const bytes = new Uint8Array((highest >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3]! |= 0x80 >> (bit & 7);
  return derBits(bytes, 7 - (highest & 7));
}

const keyIdentifier = (spki: Uint8Array): Buffer => createHash('sha256').update(spki).digest().subarray(0, 20);

const extension = (oid: string, critical: boolean, value: Uint8Array): Buffer =>
  derSequence(derOid(oid), ...(critical ? [derTrue] : []), derOctets(value));

function signatureAlgorithmOf(key: string): Buffer {
  const type = createPrivateKey(key).asymmetricKeyType;
  if (type === 'ec') return derSequence(derOid('1.2.840.10045.4.3.2'));
  if (type === 'rsa') return derSequence(derOid('1.2.840.113549.1.1.11'), derElement(0x05));
  throw new TypeError(`cannot sign certificates with a key of type ${type}: use ECDSA or RSA`);
}

function encodeTbs(t: {
  issuer: Uint8Array;
  subject: Uint8Array;
  spki: Uint8Array;
  signatureAlgorithm: Uint8Array;
  notBefore: number;
  notAfter: number;
  extensions: readonly Uint8Array[];
}): Buffer {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return derSequence(
    derContext(0, derInteger(Uint8Array.of(2))),
    derInteger(serial),
    t.signatureAlgorithm,
    t.issuer,
    derSequence(derTime(t.notBefore), derTime(t.notAfter)),
    t.subject,
    t.spki,
    derContext(3, derSequence(...t.extensions)),
  );
}

function signed(tbs: Buffer, key: string): string {
  return toPem('CERTIFICATE', derSequence(tbs, signatureAlgorithmOf(key), derBits(sign('sha256', tbs, key))));
}
