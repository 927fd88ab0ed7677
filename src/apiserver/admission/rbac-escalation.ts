import type { Shared } from '../../api/kind.ts';
import { forbiddenError } from '../../api/machinery/status.ts';
import { ClusterRole } from '../../api/rbac/cluster-role.ts';
import type { ClusterRoleBinding } from '../../api/rbac/cluster-role-binding.ts';
import { Role } from '../../api/rbac/role.ts';
import type { RoleBinding } from '../../api/rbac/role-binding.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import { mastersGroup } from '../authz/chain.ts';
import { compactRules, ruleText, uncoveredRules } from '../authz/rule-match.ts';
import { type AdmissionEnvironment, type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { refusedName } from './refusal.ts';

const group = 'rbac.authorization.k8s.io';
const resources: ReadonlySet<string> = new Set(['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings']);

/**
 * Nobody grants what he does not have: whoever writes a role must hold its rules or the verb `escalate`, whoever writes a
 * binding must hold the rules of the role or the verb `bind` (upstream's policy-based RBAC storage). Always on.
 */
export const rbacEscalation = defineAdmissionPlugin({
  name: 'RBACEscalation',
  order: 15,
  enabledByDefault: true,
  handles: ({ operation, resource, user }) =>
    resource.group === group &&
    resources.has(resource.plural) &&
    (operation === 'CREATE' || operation === 'UPDATE') &&
    !user.groups.includes(mastersGroup),
  create: (environment) => ({
    validate: (request) =>
      request.resource.plural.endsWith('bindings')
        ? checkBinding(environment, request)
        : checkRole(environment, request),
  }),
});

async function isAllowed(
  { authorizer }: AdmissionEnvironment,
  { user }: AdmissionRequest,
  about: { verb: 'escalate' | 'bind'; resource: string; namespace: string; name: string },
): Promise<boolean> {
  const { decision } = await authorizer.authorize({ user, resourceRequest: true, group, version: 'v1', ...about });
  return decision === 'Allow';
}

async function checkRole(environment: AdmissionEnvironment, request: AdmissionRequest): Promise<void> {
  const role = request.object as ClusterRole;
  const old = request.oldObject as Shared<ClusterRole> | undefined;
  // Whoever only takes a finalizer off or changes a label grants nothing.
  if (old && deepEqual(role.rules ?? [], old.rules ?? []) && deepEqual(role.aggregationRule, old.aggregationRule))
    return;
  const { namespace, resource, name } = request;
  const about = { verb: 'escalate' as const, resource: resource.plural, namespace, name: refusedName(request) };
  if (await isAllowed(environment, request, { ...about, name: name || role.metadata.name || '' })) return;
  if (role.aggregationRule?.clusterRoleSelectors?.length) {
    const everything: PolicyRule[] = [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ];
    if ((await missingRules(environment, request, everything)).missing.length) {
      throw forbiddenError(
        resource,
        refusedName(request),
        'must have cluster-admin privileges to use an aggregationRule',
      );
    }
  }
  await assertHolds(environment, request, role.rules ?? []);
}

async function checkBinding(environment: AdmissionEnvironment, request: AdmissionRequest): Promise<void> {
  const binding = request.object as ClusterRoleBinding | RoleBinding;
  const old = request.oldObject as Shared<ClusterRoleBinding> | undefined;
  if (old && deepEqual(binding.roleRef, old.roleRef) && deepEqual(binding.subjects ?? [], old.subjects ?? [])) return;
  const { namespace } = request;
  const { kind, name } = binding.roleRef;
  const resource = kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  if (await isAllowed(environment, request, { verb: 'bind', resource, namespace, name })) return;
  // NotFound reaches the caller: a binding to nothing could be filled by somebody else later.
  const role: Shared<ClusterRole> | Shared<Role> =
    kind === 'ClusterRole'
      ? await environment.client.get(ClusterRole, { name })
      : await environment.client.get(Role, { namespace, name });
  await assertHolds(environment, request, role.rules ?? []);
}

async function missingRules(
  { authorizer }: AdmissionEnvironment,
  { user, namespace }: AdmissionRequest,
  wanted: readonly Shared<PolicyRule>[],
): Promise<{ missing: PolicyRule[]; error: string | undefined }> {
  const held = await authorizer.rulesFor?.(user, namespace);
  const rules = [...(held?.resourceRules ?? []), ...(held?.nonResourceRules ?? [])] as Shared<PolicyRule>[];
  return { missing: uncoveredRules(rules, wanted), error: held?.evaluationError };
}

async function assertHolds(
  environment: AdmissionEnvironment,
  request: AdmissionRequest,
  wanted: readonly Shared<PolicyRule>[],
): Promise<void> {
  const { missing } = await missingRules(environment, request, wanted);
  if (missing.length === 0) return;
  const { user } = request;
  const groups = `[${user.groups.map((g) => JSON.stringify(g)).join(' ')}]`;
  const lines = compactRules(missing).map(ruleText).sort();
  throw forbiddenError(
    request.resource,
    refusedName(request),
    `user ${JSON.stringify(user.name)} (groups=${groups}) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`,
  );
}
