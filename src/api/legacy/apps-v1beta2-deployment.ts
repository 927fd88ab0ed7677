import { Deployment } from '../apps/deployment.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1beta2.ts';
import { storedUnderNewerVersion } from './newer-version.ts';

/** Deployment as apps/v1beta2 had it. */
export type AppsV1beta2Deployment = apps.Deployment;

/** apps/v1beta2 Deployment, stored as apps/v1. */
export const AppsV1beta2Deployment = defineKind<AppsV1beta2Deployment>({
  group: 'apps',
  version: 'v1beta2',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'apps/v1beta2.Deployment',
  subresources: {
    status: true,
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  columns: Deployment.columns,
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
  storedAs: storedUnderNewerVersion<AppsV1beta2Deployment, Deployment>({
    kind: () => Deployment,
    apiVersion: 'apps/v1beta2',
    deprecatedIn: '1.9',
    removedIn: '1.16',
  }),
});
