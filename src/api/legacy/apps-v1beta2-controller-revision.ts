import { ControllerRevision } from '../apps/controller-revision.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1beta2.ts';
import { storedUnderNewerVersion } from './newer-version.ts';

/** ControllerRevision as apps/v1beta2 had it. */
export type AppsV1beta2ControllerRevision = apps.ControllerRevision;

/** apps/v1beta2 ControllerRevision, stored as apps/v1. */
export const AppsV1beta2ControllerRevision = defineKind<AppsV1beta2ControllerRevision>({
  group: 'apps',
  version: 'v1beta2',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  scope: 'Namespaced',
  schema: 'apps/v1beta2.ControllerRevision',
  columns: ControllerRevision.columns,
  allowUnconditionalUpdate: true,
  storedAs: storedUnderNewerVersion<AppsV1beta2ControllerRevision, ControllerRevision>({
    kind: () => ControllerRevision,
    apiVersion: 'apps/v1beta2',
    deprecatedIn: '1.9',
    removedIn: '1.16',
  }),
});
