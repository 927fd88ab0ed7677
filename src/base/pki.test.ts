import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { certificateAlternativeNames, certificateSubject, readCertificateRequest } from './certificate-reader.ts';
import { derElement, readDer } from './der.ts';
import { bytesToIp, ipToBytes, isGlobalUnicastIp } from './ip-bytes.ts';
import { fromPem, toPem } from './pem.ts';
import {
  certificateFacts,
  certificateLifetimeMs,
  certifyKey,
  createAuthority,
  createCertificateRequest,
  generateKeys,
  isDueForRenewal,
  isIssuedBy,
  issueCertificate,
  matchesKey,
  publicKeyPin,
} from './pki.ts';

const now = Date.now();
const authority = createAuthority('kubernetes', now);
const life = { notBefore: now - 60_000, notAfter: now + certificateLifetimeMs };

describe('certificates', () => {
  it('makes an authority that OpenSSL takes for one', () => {
    const x509 = new X509Certificate(authority.cert);
    expect(x509.ca).toBe(true);
    expect(x509.subject).toBe('CN=kubernetes');
    expect(x509.verify(x509.publicKey)).toBe(true);
    expect(matchesKey(authority.cert, authority.key)).toBe(true);
  });

  it('issues certificates with the names and the subject asked for', () => {
    const leaf = issueCertificate(authority, {
      subject: { commonName: 'admin', organizations: ['system:masters', 'ops'], uid: 'u-1' },
      usages: ['serverAuth', 'clientAuth'],
      dnsNames: ['kubernetes.default.svc', 'localhost'],
      ipAddresses: ['127.0.0.1', 'fd00::1'],
      ...life,
    });
    const x509 = new X509Certificate(leaf.cert);
    expect(isIssuedBy(leaf.cert, authority.cert)).toBe(true);
    expect(isIssuedBy(leaf.cert, createAuthority('kubernetes', now).cert)).toBe(false);
    expect(x509.checkHost('localhost')).toBe('localhost');
    expect(x509.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(x509.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    const subject = certificateSubject(x509.raw);
    expect(subject).toEqual({ commonName: 'admin', organizations: ['ops', 'system:masters'], uid: 'u-1' });
    expect(certificateAlternativeNames(x509.raw)).toEqual({
      dnsNames: ['kubernetes.default.svc', 'localhost'],
      ipAddresses: ['127.0.0.1', 'fd00::1'],
      emails: [],
      uris: [],
    });
  });

  it('keeps a line break in a name inside the name', () => {
    const leaf = issueCertificate(authority, { subject: { commonName: 'eve\nO=system:masters' }, usages: [], ...life });
    expect(certificateSubject(fromPem('CERTIFICATE', leaf.cert)[0]!)).toEqual({
      commonName: 'eve\nO=system:masters',
      organizations: [],
    });
  });

  it('never outlives the authority', () => {
    const short = createAuthority('short', now, 1000);
    const leaf = issueCertificate(short, { subject: { commonName: 'x' }, usages: [], ...life });
    expect(certificateFacts(leaf.cert).notAfter).toBeLessThanOrEqual(now + 1000);
  });

  it('is due for renewal after four fifths of its life, and before its beginning', () => {
    const { cert } = issueCertificate(authority, {
      subject: { commonName: 'x' },
      usages: [],
      notBefore: now,
      notAfter: now + 1_000_000,
    });
    expect(isDueForRenewal(cert, now + 700_000)).toBe(false);
    expect(isDueForRenewal(cert, now + 801_000)).toBe(true);
    expect(isDueForRenewal(cert, now - 10_000)).toBe(true);
  });

  it('writes times beyond 2049', () => {
    const late = Date.UTC(2051, 5, 1);
    const ca = createAuthority('late', late);
    expect(certificateFacts(ca.cert).notBefore).toBe(late - 300_000);
  });

  it('serves TLS with client certificates', async () => {
    const server = issueCertificate(authority, {
      subject: { commonName: 'server' },
      usages: ['serverAuth'],
      dnsNames: ['localhost'],
      ...life,
    });
    const client = issueCertificate(authority, { subject: { commonName: 'alice' }, usages: ['clientAuth'], ...life });
    const listener = createServer({ ...server, ca: authority.cert, requestCert: true }, (socket) => {
      socket.end(`${socket.authorized} ${certificateSubject(socket.getPeerCertificate().raw).commonName}`);
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const socket = connect({
      port: (listener.address() as AddressInfo).port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: authority.cert,
      ...client,
    });
    let text = '';
    for await (const chunk of socket) text += chunk;
    listener.close();
    expect(text).toBe('true alice');
  });

  it('pins the public key as kubeadm does', () => {
    expect(publicKeyPin(authority.cert)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(publicKeyPin(createAuthority('kubernetes', now).cert)).not.toBe(publicKeyPin(authority.cert));
  });
});

describe('certificate requests', () => {
  const { key, publicKey } = generateKeys();
  const pem = createCertificateRequest(key, {
    subject: { commonName: 'system:node:n1', organizations: ['system:nodes'] },
    dnsNames: ['n1'],
    ipAddresses: ['10.0.0.1'],
  });

  it('reads back what was asked, and certifies it', () => {
    const request = readCertificateRequest(pem);
    expect(request).toMatchObject({
      subject: { commonName: 'system:node:n1', organizations: ['system:nodes'] },
      dnsNames: ['n1'],
      ipAddresses: ['10.0.0.1'],
      keyType: 'ec',
    });
    const cert = certifyKey(authority, request.publicKey, {
      subject: request.subject,
      usages: ['clientAuth'],
      ...life,
    });
    expect(matchesKey(cert, key)).toBe(true);
    expect(isIssuedBy(cert, authority.cert)).toBe(true);
    expect(certifyKey(authority, publicKey, { subject: request.subject, usages: [], ...life })).toContain('BEGIN');
  });

  it('refuses one that is not signed by its own key', () => {
    const der = fromPem('CERTIFICATE REQUEST', pem)[0]!;
    const at = der.indexOf('system:node:n1');
    der.write('system:node:n2', at);
    expect(() => readCertificateRequest(toPem('CERTIFICATE REQUEST', der))).toThrow('not signed by the key');
  });

  it.each([
    ['nothing', ''],
    ['another block', authority.cert],
    ['rubbish', toPem('CERTIFICATE REQUEST', Buffer.from('rubbish'))],
    ['a cut one', toPem('CERTIFICATE REQUEST', fromPem('CERTIFICATE REQUEST', pem)[0]!.subarray(0, 80))],
  ])('refuses %s', (_, text) => {
    expect(() => readCertificateRequest(text)).toThrow();
  });
});

describe('DER', () => {
  it.each([
    ['indefinite length', [0x30, 0x80, 0, 0]],
    ['a long form for a short length', [0x04, 0x81, 1, 7]],
    ['trailing bytes', [0x04, 0, 9]],
    ['a length beyond the end', [0x04, 5, 1]],
    ['no length', [0x04]],
  ])('refuses %s', (_, bytes) => {
    expect(() => readDer(Uint8Array.from(bytes))).toThrow();
  });

  it('writes and reads lengths of each size', () => {
    for (const size of [0, 127, 128, 255, 256, 65_535, 65_536]) {
      expect(readDer(derElement(4, new Uint8Array(size))).content.length).toBe(size);
    }
  });
});

describe('IP addresses', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::', '::'],
    ['::1', '::1'],
    ['fd00:0:0:1::', 'fd00:0:0:1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
  ])('%s is %s', (text, canonical) => {
    expect(bytesToIp(ipToBytes(text))).toBe(canonical);
  });

  it.each([
    ['10.0.0.1', true],
    ['8.8.8.8', true],
    ['2001:db8::1', true],
    ['fd00::1', true],
    ['::ffff:10.0.0.1', true],
    ['127.0.0.1', false],
    ['0.0.0.0', false],
    ['169.254.169.254', false],
    ['224.0.0.1', false],
    ['255.255.255.255', false],
    ['::', false],
    ['::1', false],
    ['0:0:0:0:0:0:0:1', false],
    ['::ffff:127.0.0.1', false],
    ['::ffff:a9fe:a9fe', false],
    ['::127.0.0.1', false],
    ['fe80::1', false],
    ['ff02::1', false],
    ['localhost', false],
    ['127.1', false],
    ['0x7f000001', false],
  ])('%s is somebody else’s: %s', (text, expected) => {
    expect(isGlobalUnicastIp(text)).toBe(expected);
  });

  it('refuses others', () => {
    expect(() => ipToBytes('10.0.0.256')).toThrow(TypeError);
    expect(() => ipToBytes('fe80::1%eth0')).toThrow(TypeError);
  });
});
