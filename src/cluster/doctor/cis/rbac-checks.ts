/** 5.1: what roles allow, and to whom, beyond what every cluster begins with. All of it is for people to judge. */
import type { Shared } from '../../../api/kind.ts';
import type { PolicyRule, RoleRef, Subject } from '../../../api/types/rbac-v1.ts';
import { type CisCheck, type Judgement, judged, manual } from './check.ts';
import type { CisFacts } from './facts.ts';

const shown = 5;
const some = (names: readonly string[]) =>
  names.length === 0 ? 'none' : names.slice(0, shown).join(', ') + (names.length > shown ? ', …' : '');

const bootstrapLabel = 'kubernetes.io/bootstrapping';
/** Made by the server itself, with upstream's content. */
const isDefault = (object: { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } }) =>
  object.metadata.labels?.[bootstrapLabel] === 'rbac-defaults';

interface NamedRole {
  readonly name: string;
  readonly rules: readonly Shared<PolicyRule>[];
}

const allRoles = (facts: CisFacts) => [...facts.clusterRoles, ...facts.roles];
const fullName = ({ namespace, name }: { readonly namespace?: string; readonly name: string }) =>
  namespace ? `${namespace}/${name}` : name;

const ownRoles = (facts: CisFacts): NamedRole[] =>
  allRoles(facts)
    .filter((role) => !isDefault(role))
    .map((role) => ({ name: fullName(role.metadata), rules: role.rules ?? [] }));

const has = (list: readonly string[] | undefined, wanted: readonly string[]) =>
  list?.some((item) => item === '*' || wanted.includes(item)) ?? false;

/** Whether a rule gives one of the verbs on one of the resources. */
const gives = (rule: Shared<PolicyRule>, verbs: readonly string[], resources: readonly string[]) =>
  has(rule.verbs, verbs) && has(rule.resources, resources);

interface Binding {
  readonly metadata: { readonly namespace?: string; readonly name: string };
  readonly roleRef: Shared<RoleRef>;
  readonly subjects?: readonly Shared<Subject>[];
}

const subjectName = ({ kind, namespace, name }: Shared<Subject>) =>
  `${kind} ${namespace ? `${namespace}/` : ''}${name}`;

const bindings = (facts: CisFacts): readonly Binding[] => [...facts.clusterRoleBindings, ...facts.roleBindings];

/** Everybody whom the server cannot tell apart. */
const everybody: ReadonlySet<string> = new Set([
  'system:anonymous',
  'system:unauthenticated',
  'system:authenticated',
  'system:serviceaccounts',
]);

/** Roles besides the default ones that give something, and whether everybody has one of them. */
function whoMay(id: string, title: string, verbs: readonly string[], resources: readonly string[]): CisCheck {
  return {
    id,
    title,
    judge(facts) {
      const giving = ownRoles(facts).filter(({ rules }) => rules.some((rule) => gives(rule, verbs, resources)));
      const any = new Set(
        allRoles(facts)
          .filter((role) => role.rules?.some((rule) => gives(rule, verbs, resources)))
          .map((role) => fullName(role.metadata)),
      );
      const open = bindings(facts).filter(
        ({ metadata, roleRef, subjects }) =>
          any.has(roleRef.kind === 'Role' ? `${metadata.namespace}/${roleRef.name}` : roleRef.name) &&
          subjects?.some((subject) => everybody.has(subject.name)),
      );
      return open[0]
        ? { state: 'FAIL', reason: `${open[0].metadata.name} gives it to everybody` }
        : manual(
            `${giving.length} roles of yours give it: ${some(giving.map((role) => role.name))}; none to everybody`,
          );
    },
  };
}

function clusterAdmins(facts: CisFacts): Judgement {
  const subjects = bindings(facts)
    .filter(({ roleRef }) => roleRef.kind === 'ClusterRole' && roleRef.name === 'cluster-admin')
    .flatMap((binding) => (binding.subjects ?? []).map(subjectName));
  return manual(`bound to cluster-admin: ${some(subjects)}`);
}

function wildcards(facts: CisFacts): Judgement {
  const wide = ownRoles(facts).filter(({ rules }) =>
    rules.some((rule) => [rule.verbs, rule.resources, rule.apiGroups].some((list) => list?.includes('*'))),
  );
  return manual(`${wide.length} roles of yours with wildcards: ${some(wide.map((role) => role.name))}`);
}

function defaultAccounts(facts: CisFacts): Judgement {
  const bound = bindings(facts).filter(({ subjects }) =>
    subjects?.some((subject) => subject.kind === 'ServiceAccount' && subject.name === 'default'),
  );
  const users = facts.pods.filter(({ spec }) => (spec.serviceAccountName ?? 'default') === 'default');
  return bound[0]
    ? { state: 'FAIL', reason: `${fullName(bound[0].metadata)} gives a default account rights` }
    : manual(`no default account has a role; ${users.length} pods run under one`);
}

function mountedTokens({ pods, serviceAccounts }: CisFacts): Judgement {
  const without = new Set(
    serviceAccounts
      .filter((account) => account.automountServiceAccountToken === false)
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  );
  const mounting = pods.filter(
    ({ metadata, spec }) =>
      spec.automountServiceAccountToken ??
      !without.has(`${metadata.namespace}/${spec.serviceAccountName ?? 'default'}`),
  );
  return manual(`${mounting.length} of ${pods.length} pods mount a token`);
}

function masters(facts: CisFacts): Judgement {
  const others = bindings(facts).filter(
    (binding) =>
      binding.subjects?.some((s) => s.name === 'system:masters') && binding.metadata.name !== 'cluster-admin',
  );
  return judgedMasters(others.length);
}

const judgedMasters = (others: number) =>
  others
    ? judged(false, '', `${others} bindings besides the first one name system:masters`)
    : manual(
        'the first kubeconfig is of system:masters; for daily work make others with "timonel kubeconfig --user U --group G"',
      );

/** 5.1. */
export const rbacChecks: readonly CisCheck[] = [
  { id: '5.1.1', title: 'few are cluster-admin', judge: clusterAdmins },
  whoMay('5.1.2', 'few read secrets', ['get', 'list', 'watch'], ['secrets']),
  { id: '5.1.3', title: 'roles say what they allow', judge: wildcards },
  whoMay('5.1.4', 'few make pods', ['create'], ['pods']),
  { id: '5.1.5', title: 'default accounts have no rights', judge: defaultAccounts },
  { id: '5.1.6', title: 'tokens are mounted where needed', judge: mountedTokens },
  { id: '5.1.7', title: 'system:masters is not for daily work', judge: masters },
  whoMay(
    '5.1.8',
    'few can widen rights',
    ['bind', 'escalate', 'impersonate'],
    ['roles', 'clusterroles', 'users', 'groups', 'serviceaccounts'],
  ),
  whoMay('5.1.9', 'few make volumes', ['create'], ['persistentvolumes']),
  whoMay('5.1.10', 'few reach into nodes', ['get', 'create'], ['nodes/proxy']),
  whoMay('5.1.11', 'few approve certificates', ['update', 'patch'], ['certificatesigningrequests/approval']),
  whoMay(
    '5.1.12',
    'few change webhooks',
    ['create', 'update', 'patch'],
    ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
  ),
  whoMay('5.1.13', 'few make tokens', ['create'], ['serviceaccounts/token']),
];
