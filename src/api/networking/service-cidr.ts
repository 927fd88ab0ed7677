import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as networking from '../types/networking-v1.ts';
import { validateServiceCidr, validateServiceCidrUpdate } from './address-validation.ts';

/** A range that cluster IPs are taken from. */
export type ServiceCIDR = networking.ServiceCIDR;

/** networking.k8s.io/v1 ServiceCIDR. */
export const ServiceCIDR = defineKind<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  scope: 'Cluster',
  schema: 'networking/v1.ServiceCIDR',
  subresources: { status: true },
  validate: validateServiceCidr,
  validateUpdate: validateServiceCidrUpdate,
  columns: [nameColumn, textColumn('CIDRs', (c) => (c.spec.cidrs ?? []).join(',')), ageColumn],
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
});
