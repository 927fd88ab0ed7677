import { ratcheted, selectorValues } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import { pathSegmentName } from '../machinery/names.ts';
import type * as rbac from '../types/rbac-v1.ts';
import { validateClusterRole } from './rbac-validation.ts';

/** Permissions in the whole cluster, or in any namespace that binds it. */
export type ClusterRole = rbac.ClusterRole;

/** rbac.authorization.k8s.io/v1 ClusterRole. */
export const ClusterRole = defineKind<ClusterRole>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  scope: 'Cluster',
  schema: 'rbac/v1.ClusterRole',
  validateName: pathSegmentName,
  validate: ratcheted(validateClusterRole, [selectorValues]),
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
});
