/** Defaults of role bindings and cluster role bindings. */
import type { RoleRef, Subject } from '../types/rbac-v1.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

/** Fills the API groups that references leave out. */
export function setBindingDefaults(binding: { roleRef: RoleRef; subjects?: Subject[] }): void {
  binding.roleRef.apiGroup ||= rbacGroup;
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup;
  }
}
