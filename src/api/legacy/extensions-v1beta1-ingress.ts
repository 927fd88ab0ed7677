import { mutableCopy } from '../../base/deep.ts';
import { defineKind, type Shared } from '../kind.ts';
import { Ingress } from '../networking/ingress.ts';
import type * as extensions from '../types/extensions-v1beta1.ts';
import { ingressFromStable, ingressToStable } from './ingress-conversion.ts';
import { deprecationWarning } from './newer-version.ts';

/** Ingress as extensions/v1beta1 had it. */
export type ExtensionsV1beta1Ingress = extensions.Ingress;

/** extensions/v1beta1 Ingress, stored as networking.k8s.io/v1. */
export const ExtensionsV1beta1Ingress = defineKind<ExtensionsV1beta1Ingress>({
  group: 'extensions',
  version: 'v1beta1',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  scope: 'Namespaced',
  schema: 'extensions/v1beta1.Ingress',
  subresources: { status: true },
  defaults({ spec }) {
    for (const rule of spec.rules ?? []) {
      for (const path of rule.http?.paths ?? []) path.pathType ??= 'ImplementationSpecific';
    }
  },
  columns: (Ingress.columns ?? []).map((column) => ({
    ...column,
    cell: (object: Shared<ExtensionsV1beta1Ingress>, now: number) =>
      column.cell(ingressToStable(mutableCopy(object)), now),
  })),
  allowUnconditionalUpdate: true,
  storedAs: {
    kind: () => Ingress,
    toStorage: ingressToStable,
    fromStorage: (ingress) => ingressFromStable(ingress, 'extensions/v1beta1'),
    warning: deprecationWarning({
      apiVersion: 'extensions/v1beta1',
      kind: 'Ingress',
      deprecatedIn: '1.14',
      removedIn: '1.22',
      replacement: 'networking.k8s.io/v1',
    }),
  },
});
