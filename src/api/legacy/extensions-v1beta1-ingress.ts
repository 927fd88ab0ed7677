import { defineKind } from '../kind.ts';
import type * as extensions from '../types/extensions-v1beta1.ts';
import { betaIngress } from './beta-ingress.ts';

/** Ingress as extensions/v1beta1 had it. */
export type ExtensionsV1beta1Ingress = extensions.Ingress;

/** extensions/v1beta1 Ingress, stored as networking.k8s.io/v1. */
export const ExtensionsV1beta1Ingress = defineKind<ExtensionsV1beta1Ingress>(
  betaIngress('extensions', { schema: 'extensions/v1beta1.Ingress', deprecatedIn: '1.14' }),
);
