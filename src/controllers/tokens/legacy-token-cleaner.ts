import { ConfigMap } from '../../api/core/config-map.ts';
import { Pod } from '../../api/core/pod.ts';
import { Secret } from '../../api/core/secret.ts';
import { ServiceAccount } from '../../api/core/service-account.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import { parseTime } from '../../base/clock.ts';
import { type ControllerContext, defineController } from '../../client/reconcile.ts';
import { allow } from '../rbac-rules.ts';

const day = 24 * 3_600_000;
const lastUsedLabel = 'kubernetes.io/legacy-token-last-used';
const invalidLabel = 'kubernetes.io/legacy-token-invalid-since';
const tracking = { namespace: 'kube-system', name: 'kube-apiserver-legacy-service-account-token-tracking' };

/**
 * Throws away tokens that were made automatically by old clusters and that nobody has used for a year: first marked as
 * invalid, then, after another year, deleted.
 */
export const legacyTokenCleaner = defineController<Secret>({
  name: 'legacy-service-account-token-cleaner',
  for: Secret,
  reads: [ServiceAccount, Pod],
  rbac: [
    allow('get', '', 'configmaps', [tracking.name]),
    allow('list watch', '', 'secrets serviceaccounts pods'),
    allow('patch delete', '', 'secrets'),
  ],
  async reconcile(key, context) {
    const { client, clock, settings } = context;
    const secret = context.lister(Secret).byKey(key);
    if (secret?.type !== 'kubernetes.io/service-account-token' || !isAutomatic(secret, context)) return undefined;
    const periodMs = Number(settings['legacyServiceAccountTokenCleanUpPeriodSeconds'] ?? 365 * 86_400) * 1000;
    const { labels = {}, uid, resourceVersion } = secret.metadata;
    const since = await trackedSince(context);
    if (since === undefined) return undefined;
    const used = Math.max(
      since,
      parseTime(labels[lastUsedLabel] ?? '') || 0,
      parseTime(secret.metadata.creationTimestamp),
    );
    const now = clock.now();
    const idleLeft = used + periodMs - now;
    if (idleLeft > 0) return { requeueAfterMs: Math.max(day, idleLeft) };
    if (isMounted(secret, context)) return { requeueAfterMs: day };
    try {
      const marked = parseTime(labels[invalidLabel] ?? '');
      if (Number.isNaN(marked)) {
        const patch = {
          metadata: { uid, resourceVersion, labels: { [invalidLabel]: new Date(now).toISOString().slice(0, 10) } },
        };
        await client.patch(Secret, secret.metadata, patch, { type: 'merge' });
        return { requeueAfterMs: periodMs };
      }
      const left = marked + periodMs - now;
      if (left > 0) return { requeueAfterMs: Math.max(day, left) };
      await client.delete(Secret, secret.metadata, { preconditions: { uid, resourceVersion } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
});

/** Made by an old token controller, which listed it in its account. */
function isAutomatic(secret: Shared<Secret>, { lister }: ControllerContext): boolean {
  const name = secret.metadata.annotations?.['kubernetes.io/service-account.name'] ?? '';
  const account = lister(ServiceAccount).get(secret.metadata.namespace, name);
  return account?.secrets?.some((ref) => ref.name === secret.metadata.name) ?? false;
}

const isMounted = (secret: Shared<Secret>, { lister }: ControllerContext): boolean =>
  lister(Pod)
    .list(secret.metadata.namespace)
    .some((pod) => pod.spec.volumes?.some((volume) => volume.secret?.secretName === secret.metadata.name));

/** Since when the server notes the use of tokens; before, an unused token cannot be told from a used one. */
async function trackedSince({ client }: ControllerContext): Promise<number | undefined> {
  const map = await client.find(ConfigMap, tracking);
  const since = parseTime(map?.data?.['since'] ?? '');
  return Number.isNaN(since) ? undefined : since;
}
