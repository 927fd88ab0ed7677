import { DaemonSet } from '../apps/daemon-set.ts';
import { defineKind } from '../kind.ts';
import type * as extensions from '../types/extensions-v1beta1.ts';
import { storedUnderNewerVersion } from './newer-version.ts';
import { selectTemplateLabels } from './workload-defaults.ts';

/** DaemonSet as extensions/v1beta1 had it. */
export type ExtensionsV1beta1DaemonSet = extensions.DaemonSet;

/** extensions/v1beta1 DaemonSet, stored as apps/v1. */
export const ExtensionsV1beta1DaemonSet = defineKind<ExtensionsV1beta1DaemonSet>({
  group: 'extensions',
  version: 'v1beta1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'extensions/v1beta1.DaemonSet',
  subresources: { status: true },
  defaults({ metadata, spec }) {
    selectTemplateLabels(metadata, spec);
    spec.updateStrategy.type ||= 'OnDelete';
  },
  columns: DaemonSet.columns,
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
  storedAs: storedUnderNewerVersion<ExtensionsV1beta1DaemonSet, DaemonSet>({
    kind: () => DaemonSet,
    apiVersion: 'extensions/v1beta1',
    deprecatedIn: '1.8',
    removedIn: '1.16',
  }),
});
