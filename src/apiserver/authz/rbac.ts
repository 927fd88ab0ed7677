/** The RBAC authorizer, on informers of roles and bindings (upstream plugin/pkg/auth/authorizer/rbac). */
import type { Shared } from '../../api/kind.ts';
import { ClusterRole } from '../../api/rbac/cluster-role.ts';
import { ClusterRoleBinding } from '../../api/rbac/cluster-role-binding.ts';
import { Role } from '../../api/rbac/role.ts';
import { RoleBinding } from '../../api/rbac/role-binding.ts';
import type { PolicyRule, RoleRef, Subject } from '../../api/types/rbac-v1.ts';
import type { InformerSet } from '../../client/informer.ts';
import type { UserInfo } from '../user.ts';
import type { AuthorizationAttributes, AuthorizationResult, Authorizer, RulesFor } from './authorizer.ts';
import { ruleAllows } from './rule-match.ts';

const bySubject = 'rbac-subject';

type Binding = Shared<ClusterRoleBinding> | Shared<RoleBinding>;

/** The keys under which a binding's subject is found; service accounts are users by their full name. */
function subjectKey(subject: Shared<Subject>, namespace: string): string {
  if (subject.kind === 'Group') return `g:${subject.name}`;
  if (subject.kind === 'ServiceAccount') {
    return `u:system:serviceaccount:${subject.namespace || namespace}:${subject.name}`;
  }
  return `u:${subject.name}`;
}

const userKeys = (user: UserInfo) => [`u:${user.name}`, ...user.groups.map((group) => `g:${group}`)];

/**
 * Decides by the roles bound to the user and its groups. Requests that come before the first sync wait for it, so that
 * nobody is refused because the server has just started.
 */
export function createRbacAuthorizer(informers: InformerSet): Authorizer & RuleResolver {
  const clusterRoles = informers.informer(ClusterRole);
  const roles = informers.informer(Role);
  const clusterRoleBindings = informers.informer(ClusterRoleBinding);
  const roleBindings = informers.informer(RoleBinding);
  clusterRoleBindings.addIndex(bySubject, (binding) => keysOf(binding, ''));
  roleBindings.addIndex(bySubject, (binding) => {
    const namespace = binding.metadata.namespace ?? '';
    return keysOf(binding, namespace).map((key) => `${namespace}/${key}`);
  });
  const all = [clusterRoles, roles, clusterRoleBindings, roleBindings];
  let synced = false;
  const whenSynced = async () => {
    await Promise.all(all.map((informer) => informer.whenSynced()));
    synced = true;
  };

  function rulesOf(roleRef: Shared<RoleRef>, namespace: string): readonly Shared<PolicyRule>[] | undefined {
    const role =
      roleRef.kind === 'ClusterRole' ? clusterRoles.get(undefined, roleRef.name) : roles.get(namespace, roleRef.name);
    return role ? (role.rules ?? []) : undefined;
  }

  /** Visits every rule that applies to the user until `visit` says stop. */
  function visitRules(
    user: UserInfo,
    namespace: string,
    visit: (rules: readonly Shared<PolicyRule>[], binding: Binding, key: string) => boolean,
    missing: (roleRef: Shared<RoleRef>) => void,
  ): void {
    const keys = userKeys(user);
    for (const key of keys) {
      for (const binding of clusterRoleBindings.byIndex(bySubject, key)) {
        const rules = rulesOf(binding.roleRef, '');
        if (!rules) missing(binding.roleRef);
        else if (visit(rules, binding, key)) return;
      }
    }
    if (!namespace) return;
    for (const key of keys) {
      for (const binding of roleBindings.byIndex(bySubject, `${namespace}/${key}`)) {
        const rules = rulesOf(binding.roleRef, namespace);
        if (!rules) missing(binding.roleRef);
        else if (visit(rules, binding, key)) return;
      }
    }
  }

  function decide(attributes: AuthorizationAttributes): AuthorizationResult {
    let allowedBy: string | undefined;
    const errors: string[] = [];
    visitRules(
      attributes.user,
      attributes.namespace ?? '',
      (rules, binding, key) => {
        if (!rules.some((rule) => ruleAllows(rule, attributes))) return false;
        allowedBy = describe(binding, key);
        return true;
      },
      (roleRef) => errors.push(`${roleRef.kind.toLowerCase()}.rbac.authorization.k8s.io "${roleRef.name}" not found`),
    );
    if (allowedBy !== undefined) return { decision: 'Allow', reason: `RBAC: allowed by ${allowedBy}` };
    const unique = [...new Set(errors)];
    const reason = unique.length === 0 ? '' : `RBAC: ${unique.length === 1 ? unique[0] : `[${unique.join(', ')}]`}`;
    return { decision: 'NoOpinion', reason };
  }

  function resolve(user: UserInfo, namespace: string): ResolvedRules {
    const rules: Shared<PolicyRule>[] = [];
    const errors: string[] = [];
    visitRules(
      user,
      namespace,
      (found) => {
        rules.push(...found);
        return false;
      },
      (roleRef) => errors.push(`${roleRef.kind.toLowerCase()}.rbac.authorization.k8s.io "${roleRef.name}" not found`),
    );
    return { rules, errors };
  }

  return {
    name: 'RBAC',
    authorize: (attributes) => (synced ? decide(attributes) : whenSynced().then(() => decide(attributes))),
    async rulesFor(user, namespace) {
      if (!synced) await whenSynced();
      return asRulesFor(resolve(user, namespace));
    },
    async rulesOfUser(user, namespace) {
      if (!synced) await whenSynced();
      return resolve(user, namespace);
    },
    async rulesOfRole(roleRef, namespace) {
      if (!synced) await whenSynced();
      return rulesOf(roleRef, namespace);
    },
  };
}

