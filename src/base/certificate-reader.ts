/** Reading certificates and signing requests that others made: their names decide who somebody is, so reading is strict. */
import { createPublicKey, verify } from 'node:crypto';
import { DerError, type DerNode, derChildren, derTag, readDer, readDerString, readOid } from './der.ts';
import { bytesToIp } from './ip-bytes.ts';
import { fromPem } from './pem.ts';

/** A distinguished name as Kubernetes uses it: the user is the CN, the groups are the Os. */
export interface CertificateSubject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** The user's UID, in the attribute that upstream reads it from (1.3.6.1.4.1.57683.2). */
  readonly uid?: string;
}

/** Attribute types of names. */
export const nameOids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  uid: '1.3.6.1.4.1.57683.2',
} as const;

/** The names in a subjectAltName extension. */
export interface AlternativeNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
}

/** A PKCS #10 request, whose signature has been checked. */
export interface CertificateRequest extends AlternativeNames {
  readonly subject: CertificateSubject & { readonly organizations: readonly string[] };
  /** SPKI, DER. */
  readonly publicKey: Uint8Array;
  /** `ec`, `rsa`, `ed25519`. */
  readonly keyType: string;
}

const signatureDigests: Readonly<Record<string, string | null>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.3.101.112': null,
};

const oidExtensionRequest = '1.2.840.113549.1.9.14';
const oidAlternativeNames = '2.5.29.17';

/** The CN, Os and UID of an encoded name. The last of several CNs counts, as in Go. */
export function readSubject(name: DerNode): CertificateSubject & { organizations: readonly string[] } {
  let commonName = '';
  let uid: string | undefined;
  const organizations: string[] = [];
  for (const set of derChildren(name, derTag.sequence)) {
    for (const attribute of derChildren(set, derTag.set)) {
      const [type, value] = derChildren(attribute, derTag.sequence);
      if (!type || !value) throw new DerError('a name attribute has no value');
      const oid = readOid(type);
      if (oid === nameOids.commonName) commonName = readDerString(value);
      else if (oid === nameOids.organization) organizations.push(readDerString(value));
      else if (oid === nameOids.uid) {
        if (uid !== undefined) throw new DerError('a name has several UIDs');
        uid = readDerString(value);
      }
    }
  }
  return { commonName, organizations, ...(uid === undefined ? {} : { uid }) };
}

function tbsFields(raw: Uint8Array): DerNode[] {
  const [tbs] = derChildren(readDer(raw), derTag.sequence);
  if (!tbs) throw new DerError('not a certificate');
  const fields = derChildren(tbs, derTag.sequence);
  // The version is explicit from v2 on and absent in v1.
  return fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
}

function tbsField(raw: Uint8Array, index: number): DerNode {
  const field = tbsFields(raw)[index];
  if (!field) throw new DerError('not a certificate');
  return field;
}

/** The encoded subject of a certificate (DER), as an issuer's name must repeat it. */
export const certificateSubjectDer = (raw: Uint8Array): Uint8Array => tbsField(raw, 4).raw;

/** The subject of a certificate (DER). */
export const certificateSubject = (raw: Uint8Array): CertificateSubject & { organizations: readonly string[] } =>
  readSubject(tbsField(raw, 4));

/** The names that a certificate (DER) is valid for. */
export const certificateAlternativeNames = (raw: Uint8Array): AlternativeNames =>
  alternativeNamesOf(certificateExtensions(raw));

/** What an authority's certificate (DER) calls its key; undefined when it does not say. */
export function certificateKeyIdentifier(raw: Uint8Array): Uint8Array | undefined {
  const value = extensionValue(certificateExtensions(raw), '2.5.29.14');
  return value && readDer(value).content;
}

function certificateExtensions(raw: Uint8Array): DerNode | undefined {
  const explicit = tbsFields(raw).find((field) => field.tag === 0xa3);
  return explicit && derChildren(explicit)[0];
}

function extensionValue(extensions: DerNode | undefined, oid: string): Uint8Array | undefined {
  for (const extension of extensions ? derChildren(extensions, derTag.sequence) : []) {
    const parts = derChildren(extension, derTag.sequence);
    if (parts[0] && readOid(parts[0]) === oid) return parts.at(-1)!.content;
  }
  return undefined;
}

function alternativeNamesOf(extensions: DerNode | undefined): AlternativeNames {
  const out = { dnsNames: [] as string[], ipAddresses: [] as string[], emails: [] as string[], uris: [] as string[] };
  const value = extensionValue(extensions, oidAlternativeNames);
  for (const name of value ? derChildren(readDer(value), derTag.sequence) : []) {
    const text = () => Buffer.from(name.content).toString('latin1');
    if (name.tag === 0x81) out.emails.push(text());
    else if (name.tag === 0x82) out.dnsNames.push(text());
    else if (name.tag === 0x86) out.uris.push(text());
    else if (name.tag === 0x87) {
      if (name.content.length !== 4 && name.content.length !== 16) throw new DerError('an IP name has a bad length');
      out.ipAddresses.push(bytesToIp(name.content));
    }
  }
  return out;
}

/**
 * The request in a PEM text. Throws Error when there is none, it is malformed, or its signature is not by the key it
 * asks a certificate for.
 */
export function readCertificateRequest(pem: string): CertificateRequest {
  const blocks = fromPem('CERTIFICATE REQUEST', pem);
  const der = blocks[0];
  if (!der) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const [info, algorithm, signature] = derChildren(readDer(der), derTag.sequence);
  const [, name, spki, attributes] = info ? derChildren(info, derTag.sequence) : [];
  const [algorithmOid] = algorithm ? derChildren(algorithm, derTag.sequence) : [];
  if (!info || !name || !spki || !algorithmOid || signature?.tag !== derTag.bitString) {
    throw new DerError('not a certificate request');
  }
  const digest = signatureDigests[readOid(algorithmOid)];
  if (digest === undefined) throw new DerError('the request is signed with an unknown algorithm');
  const key = createPublicKey({ key: Buffer.from(spki.raw), format: 'der', type: 'spki' });
  if (!verify(digest, info.raw, key, signature.content.subarray(1))) {
    throw new Error('the request is not signed by the key it names');
  }
  let extensions: DerNode | undefined;
  for (const attribute of attributes?.tag === 0xa0 ? derChildren(attributes) : []) {
    const [type, values] = derChildren(attribute, derTag.sequence);
    if (type && values && readOid(type) === oidExtensionRequest) [extensions] = derChildren(values, derTag.set);
  }
  return {
    subject: readSubject(name),
    ...alternativeNamesOf(extensions),
    publicKey: spki.raw,
    keyType: key.asymmetricKeyType ?? 'unknown',
  };
}
