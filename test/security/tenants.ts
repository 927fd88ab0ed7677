/** A world with two tenants: what dana and the pods of one may do there, and nobody in the other. */
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import { Role } from '../../src/api/rbac/role.ts';
import { RoleBinding } from '../../src/api/rbac/role-binding.ts';
import { startWorld, type World } from './world.ts';

export const rbac = 'rbac.authorization.k8s.io';

/** Namespaces `team-a` and `team-b` with a secret each; `dana` and the default account of `team-a` work in theirs. */
export async function startTenants(): Promise<World> {
  const world = await startWorld();
  const { admin } = world;
  for (const name of ['team-a', 'team-b', 'kube-node-lease']) {
    if (!(await admin.find(Namespace, { name }))) await admin.create(Namespace, { metadata: { name } });
    if (!(await admin.find(ServiceAccount, { namespace: name, name: 'default' })))
      await admin.create(ServiceAccount, { metadata: { namespace: name, name: 'default' } });
  }
  for (const namespace of ['team-a', 'team-b']) {
    await admin.create(Secret, { metadata: { namespace, name: 'password' }, stringData: { p: 'secret-value' } });
    await admin.create(Secret, { metadata: { namespace, name: 'unused' } });
    await admin.create(ConfigMap, { metadata: { namespace, name: 'settings' } });
  }
  await admin.create(Role, {
    metadata: { namespace: 'team-a', name: 'dev' },
    rules: [
      {
        apiGroups: [''],
        resources: ['pods', 'pods/log', 'configmaps'],
        verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
      },
      {
        apiGroups: [rbac],
        resources: ['roles', 'rolebindings'],
        verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'],
      },
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['password'], verbs: ['get'] },
    ],
  });
  await admin.create(RoleBinding, {
    metadata: { namespace: 'team-a', name: 'dev' },
    roleRef: { apiGroup: rbac, kind: 'Role', name: 'dev' },
    subjects: [
      { kind: 'User', apiGroup: rbac, name: 'dana' },
      { kind: 'ServiceAccount', name: 'default', namespace: 'team-a' },
    ],
  });
  return world;
}