/** Rules in RBAC's own form. */
export interface ResolvedRules {
  readonly rules: readonly Shared<PolicyRule>[];
  /** Bindings whose roles do not exist. */
  readonly errors: readonly string[];
}

/** Answers what the escalation check asks. */
export interface RuleResolver {
  /** All rules that apply to a user in a namespace; '' for cluster-wide ones only. */
  rulesOfUser(user: UserInfo, namespace: string): Promise<ResolvedRules>;
  /** The rules of the role that a binding refers to; undefined when there is none. */
  rulesOfRole(
    roleRef: { kind: string; name: string; apiGroup: string },
    namespace: string,
  ): Promise<readonly Shared<PolicyRule>[] | undefined>;
}

function keysOf(binding: Binding, namespace: string): string[] {
  return [...new Set((binding.subjects ?? []).map((subject) => subjectKey(subject, namespace)))];
}

function describe(binding: Binding, key: string): string {
  const namespace = binding.metadata.namespace ?? '';
  const subject = (binding.subjects ?? []).find((s) => subjectKey(s, namespace) === key);
  const to =
    subject?.kind === 'ServiceAccount'
      ? `ServiceAccount ${JSON.stringify(`${subject.name}/${subject.namespace || namespace}`)}`
      : `${subject?.kind} ${JSON.stringify(subject?.name)}`;
  const [kind, name] = namespace
    ? ['RoleBinding', `${binding.metadata.name}/${namespace}`]
    : ['ClusterRoleBinding', binding.metadata.name];
  return `${kind} ${JSON.stringify(name)} of ${binding.roleRef.kind} ${JSON.stringify(binding.roleRef.name)} to ${to}`;
}

function asRulesFor({ rules, errors }: ResolvedRules): RulesFor {
  return {
    resourceRules: rules
      .filter((rule) => rule.resources?.length)
      .map((rule) => ({
        verbs: rule.verbs ?? [],
        apiGroups: rule.apiGroups ?? [],
        resources: rule.resources ?? [],
        ...(rule.resourceNames?.length ? { resourceNames: rule.resourceNames } : {}),
      })),
    nonResourceRules: rules
      .filter((rule) => rule.nonResourceURLs?.length)
      .map((rule) => ({ verbs: rule.verbs ?? [], nonResourceURLs: rule.nonResourceURLs ?? [] })),
    incomplete: errors.length > 0,
    ...(errors.length ? { evaluationError: errors.join(', ') } : {}),
  };
}
