import { mutableCopy } from '../../base/deep.ts';
import { defineKind, type Shared } from '../kind.ts';
import { Ingress } from '../networking/ingress.ts';
import type * as networking from '../types/networking-v1beta1.ts';
import { ingressFromStable, ingressToStable } from './ingress-conversion.ts';
import { deprecationWarning } from './newer-version.ts';

/** Ingress as networking.k8s.io/v1beta1 had it. */
export type NetworkingV1beta1Ingress = networking.Ingress;

/** networking.k8s.io/v1beta1 Ingress, stored as networking.k8s.io/v1. */
export const NetworkingV1beta1Ingress = defineKind<NetworkingV1beta1Ingress>({
  group: 'networking.k8s.io',
  version: 'v1beta1',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  scope: 'Namespaced',
  schema: 'networking/v1beta1.Ingress',
  subresources: { status: true },
  defaults({ spec }) {
    for (const rule of spec.rules ?? []) {
      for (const path of rule.http?.paths ?? []) path.pathType ??= 'ImplementationSpecific';
    }
  },
  columns: (Ingress.columns ?? []).map((column) => ({
    ...column,
    cell: (object: Shared<NetworkingV1beta1Ingress>, now: number) =>
      column.cell(ingressToStable(mutableCopy(object)), now),
  })),
  allowUnconditionalUpdate: true,
  storedAs: {
    kind: () => Ingress,
    toStorage: ingressToStable,
    fromStorage: (ingress) => ingressFromStable(ingress, 'networking.k8s.io/v1beta1'),
    warning: deprecationWarning({
      apiVersion: 'networking.k8s.io/v1beta1',
      kind: 'Ingress',
      deprecatedIn: '1.19',
      removedIn: '1.22',
      replacement: 'networking.k8s.io/v1',
    }),
  },
});
