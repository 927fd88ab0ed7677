import { DaemonSet } from '../apps/daemon-set.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1beta2.ts';
import { storedUnderNewerVersion } from './newer-version.ts';

/** DaemonSet as apps/v1beta2 had it. */
export type AppsV1beta2DaemonSet = apps.DaemonSet;

/** apps/v1beta2 DaemonSet, stored as apps/v1. */
export const AppsV1beta2DaemonSet = defineKind<AppsV1beta2DaemonSet>({
  group: 'apps',
  version: 'v1beta2',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'apps/v1beta2.DaemonSet',
  subresources: { status: true },
  columns: DaemonSet.columns,
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
  storedAs: storedUnderNewerVersion<AppsV1beta2DaemonSet, DaemonSet>({
    kind: () => DaemonSet,
    apiVersion: 'apps/v1beta2',
    deprecatedIn: '1.9',
    removedIn: '1.16',
  }),
});
