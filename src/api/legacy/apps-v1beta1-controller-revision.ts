import { ControllerRevision } from '../apps/controller-revision.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1beta1.ts';
import { storedUnderNewerVersion } from './newer-version.ts';

/** ControllerRevision as apps/v1beta1 had it. */
export type AppsV1beta1ControllerRevision = apps.ControllerRevision;

/** apps/v1beta1 ControllerRevision, stored as apps/v1. */
export const AppsV1beta1ControllerRevision = defineKind<AppsV1beta1ControllerRevision>({
  group: 'apps',
  version: 'v1beta1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  scope: 'Namespaced',
  schema: 'apps/v1beta1.ControllerRevision',
  columns: ControllerRevision.columns,
  allowUnconditionalUpdate: true,
  storedAs: storedUnderNewerVersion<AppsV1beta1ControllerRevision, ControllerRevision>({
    kind: () => ControllerRevision,
    apiVersion: 'apps/v1beta1',
    deprecatedIn: '1.8',
    removedIn: '1.16',
  }),
});
