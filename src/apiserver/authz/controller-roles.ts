/** The roles of controllers, made from what each controller says it needs. */
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import { defaultRoles } from './default-bindings.ts';
import { absentControllers } from './default-cluster-roles.ts';
import { formatRule } from './policy-text.ts';
import { compactRules } from './rule-match.ts';

/** What is needed of a controller's definition. */
export interface ControllerRules {
  /** As `--controllers` names it. */
  readonly name: string;
  readonly rbac: readonly PolicyRule[];
}

/** Upstream's service accounts where they are not called as the controller is. */
const accounts: Readonly<Record<string, string>> = {
  'bootstrap-signer-controller': 'bootstrap-signer',
  'certificatesigningrequest-approving-controller': 'certificate-controller',
  'certificatesigningrequest-cleaner-controller': 'certificate-controller',
  'certificatesigningrequest-signing-controller': 'certificate-controller',
  'daemonset-controller': 'daemon-set-controller',
  'endpoints-controller': 'endpoint-controller',
  'endpointslice-mirroring-controller': 'endpointslicemirroring-controller',
  'garbage-collector-controller': 'generic-garbage-collector',
  'horizontal-pod-autoscaler-controller': 'horizontal-pod-autoscaler',
  'legacy-serviceaccount-token-cleaner-controller': 'legacy-service-account-token-cleaner',
  'node-lifecycle-controller': 'node-controller',
  'node-ipam-controller': 'node-controller',
  'node-route-controller': 'route-controller',
  'persistentvolume-attach-detach-controller': 'attachdetach-controller',
  'persistentvolume-binder-controller': 'persistent-volume-binder',
  'persistentvolume-expander-controller': 'expand-controller',
  'persistentvolume-protection-controller': 'pv-protection-controller',
  'persistentvolumeclaim-protection-controller': 'pvc-protection-controller',
  'pod-garbage-collector-controller': 'pod-garbage-collector',
  'replicationcontroller-controller': 'replication-controller',
  'resourceclaim-controller': 'resource-claim-controller',
  'root-ca-certificate-publisher-controller': 'root-ca-cert-publisher',
  'service-cidr-controller': 'service-cidrs-controller',
  'service-lb-controller': 'service-controller',
  'serviceaccount-controller': 'service-account-controller',
  'serviceaccount-token-controller': 'service-account-token-controller',
  'taint-eviction-controller': 'node-controller',
  'token-cleaner-controller': 'token-cleaner',
};

/** The service account (in kube-system) that a controller works as. */
export const controllerAccount = (controller: string): string => accounts[controller] ?? controller;

/** The user name of that account. */
export const controllerUser = (controller: string): string =>
  `system:serviceaccount:kube-system:${controllerAccount(controller)}`;

/** Accounts whose work is in one namespace: they have a Role there, and none for the cluster. */
const confined: ReadonlySet<string> = new Set(
  Object.values(defaultRoles).flatMap((roles) => roles.map(({ name }) => name.replace('system:controller:', ''))),
);

/** A cluster role per account: the rules of all controllers that share it. */
export function controllerRoles(
  controllers: readonly ControllerRules[],
): { name: string; account: string; rules: PolicyRule[] }[] {
  const byAccount = new Map<string, PolicyRule[]>();
  const add = (account: string, rules: readonly PolicyRule[]) =>
    byAccount.set(account, [...(byAccount.get(account) ?? []), ...rules]);
  for (const { name, rbac } of controllers) add(controllerAccount(name), rbac);
  for (const [account, rules] of Object.entries(absentControllers)) add(account, rules.map(formatRule));
  return [...byAccount]
    .filter(([account]) => !confined.has(account))
    .map(([account, rules]) => ({ name: `system:controller:${account}`, account, rules: compactRules(rules) }));
}
