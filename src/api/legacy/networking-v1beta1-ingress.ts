import { defineKind } from '../kind.ts';
import type * as networking from '../types/networking-v1beta1.ts';
import { betaIngress } from './beta-ingress.ts';

/** Ingress as networking.k8s.io/v1beta1 had it. */
export type NetworkingV1beta1Ingress = networking.Ingress;

/** networking.k8s.io/v1beta1 Ingress, stored as networking.k8s.io/v1. */
export const NetworkingV1beta1Ingress = defineKind<NetworkingV1beta1Ingress>(
  betaIngress('networking.k8s.io', { schema: 'networking/v1beta1.Ingress', deprecatedIn: '1.19' }),
);
