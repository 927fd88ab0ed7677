/** 1.2 without admission: who gets in, who may do what, audit, keys and the wire. */
import { createHash, createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { parseYaml } from '../../../api/machinery/parse-yaml.ts';
import { createServiceAccountSigner } from '../../../apiserver/authn/service-account-signer.ts';
import { parseTime, realClock } from '../../../base/clock.ts';
import { isIssuedBy, matchesKey } from '../../../base/pki.ts';
import { readUserFile } from '../../config.ts';
import { type CisCheck, fail, type Judgement, judged, manual, notApplicable, pass } from './check.ts';
import type { CisFacts } from './facts.ts';
import { ask } from './probes.ts';

const isRefused = (status: number) => status === 401 || status === 403;

async function anonymousAccess({ get }: CisFacts): Promise<Judgement> {
  const [api, secrets, health] = await Promise.all([get('/api'), get('/api/v1/secrets'), get('/healthz')]);
  const facts = `without credentials /api answers ${api.status}, secrets ${secrets.status}, /healthz ${health.status}`;
  return judged(isRefused(api.status) && isRefused(secrets.status), facts, facts);
}

async function foreignToken({ get }: CisFacts): Promise<Judgement> {
  const { status } = await get('/api', { token: createHash('sha256').update('timonel doctor').digest('hex') });
  return judged(
    status === 401,
    'there is no setting for a token file, and a made-up token is refused with 401',
    `a made-up token is answered with ${status}`,
  );
}

function kubeletClient({ pem }: CisFacts): Judgement {
  const [cert, key] = [pem('apiserver-kubelet-client.crt'), pem('apiserver-kubelet-client.key')];
  return judged(
    isIssuedBy(cert, pem('ca.crt')) && matchesKey(cert, key),
    'the server shows nodes a certificate of its own, issued by the cluster’s authority',
    'apiserver-kubelet-client.crt does not belong to its key or to the cluster’s authority',
  );
}

async function kubeletTrust({ nodePorts, get, callers }: CisFacts): Promise<Judgement> {
  const first = nodePorts[0];
  if (!first) return notApplicable('no node has a port');
  const proxied = await get(`/api/v1/nodes/${first.node}/proxy/healthz`, callers.admin);
  const untrusted = nodePorts.find((port) => !port.tls.best?.trusted);
  if (untrusted) return fail(`the certificate of node ${untrusted.node} is not of the cluster’s authority`);
  return pass(
    `${nodePorts.length} node ports show certificates of the cluster’s authority, which the server insists on (it answers ${proxied.status} through its node proxy)`,
  );
}

async function notAlwaysAllow({ get, as }: CisFacts): Promise<Judgement> {
  const { status } = await get('/api/v1/secrets', as('timonel-doctor-nobody'));
  return judged(
    status === 403,
    'a user without roles who lists secrets gets 403',
    `a user without roles who lists secrets gets ${status}`,
  );
}

async function nodeMode({ get, as, nodes, config }: CisFacts): Promise<Judgement> {
  const modes = config.authorizationMode;
  const name = nodes[0]?.metadata.name;
  if (!name) return judged(!modes || modes.includes('Node'), 'Node is among the modes', `modes are ${modes}`);
  const user = as(`system:node:${name}`, ['system:nodes']);
  const [own, secrets] = await Promise.all([get(`/api/v1/nodes/${name}`, user), get('/api/v1/secrets', user)]);
  const facts = `as node ${name}: its own Node ${own.status}, all secrets ${secrets.status}`;
  return judged(own.status === 200 && secrets.status === 403, facts, facts);
}

async function rbacMode({ get, as }: CisFacts): Promise<Judgement> {
  const user = as('timonel-doctor-nobody');
  const [discovery, pods] = await Promise.all([get('/api', user), get('/api/v1/pods', user)]);
  const facts = `a user with only the default bindings: discovery ${discovery.status}, pods ${pods.status}`;
  return judged(discovery.status === 200 && pods.status === 403, facts, facts);
}

const profilingPaths = ['/debug/pprof/', '/debug/pprof/profile', '/debug/flags/v'];

/** Also for controllers and scheduler, which share the server's port. */
export async function profiling({ get, callers }: CisFacts): Promise<Judgement> {
  const answers = await Promise.all(profilingPaths.map((path) => get(path, callers.admin)));
  const open = profilingPaths.filter((_path, i) => answers[i]!.status !== 404);
  return judged(
    open.length === 0,
    'even the administrator gets 404 at the profiling paths',
    `${open.join(', ')} answer`,
  );
}

const auditOff = 'audit is off, as upstream’s default; --audit-log FILE turns it on';
function audited(id: string, title: string, reason: string): CisCheck {
  return { id, title, judge: ({ config }) => (config.auditLog ? pass(reason) : notApplicable(auditOff)) };
}

function auditLog({ config }: CisFacts): Judgement {
  if (!config.auditLog) return manual(auditOff);
  return judged(existsSync(config.auditLog), `events go to ${config.auditLog}`, `${config.auditLog} does not exist`);
}

/** A token that is signed as it should be, but for an account that is not there. */
async function tokenLookup({ config, pem, get, serviceAccounts }: CisFacts): Promise<Judgement> {
  const issuer = `https://kubernetes.default.svc.${config.clusterDomain}`;
  const signer = createServiceAccountSigner({ issuers: [issuer], key: pem('sa.key'), clock: realClock });
  const issuedAt = Math.floor(realClock.now() / 1000);
  const status = async (name: string, uid: string) => {
    const token = await signer.sign({
      iss: issuer,
      sub: `system:serviceaccount:default:${name}`,
      aud: [issuer],
      iat: issuedAt,
      nbf: issuedAt,
      exp: issuedAt + 60,
      'kubernetes.io': { namespace: 'default', serviceaccount: { name, uid } },
    });
    return (await get('/api', { token })).status;
  };
  const real = serviceAccounts.find(({ metadata }) => metadata.namespace === 'default' && metadata.name === 'default');
  const [alive, gone] = await Promise.all([
    real ? status('default', real.metadata.uid) : undefined,
    status('timonel-doctor-gone', '00000000-0000-0000-0000-000000000000'),
  ]);
  const facts = `well-signed tokens: of an account that does not exist ${gone}, of one that does ${alive ?? 'not tried'}`;
  return judged(gone === 401 && alive !== 401, facts, facts);
}

async function accountKey({ get, pem, callers }: CisFacts): Promise<Judgement> {
  const { body } = await get('/openid/v1/jwks', callers.admin);
  const published = (JSON.parse(body) as { keys: { x?: string }[] }).keys;
  const own = createPublicKey(pem('sa.pub')).export({ format: 'jwk' });
  return judged(
    published.some((key) => key.x === own.x) && pem('sa.key') !== pem('apiserver.key'),
    'tokens are signed with a key of their own, sa.key, that the server publishes',
    'the server does not publish the key of sa.pub',
  );
}

const ownStore = ({ config }: CisFacts) =>
  notApplicable(`the ${config.store} store is part of the server: no connection`);

function etcdClient(facts: CisFacts): Judgement {
  const { store, etcdCert, etcdKey, etcdEndpoints } = facts.config;
  if (store !== 'etcd') return ownStore(facts);
  return judged(
    Boolean(etcdCert && etcdKey) && etcdEndpoints.every((endpoint) => endpoint.startsWith('https:')),
    `client certificate ${etcdCert}`,
    'etcd is spoken to without a client certificate; give --etcd-cert and --etcd-key',
  );
}

function etcdCa(facts: CisFacts): Judgement {
  if (facts.config.store !== 'etcd') return ownStore(facts);
  return judged(Boolean(facts.config.etcdCa), `authority ${facts.config.etcdCa}`, 'no authority given; --etcd-ca FILE');
}

async function impostor({ get, callers }: CisFacts): Promise<Judgement> {
  const { status } = await get('/api', callers.impostor);
  return judged(
    status === 401,
    'a certificate for the administrator’s name by another authority gets 401',
    `a certificate for the administrator’s name by another authority gets ${status}`,
  );
}

const encryptionOff = 'off, as upstream’s default; --encryption-key-file FILE turns it on';
/** What the benchmark takes without a question. */
const strongProviders = ['aescbc', 'kms', 'secretbox'];

function encryptionProviders({ config }: CisFacts): Judgement {
  const file = config.encryptionKeyFile;
  if (!file) return notApplicable(`encryption at rest is ${encryptionOff}`);
  const parsed = parseYaml(readUserFile('--encryption-key-file', file)).value as {
    resources?: { resources?: string[]; providers?: Record<string, unknown>[] }[];
  };
  const secrets = parsed.resources?.find((entry) => entry.resources?.some((r) => ['secrets', '*.', '*.*'].includes(r)));
  const first = Object.keys(secrets?.providers?.[0] ?? {})[0];
  if (first === 'aesgcm')
    return manual('secrets are written with aesgcm, which is strong as long as its keys are changed from time to time');
  return judged(
    strongProviders.includes(first ?? ''),
    `secrets are written with ${first}`,
    first ? `secrets are written with ${first}` : 'secrets are not among the encrypted resources',
  );
}

async function tokenLife({ url, callers }: CisFacts): Promise<Judgement> {
  const asked = 600;
  const { body } = await ask(`${url}/api/v1/namespaces/default/serviceaccounts/default/token`, callers.admin, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: asked },
  });
  const granted = JSON.parse(body) as { status?: { token?: string; expirationTimestamp?: string } };
  const [, payload = ''] = (granted.status?.token ?? '').split('.');
  const { exp = 0, iat = 0 } = JSON.parse(Buffer.from(payload, 'base64url').toString() || '{}') as Record<
    string,
    number
  >;
  const told = parseTime(granted.status?.expirationTimestamp ?? '') / 1000;
  const facts = `a token asked for ${asked} s lasts ${exp - iat} s`;
  return judged(exp - iat === asked && Math.abs(told - exp) <= 1, facts, facts);
}

