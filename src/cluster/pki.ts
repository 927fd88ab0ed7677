/** The cluster's keys and certificates below the data dir: made at first boot, kept 0600, renewed before they end. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  type CertificateAndKey,
  certificateFacts,
  certificateLifetimeMs,
  certificatesIn,
  clockSkewMs,
  createAuthority,
  generateKeys,
  isDueForRenewal,
  isIssuedBy,
  issueCertificate,
  matchesKey,
} from '../base/pki.ts';
import { type ClusterConfig, UserError, writeFileAtomic } from './config.ts';
import { serviceAddress } from './networks.ts';

/** Everything that proves who is who in a cluster; PEM texts. */
export interface ClusterPki {
  readonly ca: CertificateAndKey;
  readonly frontProxyCa: CertificateAndKey;
  /** The API server's serving certificate. */
  readonly server: CertificateAndKey;
  /** The API server as a client of node agents. */
  readonly kubeletClient: CertificateAndKey;
  /** The API server as a client of extension API servers. */
  readonly frontProxyClient: CertificateAndKey;
  /** The administrator of the kubeconfig: system:masters. */
  readonly admin: CertificateAndKey;
  /** Signs service-account tokens. */
  readonly serviceAccount: { readonly key: string; readonly publicKey: string };
}

/** What names and addresses the API server answers for. */
export interface ServingNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** Upstream's names of the API server, and this machine's. */
export function servingNames(config: Pick<ClusterConfig, 'serviceCidr' | 'clusterDomain' | 'nodeIp'>): ServingNames {
  return {
    dnsNames: [
      'localhost',
      hostname(),
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      `kubernetes.default.svc.${config.clusterDomain}`,
    ],
    ipAddresses: [...new Set(['127.0.0.1', '::1', config.nodeIp, serviceAddress(config.serviceCidr, 1)])],
  };
}

/** The API server, as extension API servers know it. */
export const frontProxyName = 'front-proxy-client';

/** Who signs the tokens of service accounts. */
export const serviceAccountIssuer = (clusterDomain: string): string =>
  `https://kubernetes.default.svc.${clusterDomain}`;

/** A PKI in memory: for clusters that live inside a process. */
export function createPki(names: ServingNames, now: number): ClusterPki {
  const ca = createAuthority('kubernetes', now);
  const frontProxyCa = createAuthority('kubernetes-front-proxy-ca', now);
  return {
    ca,
    frontProxyCa,
    server: issueServer(ca, names, now),
    kubeletClient: issueClient(ca, 'kube-apiserver-kubelet-client', ['system:masters'], now),
    frontProxyClient: issueClient(frontProxyCa, frontProxyName, [], now),
    admin: issueClient(ca, 'kubernetes-admin', ['system:masters'], now),
    serviceAccount: generateKeys(),
  };
}

/** A client certificate: the user is the CN, the groups are the Os. */
export function issueClient(
  ca: CertificateAndKey,
  commonName: string,
  organizations: readonly string[],
  now: number,
): CertificateAndKey {
  return issueCertificate(ca, { subject: { commonName, organizations }, usages: ['clientAuth'], ...lifetime(now) });
}

/** The certificate that a node agent serves its logs and exec with. */
export function issueKubeletServer(
  ca: CertificateAndKey,
  nodeName: string,
  addresses: readonly string[],
  now: number,
): CertificateAndKey {
  return issueCertificate(ca, {
    subject: { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] },
    usages: ['serverAuth'],
    dnsNames: [nodeName, 'localhost'],
    ipAddresses: [...new Set(['127.0.0.1', ...addresses])],
    ...lifetime(now),
  });
}

function issueServer(ca: CertificateAndKey, names: ServingNames, now: number): CertificateAndKey {
  return issueCertificate(ca, {
    subject: { commonName: 'kube-apiserver' },
    usages: ['serverAuth'],
    ...names,
    ...lifetime(now),
  });
}

const lifetime = (now: number) => ({ notBefore: now - clockSkewMs, notAfter: now + certificateLifetimeMs });

/** Reads the PKI of a data dir; makes what is missing and renews what is near its end (not the authorities). */
export function ensurePki(folder: string, names: ServingNames, now: number): ClusterPki {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ca = ensureAuthority(folder, 'ca', () => createAuthority('kubernetes', now));
  const frontProxyCa = ensureAuthority(folder, 'front-proxy-ca', () =>
    createAuthority('kubernetes-front-proxy-ca', now),
  );
  const pair = (name: string, make: () => CertificateAndKey, authority = ca) =>
    ensurePair(join(folder, name), make, { authority, now });
  return {
    ca,
    frontProxyCa,
    server: pair('apiserver', () => issueServer(ca, names, now)),
    kubeletClient: pair('apiserver-kubelet-client', () =>
      issueClient(ca, 'kube-apiserver-kubelet-client', ['system:masters'], now),
    ),
    frontProxyClient: pair(
      'front-proxy-client',
      () => issueClient(frontProxyCa, frontProxyName, [], now),
      frontProxyCa,
    ),
    admin: pair('admin', () => issueClient(ca, 'kubernetes-admin', ['system:masters'], now)),
    serviceAccount: ensureKeys(folder),
  };
}

