import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { Secret } from '../../api/core/secret.ts';
import { ServiceAccount } from '../../api/core/service-account.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import { deepEqual } from '../../base/deep.ts';
import { type ControllerContext, defineController, keyOf, watches } from '../../client/reconcile.ts';
import { allow, recordEvents } from '../rbac-rules.ts';

const tokenType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';

const accountKeyOf = (secret: Shared<Secret>): string | undefined => {
  const name = secret.type === tokenType ? secret.metadata.annotations?.[nameAnnotation] : undefined;
  return name ? `${secret.metadata.namespace}/${name}` : undefined;
};

const encode = (text: string): string => Buffer.from(text).toString('base64');

/** Fills secrets of type service-account-token, and deletes them with their account. */
export const serviceAccountTokenController = defineController<Secret>({
  name: 'tokens-controller',
  for: Secret,
  watches: [
    watches<ServiceAccount>({
      kind: ServiceAccount,
      changed: () => false,
      keys: (account, context) =>
        context
          .lister(Secret)
          .list(account.metadata.namespace)
          .filter((secret) => accountKeyOf(secret) === keyOf(account))
          .map(keyOf),
    }),
  ],
  rbac: [
    allow('get list watch', '', 'serviceaccounts'),
    allow('get list watch create update delete', '', 'secrets'),
    recordEvents,
  ],
  async reconcile(key, context) {
    const { client, lister } = context;
    const secret = lister(Secret).byKey(key);
    const accountKey = secret && accountKeyOf(secret);
    if (!secret || !accountKey || secret.metadata.deletionTimestamp) return undefined;
    const name = accountKey.slice(accountKey.indexOf('/') + 1);
    const { namespace } = secret.metadata;
    // The cache may be behind a secret that names an account made just before it.
    const account =
      lister(ServiceAccount).byKey(accountKey) ?? (await client.find(ServiceAccount, { namespace, name }));
    const uid = secret.metadata.annotations?.[uidAnnotation];
    if (!account || (uid !== undefined && uid !== account.metadata.uid)) {
      try {
        await client.delete(Secret, secret.metadata, { preconditions: { uid: secret.metadata.uid } });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return undefined;
    }
    const data = await filled(secret, account, context);
    if (uid === account.metadata.uid && deepEqual(data, secret.data)) return undefined;
    const annotations = { ...secret.metadata.annotations, [uidAnnotation]: account.metadata.uid };
    await client.update(Secret, { ...secret, metadata: { ...secret.metadata, annotations }, data });
    return undefined;
  },
});

async function filled(
  secret: Shared<Secret>,
  account: Shared<ServiceAccount>,
  { settings }: ControllerContext,
): Promise<Record<string, string>> {
  const data: Record<string, string> = { ...secret.data };
  if (settings.rootCa) data['ca.crt'] = encode(settings.rootCa);
  data['namespace'] ??= encode(secret.metadata.namespace);
  if (data['token'] === undefined && settings.serviceAccountKey) {
    data['token'] = encode(await signToken(secret, account, settings.serviceAccountKey));
  }
  return data;
}

/** A token as clusters before bound tokens had them: without an end, good as long as its secret exists. */
async function signToken(secret: Shared<Secret>, account: Shared<ServiceAccount>, pem: string): Promise<string> {
  const { SignJWT } = await import('jose');
  const key = createPrivateKey(pem);
  const prefix = 'kubernetes.io/serviceaccount';
  return new SignJWT({
    iss: 'kubernetes/serviceaccount',
    [`${prefix}/namespace`]: secret.metadata.namespace,
    [`${prefix}/secret.name`]: secret.metadata.name,
    [`${prefix}/service-account.name`]: account.metadata.name,
    [`${prefix}/service-account.uid`]: account.metadata.uid,
    sub: `system:serviceaccount:${account.metadata.namespace}:${account.metadata.name}`,
  })
    .setProtectedHeader({ alg: algorithmOf(key), kid: keyIdOf(key) })
    .sign(key);
}

function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  const curves: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };
  return curves[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'ES256';
}

const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest('base64url');
