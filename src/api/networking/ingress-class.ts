import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as networking from '../types/networking-v1.ts';
import { validateIngressClass, validateIngressClassUpdate } from './ingress-validation.ts';

/** Names the controller that implements ingresses. */
export type IngressClass = networking.IngressClass;

const isDefault = (annotations: Readonly<Record<string, string>> | undefined) =>
  annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true';

/** networking.k8s.io/v1 IngressClass. */
export const IngressClass = defineKind<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  scope: 'Cluster',
  schema: 'networking/v1.IngressClass',
  defaults({ spec }) {
    if (spec.parameters) spec.parameters.scope ??= 'Cluster';
  },
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
  columns: [
    {
      ...nameColumn,
      cell: ({ metadata }) => (isDefault(metadata.annotations) ? `${metadata.name} (default)` : metadata.name),
    },
    textColumn('Controller', (c) => c.spec.controller ?? ''),
    textColumn('Parameters', parameters),
    ageColumn,
  ],
  tracksGeneration: true,
  allowUnconditionalUpdate: true,
});

function parameters({ spec: { parameters: reference } }: Shared<IngressClass>): string {
  if (!reference) return '<none>';
  const group = reference.apiGroup ? `.${reference.apiGroup}` : '';
  return `${reference.kind}${group}/${reference.name}`;
}
