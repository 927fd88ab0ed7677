import { ageColumn, formatLabelSelector, nameColumn, textColumn } from '../core/columns.ts';
import { keptAddresses } from '../core/ip-rules.ts';
import { ratcheted, selectorValues, tolerable } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import type * as networking from '../types/networking-v1.ts';
import { validateNetworkPolicy } from './network-policy-validation.ts';

/** Says which traffic pods may receive and send. */
export type NetworkPolicy = networking.NetworkPolicy;

/** networking.k8s.io/v1 NetworkPolicy. */
export const NetworkPolicy = defineKind<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  scope: 'Namespaced',
  schema: 'networking/v1.NetworkPolicy',
  defaults({ spec }) {
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    }
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate: ratcheted(validateNetworkPolicy, [
    selectorValues,
    keptAddresses,
    tolerable({ path: /\.ipBlock\.(cidr|except\[\d+\])$/, detail: /valid CIDR/ }),
  ]),
  columns: [nameColumn, textColumn('Pod-Selector', (p) => formatLabelSelector(p.spec.podSelector)), ageColumn],
  tracksGeneration: true,
  allowUnconditionalUpdate: true,
});
