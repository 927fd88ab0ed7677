/** Ingress as the beta versions of two groups had it: alike but for where they were. */
import { mutableCopy } from '../../base/deep.ts';
import type { Kind, KindDefinition, Shared } from '../kind.ts';
import { Ingress } from '../networking/ingress.ts';
import type { Ingress as ExtensionsIngress } from '../types/extensions-v1beta1.ts';
import type { Ingress as NetworkingIngress } from '../types/networking-v1beta1.ts';
import { ingressFromStable, ingressToStable } from './ingress-conversion.ts';
import { deprecationWarning } from './newer-version.ts';

type BetaIngress = ExtensionsIngress & NetworkingIngress;

/** The definition for one group, stored as networking.k8s.io/v1. */
export function betaIngress(
  group: 'extensions' | 'networking.k8s.io',
  { schema, deprecatedIn }: { readonly schema: string; readonly deprecatedIn: string },
): KindDefinition<BetaIngress> {
  const apiVersion = `${group}/v1beta1` as const;
  return {
    group,
    version: 'v1beta1',
    kind: 'Ingress',
    plural: 'ingresses',
    shortNames: ['ing'],
    scope: 'Namespaced',
    schema,
    subresources: { status: true },
    defaults({ spec }) {
      for (const rule of spec.rules ?? []) {
        for (const path of rule.http?.paths ?? []) path.pathType ??= 'ImplementationSpecific';
      }
    },
    columns: (Ingress.columns ?? []).map((column) => ({
      ...column,
      cell: (object: Shared<BetaIngress>, now: number) => column.cell(ingressToStable(mutableCopy(object)), now),
    })),
    allowUnconditionalUpdate: true,
    storedAs: {
      kind: (): Kind<Ingress> => Ingress,
      toStorage: ingressToStable,
      fromStorage: (ingress: Shared<Ingress>) => ingressFromStable(ingress, apiVersion),
      warning: deprecationWarning({
        apiVersion,
        kind: 'Ingress',
        deprecatedIn,
        removedIn: '1.22',
        replacement: 'networking.k8s.io/v1',
      }),
    },
  };
}
