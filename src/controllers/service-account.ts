import { Namespace } from '../api/core/namespace.ts';
import { ServiceAccount } from '../api/core/service-account.ts';
import { isAlreadyExists } from '../api/machinery/status.ts';
import { defineController, watches } from '../client/reconcile.ts';
import { isNamespaceTerminating } from './pods/control.ts';
import { allow, recordEvents } from './rbac-rules.ts';

/** Gives every namespace its `default` service account. */
export const serviceAccountController = defineController<Namespace>({
  name: 'service-account-controller',
  for: Namespace,
  watches: [
    watches<ServiceAccount>({
      kind: ServiceAccount,
      changed: () => false,
      keys: (account) => (account.metadata.name === 'default' ? [account.metadata.namespace] : []),
    }),
  ],
  rbac: [allow('create', '', 'serviceaccounts'), recordEvents],
  async reconcile(key, { client, lister }) {
    const namespace = lister(Namespace).byKey(key);
    if (!namespace || namespace.metadata.deletionTimestamp) return undefined;
    if (lister(ServiceAccount).get(key, 'default')) return undefined;
    try {
      await client.create(ServiceAccount, { metadata: { namespace: key, name: 'default' } });
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
    }
    return undefined;
  },
});
