import { defineKind } from '../kind.ts';
import { pathSegmentName } from '../machinery/names.ts';
import type * as rbac from '../types/rbac-v1.ts';
import { bindingColumns } from './binding-columns.ts';
import { setBindingDefaults } from './binding-defaults.ts';
import { validateBindingUpdate, validateClusterRoleBinding } from './rbac-validation.ts';

/** Grants a cluster role to subjects, everywhere. */
export type ClusterRoleBinding = rbac.ClusterRoleBinding;

/** rbac.authorization.k8s.io/v1 ClusterRoleBinding. */
export const ClusterRoleBinding = defineKind<ClusterRoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  scope: 'Cluster',
  schema: 'rbac/v1.ClusterRoleBinding',
  defaults: setBindingDefaults,
  validateName: pathSegmentName,
  validate: validateClusterRoleBinding,
  validateUpdate: validateBindingUpdate,
  columns: bindingColumns,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
});
