import { defineKind } from '../kind.ts';
import { pathSegmentName } from '../machinery/names.ts';
import type * as rbac from '../types/rbac-v1.ts';
import { validateRole } from './rbac-validation.ts';

/** Permissions in one namespace. */
export type Role = rbac.Role;

/** rbac.authorization.k8s.io/v1 Role. */
export const Role = defineKind<Role>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  scope: 'Namespaced',
  schema: 'rbac/v1.Role',
  validateName: pathSegmentName,
  validate: validateRole,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
});
