import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as networking from '../types/networking-v1.ts';
import { validateIpAddress, validateIpAddressName, validateIpAddressUpdate } from './address-validation.ts';

/** An address that a service holds. */
export type IPAddress = networking.IPAddress;

/** networking.k8s.io/v1 IPAddress. */
export const IPAddress = defineKind<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  scope: 'Cluster',
  schema: 'networking/v1.IPAddress',
  validateName: validateIpAddressName,
  validate: validateIpAddress,
  validateUpdate: validateIpAddressUpdate,
  columns: [nameColumn, textColumn('ParentRef', parent), ageColumn],
  fieldLabels: {
    'spec.parentRef.group': (a) => a.spec.parentRef?.group ?? '',
    'spec.parentRef.resource': (a) => a.spec.parentRef?.resource ?? '',
    'spec.parentRef.namespace': (a) => a.spec.parentRef?.namespace ?? '',
    'spec.parentRef.name': (a) => a.spec.parentRef?.name ?? '',
  },
  allowUnconditionalUpdate: true,
});

function parent({ spec: { parentRef } }: Shared<IPAddress>): string {
  if (!parentRef) return '<none>';
  const namespaced = [parentRef.resource, parentRef.namespace, parentRef.name].filter(Boolean).join('/');
  return parentRef.group
    ? `${parentRef.resource}.${parentRef.group}/${[parentRef.namespace, parentRef.name].filter(Boolean).join('/')}`
    : namespaced;
}
