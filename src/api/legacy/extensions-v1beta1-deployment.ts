import { Deployment } from '../apps/deployment.ts';
import { defineKind } from '../kind.ts';
import type * as extensions from '../types/extensions-v1beta1.ts';
import { storedUnderNewerVersion } from './newer-version.ts';
import { selectTemplateLabels, setRollingUpdateDefault, unlimited } from './workload-defaults.ts';

/** Deployment as extensions/v1beta1 had it. */
export type ExtensionsV1beta1Deployment = extensions.Deployment;

/** extensions/v1beta1 Deployment, stored as apps/v1. */
export const ExtensionsV1beta1Deployment = defineKind<ExtensionsV1beta1Deployment>({
  group: 'extensions',
  version: 'v1beta1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'extensions/v1beta1.Deployment',
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
    setRollingUpdateDefault(spec.strategy, { maxUnavailable: 1, maxSurge: 1 });
    spec.revisionHistoryLimit ??= unlimited;
    spec.progressDeadlineSeconds ??= unlimited;
  },
  columns: Deployment.columns,
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
  storedAs: storedUnderNewerVersion<ExtensionsV1beta1Deployment, Deployment>({
    kind: () => Deployment,
    apiVersion: 'extensions/v1beta1',
    deprecatedIn: '1.8',
    removedIn: '1.16',
  }),
});
