import { defineKind } from '../kind.ts';
import { pathSegmentName } from '../machinery/names.ts';
import type * as rbac from '../types/rbac-v1.ts';
import { bindingColumns } from './binding-columns.ts';
import { setBindingDefaults } from './binding-defaults.ts';
import { validateBindingUpdate, validateRoleBinding } from './rbac-validation.ts';

/** Grants a role to subjects, in one namespace. */
export type RoleBinding = rbac.RoleBinding;

/** rbac.authorization.k8s.io/v1 RoleBinding. */
export const RoleBinding = defineKind<RoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  scope: 'Namespaced',
  schema: 'rbac/v1.RoleBinding',
  defaults: setBindingDefaults,
  validateName: pathSegmentName,
  validate: validateRoleBinding,
  validateUpdate: validateBindingUpdate,
  columns: bindingColumns,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
});
