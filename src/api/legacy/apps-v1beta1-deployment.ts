import { Deployment } from '../apps/deployment.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1beta1.ts';
import { storedUnderNewerVersion } from './newer-version.ts';
import { selectTemplateLabels } from './workload-defaults.ts';

/** Deployment as apps/v1beta1 had it. */
export type AppsV1beta1Deployment = apps.Deployment;

/** apps/v1beta1 Deployment, stored as apps/v1. */
export const AppsV1beta1Deployment = defineKind<AppsV1beta1Deployment>({
  group: 'apps',
  version: 'v1beta1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'apps/v1beta1.Deployment',
  subresources: {
    status: true,
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  defaults({ metadata, spec }) {
    selectTemplateLabels(metadata, spec);
    spec.revisionHistoryLimit ??= 2;
  },
  columns: Deployment.columns,
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
  storedAs: storedUnderNewerVersion<AppsV1beta1Deployment, Deployment>({
    kind: () => Deployment,
    apiVersion: 'apps/v1beta1',
    deprecatedIn: '1.8',
    removedIn: '1.16',
  }),
});
