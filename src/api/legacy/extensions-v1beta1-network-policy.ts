import { defineKind } from '../kind.ts';
import { NetworkPolicy } from '../networking/network-policy.ts';
import type * as extensions from '../types/extensions-v1beta1.ts';
import { storedUnderNewerVersion } from './newer-version.ts';

/** NetworkPolicy as extensions/v1beta1 had it. */
export type ExtensionsV1beta1NetworkPolicy = extensions.NetworkPolicy;

/** extensions/v1beta1 NetworkPolicy, stored as networking.k8s.io/v1. */
export const ExtensionsV1beta1NetworkPolicy = defineKind<ExtensionsV1beta1NetworkPolicy>({
  group: 'extensions',
  version: 'v1beta1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  scope: 'Namespaced',
  schema: 'extensions/v1beta1.NetworkPolicy',
  columns: NetworkPolicy.columns,
  tracksGeneration: true,
  allowUnconditionalUpdate: true,
  storedAs: storedUnderNewerVersion<ExtensionsV1beta1NetworkPolicy, NetworkPolicy>({
    kind: () => NetworkPolicy,
    apiVersion: 'extensions/v1beta1',
    deprecatedIn: '1.9',
    removedIn: '1.16',
  }),
});
