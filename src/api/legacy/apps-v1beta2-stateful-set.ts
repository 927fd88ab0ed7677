import { StatefulSet } from '../apps/stateful-set.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1beta2.ts';
import { storedUnderNewerVersion } from './newer-version.ts';

/** StatefulSet as apps/v1beta2 had it. */
export type AppsV1beta2StatefulSet = apps.StatefulSet;

/** apps/v1beta2 StatefulSet, stored as apps/v1. */
export const AppsV1beta2StatefulSet = defineKind<AppsV1beta2StatefulSet>({
  group: 'apps',
  version: 'v1beta2',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'apps/v1beta2.StatefulSet',
  subresources: {
    status: true,
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  columns: StatefulSet.columns,
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
  storedAs: storedUnderNewerVersion<AppsV1beta2StatefulSet, StatefulSet>({
    kind: () => StatefulSet,
    apiVersion: 'apps/v1beta2',
    deprecatedIn: '1.9',
    removedIn: '1.16',
  }),
});
