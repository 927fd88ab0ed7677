import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { keptAddresses } from '../core/ip-rules.ts';
import { ratcheted, tolerable } from '../core/ratcheting.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as networking from '../types/networking-v1.ts';
import { validateIngress, validateIngressCreate, validateIngressStatus } from './ingress-validation.ts';

/** Routes HTTP from outside the cluster to services. */
export type Ingress = networking.Ingress;

/** networking.k8s.io/v1 Ingress. */
export const Ingress = defineKind<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  scope: 'Namespaced',
  schema: 'networking/v1.Ingress',
  subresources: { status: true },
  validate: ratcheted(validateIngress, [tolerable({ path: /^spec\.tls\[\d+\]\.secretName$/ })]),
  validateCreate: validateIngressCreate,
  validateStatusUpdate: ratcheted(validateIngressStatus, [keptAddresses]),
  warnings: ({ metadata }) =>
    metadata.annotations?.['kubernetes.io/ingress.class'] === undefined
      ? []
      : [`annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`],
  columns: [
    nameColumn,
    textColumn(
      'Class',
      (i) => i.spec.ingressClassName ?? i.metadata.annotations?.['kubernetes.io/ingress.class'] ?? '<none>',
    ),
    textColumn('Hosts', hosts),
    textColumn('Address', (i) =>
      [...new Set((i.status.loadBalancer.ingress ?? []).map((a) => a.ip || a.hostname || '').filter(Boolean))]
        .sort()
        .join(','),
    ),
    textColumn('Ports', (i) => (i.spec.tls?.length ? '80, 443' : '80')),
    ageColumn,
  ],
  allowUnconditionalUpdate: true,
});

function hosts({ spec }: Shared<Ingress>): string {
  const rules = spec.rules ?? [];
  const named = rules.map((r) => r.host ?? '').filter(Boolean);
  if (named.length === 0) return '*';
  const shown = named.slice(0, 3).join(',');
  return named.length > 3 ? `${shown} + ${rules.length - 3} more...` : shown;
}