/**
 * Puts an authority of the operator's into a data dir, before anything is issued. What is above an intermediate is left
 * out: what its other intermediates issue must open no door here. Throws UserError when it cannot sign certificates now.
 */
export function adoptAuthority(folder: string, authority: CertificateAndKey, now: number): void {
  assertAuthority(authority, '--ca-cert', '--ca-key');
  const { notBefore, notAfter } = certificateFacts(authority.cert);
  if (now < notBefore || now > notAfter) {
    throw new UserError(
      `--ca-cert is valid from ${new Date(notBefore).toISOString()} to ${new Date(notAfter).toISOString()}, not now`,
    );
  }
  const all = certificatesIn(authority.cert);
  const anchors = all.filter((ca) => !all.some((below) => below !== ca && below.checkIssued(ca)));
  writePair(join(folder, 'ca'), { cert: anchors.map(String).join(''), key: authority.key });
}

/** What a node agent proves itself with. */
export interface AgentPki {
  /** As the node: what the node authorizer lets it see. */
  readonly client: CertificateAndKey;
  /** As the node's network (service proxy, DNS, policies), which has to see all pods and services. */
  readonly network: CertificateAndKey;
  /** Serves logs, exec and the rest to the API server. */
  readonly server: CertificateAndKey;
}

/** The group that {@link AgentPki.network} is of; its role is made at bootstrap. */
export const networkGroup = 'timonel:node-network';

/** The local agent's credentials, made by the same authority. */
export function ensureAgentPki(
  folder: string,
  options: { ca: CertificateAndKey; nodeName: string; nodeIp: string; now: number },
): AgentPki {
  const { ca, nodeName, nodeIp, now } = options;
  const pair = (name: string, make: () => CertificateAndKey) =>
    ensurePair(join(folder, name), make, { authority: ca, now });
  return {
    client: pair('kubelet-client', () => issueClient(ca, `system:node:${nodeName}`, ['system:nodes'], now)),
    network: pair('network-client', () => issueClient(ca, `timonel:node-network:${nodeName}`, [networkGroup], now)),
    server: pair('kubelet', () => issueKubeletServer(ca, nodeName, [nodeIp], now)),
  };
}

/** An authority of a data dir that was made before: its certificate first, then others that are trusted as well. */
export function readAuthority(folder: string, name: 'ca' | 'front-proxy-ca'): CertificateAndKey {
  const authority = readPair(join(folder, name));
  if (!authority) throw new UserError(`${join(folder, name)}.crt and .key are not there; restore them from a backup`);
  assertAuthority(authority, `${join(folder, name)}.crt`, `${join(folder, name)}.key`);
  return authority;
}

function ensureAuthority(folder: string, name: 'ca' | 'front-proxy-ca', make: () => CertificateAndKey) {
  if (!readPair(join(folder, name))) writePair(join(folder, name), make());
  return readAuthority(folder, name);
}

function assertAuthority({ cert, key }: CertificateAndKey, certName: string, keyName: string): void {
  const because = (why: string) => new UserError(`${certName} ${why}`);
  try {
    if (!certificateFacts(cert).isAuthority) throw because('is not the certificate of an authority');
    if (!matchesKey(cert, key)) throw because(`does not belong to ${keyName}`);
  } catch (error) {
    throw error instanceof UserError ? error : because(`cannot be used with ${keyName}: ${(error as Error).message}`);
  }
}

/** A kept certificate while it is good: not near its end, and of the authority that signs now; else a new one. */
function ensurePair(
  path: string,
  make: () => CertificateAndKey,
  { authority, now }: { authority: CertificateAndKey; now: number },
): CertificateAndKey {
  const known = readPair(path);
  if (known && !isDueForRenewal(known.cert, now) && isIssuedBy(known.cert, authority.cert)) return known;
  const made = make();
  writePair(path, made);
  return made;
}

function readPair(path: string): CertificateAndKey | undefined {
  if (!existsSync(`${path}.crt`) || !existsSync(`${path}.key`)) return undefined;
  return { cert: readPem(`${path}.crt`), key: readPem(`${path}.key`) };
}

function writePair(path: string, { cert, key }: CertificateAndKey): void {
  writeFileAtomic(`${path}.key`, key);
  writeFileAtomic(`${path}.crt`, cert);
}

function ensureKeys(folder: string): { key: string; publicKey: string } {
  const keyFile = join(folder, 'sa.key');
  const publicFile = join(folder, 'sa.pub');
  if (existsSync(keyFile) && existsSync(publicFile)) return { key: readPem(keyFile), publicKey: readPem(publicFile) };
  const made = generateKeys();
  writeFileAtomic(keyFile, made.key);
  writeFileAtomic(publicFile, made.publicKey);
  return made;
}

function readPem(file: string): string {
  const text = readFileSync(file, 'utf8');
  if (!text.includes('-----BEGIN '))
    throw new UserError(`${file} is not a PEM file; restore it from a backup, or remove the data dir to start anew`);
  return text;
}
