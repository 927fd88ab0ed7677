/** The table of role bindings and cluster role bindings. */
import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import type { Column } from '../kind.ts';
import type { ClusterRoleBinding, RoleBinding, Subject } from '../types/rbac-v1.ts';

type Binding = RoleBinding | ClusterRoleBinding;

const named =
  (kind: string, text: (subject: Readonly<Subject>) => string) =>
  (binding: { readonly subjects?: readonly Readonly<Subject>[] }) =>
    (binding.subjects ?? [])
      .filter((s) => s.kind === kind)
      .map(text)
      .join(', ');

export const bindingColumns: readonly Column<Binding>[] = [
  nameColumn,
  textColumn('Role', (b) => `${b.roleRef.kind}/${b.roleRef.name}`),
  ageColumn,
  textColumn(
    'Users',
    named('User', (s) => s.name),
    1,
  ),
  textColumn(
    'Groups',
    named('Group', (s) => s.name),
    1,
  ),
  textColumn(
    'ServiceAccounts',
    named('ServiceAccount', (s) => (s.namespace ? `${s.namespace}/${s.name}` : s.name)),
    1,
  ),
];
