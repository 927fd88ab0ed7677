import { createHmac } from 'node:crypto';
import { ConfigMap } from '../../api/core/config-map.ts';
import { Secret } from '../../api/core/secret.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import { parseTime } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import { type ControllerContext, defineController, keyOf, watches } from '../../client/reconcile.ts';
import { allow, recordEvents } from '../rbac-rules.ts';

const tokenType = 'bootstrap.kubernetes.io/token';
const info = { namespace: 'kube-public', name: 'cluster-info' };
const signaturePrefix = 'jws-kubeconfig-';

const field = (secret: Shared<Secret>, name: string): string =>
  Buffer.from(secret.data?.[name] ?? '', 'base64').toString('utf8');

const isToken = (secret: Shared<Secret>): boolean =>
  secret.type === tokenType && secret.metadata.namespace === 'kube-system';

function expiryOf(secret: Shared<Secret>): number | undefined {
  const text = field(secret, 'expiration');
  return text === '' ? undefined : parseTime(text);
}

/** Deletes bootstrap tokens when their time is over. */
export const tokenCleanerController = defineController<Secret>({
  name: 'token-cleaner',
  for: Secret,
  rbac: [allow('get list watch delete', '', 'secrets'), recordEvents],
  async reconcile(key, { client, lister, clock }) {
    const secret = lister(Secret).byKey(key);
    if (!secret || !isToken(secret)) return undefined;
    const expiry = expiryOf(secret);
    if (expiry === undefined) return undefined;
    const leftMs = expiry - clock.now();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    try {
      await client.delete(Secret, secret.metadata, { preconditions: { uid: secret.metadata.uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
});

/** Signs the cluster-info that joining nodes read without credentials, once with each bootstrap token. */
export const bootstrapSignerController = defineController({
  name: 'bootstrap-signer',
  concurrency: 1,
  reads: [ConfigMap, Secret],
  watches: [
    watches<ConfigMap>({
      kind: ConfigMap,
      keys: (map) => (keyOf(map) === keyOf({ metadata: info }) ? [keyOf(map)] : []),
    }),
    watches<Secret>({ kind: Secret, keys: (secret) => (isToken(secret) ? [keyOf({ metadata: info })] : []) }),
  ],
  rbac: [allow('get list watch', '', 'secrets'), allow('get list watch update', '', 'configmaps'), recordEvents],
  async reconcile(key, context) {
    const map = context.lister(ConfigMap).byKey(key);
    const content = map?.data?.['kubeconfig'];
    if (!map || content === undefined) return undefined;
    const kept = Object.entries(map.data ?? {}).filter(([name]) => !name.startsWith(signaturePrefix));
    const data = { ...Object.fromEntries(kept), ...signatures(content, context) };
    if (deepEqual(data, map.data)) return undefined;
    await context.client.update(ConfigMap, { ...map, data });
    return undefined;
  },
});

function signatures(content: string, { lister, clock }: ControllerContext): Record<string, string> {
  const out: Record<string, string> = {};
  for (const secret of lister(Secret).list('kube-system')) {
    if (!isToken(secret) || secret.metadata.deletionTimestamp || field(secret, 'usage-bootstrap-signing') !== 'true')
      continue;
    const id = field(secret, 'token-id');
    const expiry = expiryOf(secret);
    if (!/^[a-z0-9]{6}$/.test(id) || (expiry !== undefined && expiry <= clock.now())) continue;
    out[signaturePrefix + id] = detachedJws(content, { id, secret: field(secret, 'token-secret') });
  }
  return out;
}

/** A JSON Web Signature without its payload, which is the kubeconfig beside it (RFC 7515, appendix F). */
export function detachedJws(content: string, token: { readonly id: string; readonly secret: string }): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: token.id })).toString('base64url');
  const payload = Buffer.from(content).toString('base64url');
  const signature = createHmac('sha256', token.secret).update(`${header}.${payload}`).digest('base64url');
  return `${header}..${signature}`;
}
