import { StatefulSet } from '../apps/stateful-set.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1beta1.ts';
import { storedUnderNewerVersion } from './newer-version.ts';
import { selectTemplateLabels } from './workload-defaults.ts';

/** StatefulSet as apps/v1beta1 had it. */
export type AppsV1beta1StatefulSet = apps.StatefulSet;

/** apps/v1beta1 StatefulSet, stored as apps/v1. */
export const AppsV1beta1StatefulSet = defineKind<AppsV1beta1StatefulSet>({
  group: 'apps',
  version: 'v1beta1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'apps/v1beta1.StatefulSet',
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
    spec.updateStrategy.type ||= 'OnDelete';
  },
  columns: StatefulSet.columns,
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
  storedAs: storedUnderNewerVersion<AppsV1beta1StatefulSet, StatefulSet>({
    kind: () => StatefulSet,
    apiVersion: 'apps/v1beta1',
    deprecatedIn: '1.8',
    removedIn: '1.16',
  }),
});