/** Judges what a port's TLS agreed to. */
export function judgeCiphers(name: string, { old, weak, best }: CisFacts['tls']): Judgement {
  if (old) return fail(`${name} agrees to ${old.protocol}`);
  if (weak) return fail(`${name} agrees to ${weak.cipher}`);
  return pass(`${name}: ${best?.protocol} with ${best?.cipher}; TLS 1.1 and ciphers without AEAD are refused`);
}

/** 1.2.1, 1.2.2, 1.2.4 to 1.2.8, 1.2.15 to 1.2.30. */
export const apiServerChecks: readonly CisCheck[] = [
  { id: '1.2.1', title: 'requests without credentials', judge: anonymousAccess },
  { id: '1.2.2', title: 'no tokens from a file', judge: foreignToken },
  { id: '1.2.4', title: 'the server proves itself to nodes', judge: kubeletClient },
  { id: '1.2.5', title: 'nodes prove themselves to the server', judge: kubeletTrust },
  { id: '1.2.6', title: 'not everything is allowed', judge: notAlwaysAllow },
  { id: '1.2.7', title: 'nodes are authorized as nodes', judge: nodeMode },
  { id: '1.2.8', title: 'roles decide', judge: rbacMode },
  { id: '1.2.15', title: 'no profiling at the API server', judge: profiling },
  { id: '1.2.16', title: 'audit log', judge: auditLog },
  audited('1.2.17', 'audit log, age', 'old files are kept 30 days'),
  audited('1.2.18', 'audit log, number of files', 'ten old files are kept'),
  audited('1.2.19', 'audit log, size', 'a new file is begun at 100 MiB'),
  { id: '1.2.20', title: 'requests have an end', judge: () => pass('a request may take 60 s, watches aside') },
  { id: '1.2.21', title: 'tokens of deleted accounts are refused', judge: tokenLookup },
  { id: '1.2.22', title: 'a key of its own for tokens', judge: accountKey },
  { id: '1.2.23', title: 'client certificate for etcd', judge: etcdClient },
  {
    id: '1.2.24',
    title: 'the API is served over TLS',
    judge: ({ tls }) =>
      judged(
        tls.best?.trusted === true,
        `${tls.best?.protocol} with a certificate of the cluster’s authority`,
        'the serving certificate is not of the cluster’s authority',
      ),
  },
  { id: '1.2.25', title: 'client certificates of the cluster’s authority only', judge: impostor },
  { id: '1.2.26', title: 'authority of etcd', judge: etcdCa },
  {
    id: '1.2.27',
    title: 'encryption at rest',
    judge: ({ config }) =>
      config.encryptionKeyFile ? pass(`keys of ${config.encryptionKeyFile}`) : manual(encryptionOff),
  },
  { id: '1.2.28', title: 'encryption at rest, how', judge: encryptionProviders },
  { id: '1.2.29', title: 'strong TLS only', judge: ({ tls }) => judgeCiphers('the API port', tls) },
  { id: '1.2.30', title: 'tokens end when they were asked to', judge: tokenLife },
];
