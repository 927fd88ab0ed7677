import { defineKind } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, nameColumn, textColumn } from './columns.ts';

/** An identity for the processes of pods. */
export type ServiceAccount = core.ServiceAccount;

/** core/v1 ServiceAccount. */
export const ServiceAccount = defineKind<ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  scope: 'Namespaced',
  schema: 'core/v1.ServiceAccount',
  subresources: {
    token: { verbs: ['create'], group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
  },
  prepareCreate: cleanSecretReferences,
  prepareUpdate: cleanSecretReferences,
  warnings({ metadata }) {
    const annotation = 'kubernetes.io/enforce-mountable-secrets';
    if (metadata.annotations?.[annotation] === undefined) return [];
    const advice = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets';
    return [`metadata.annotations[${annotation}]: ${advice}`];
  },
  columns: [nameColumn, textColumn('Secrets', (a) => a.secrets?.length ?? 0), ageColumn],
});

/** Only the names of secrets are kept: they are in the account's namespace. */
function cleanSecretReferences(account: ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name = '' }) => ({ name }) as core.ObjectReference);
}
