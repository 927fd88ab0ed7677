import { describe, expect, it } from 'vitest';
import type { ClusterRole } from '../../api/rbac/cluster-role.ts';
import { defaultPolicy, mendBinding, mendRole, type PolicyRole } from './bootstrap-policy.ts';
import { controllerAccount, controllerUser } from './controller-roles.ts';
import { ruleAllows } from './rule-match.ts';

const policy = defaultPolicy();
const role = (name: string): PolicyRole => policy.clusterRoles.find((one) => one.metadata.name === name)!;
const allows = (name: string, verb: string, resource: string, group = '', subresource = '') =>
  role(name).rules.some((rule) =>
    ruleAllows(rule, { user: { name: 'x', groups: [] }, verb, resourceRequest: true, group, resource, subresource }),
  );

describe('the default cluster roles', () => {
  it('are marked, and made of one another by labels', () => {
    for (const { metadata } of policy.clusterRoles) {
      expect(metadata.labels['kubernetes.io/bootstrapping']).toBe('rbac-defaults');
      expect(metadata.annotations['rbac.authorization.kubernetes.io/autoupdate']).toBe('true');
    }
    const aggregate = (name: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${name}`]: 'true' });
    expect(role('edit').aggregationRule!.clusterRoleSelectors).toEqual([{ matchLabels: aggregate('edit') }]);
    expect(role('edit').metadata.labels).toMatchObject(aggregate('admin'));
    expect(role('view').metadata.labels).toMatchObject(aggregate('edit'));
    expect(role('system:aggregate-to-view').metadata.labels).toMatchObject(aggregate('view'));
  });

  it.each<[string, string, string, string, boolean]>([
    ['system:aggregate-to-view', 'get', 'pods', '', true],
    ['system:aggregate-to-view', 'get', 'secrets', '', false],
    ['system:aggregate-to-view', 'create', 'pods', '', false],
    ['system:aggregate-to-view', 'list', 'endpointslices', 'discovery.k8s.io', true],
    ['system:aggregate-to-edit', 'get', 'secrets', '', true],
    ['system:aggregate-to-edit', 'create', 'endpoints', '', false],
    ['system:aggregate-to-edit', 'update', 'roles', 'rbac.authorization.k8s.io', false],
    ['system:aggregate-to-edit', 'impersonate', 'serviceaccounts', '', true],
    ['system:aggregate-to-admin', 'update', 'rolebindings', 'rbac.authorization.k8s.io', true],
    ['system:aggregate-to-admin', 'update', 'resourcequotas', '', false],
    ['system:node-bootstrapper', 'create', 'certificatesigningrequests', 'certificates.k8s.io', true],
    ['system:node-bootstrapper', 'get', 'secrets', '', false],
    ['system:basic-user', 'create', 'selfsubjectreviews', 'authentication.k8s.io', true],
    ['system:kube-scheduler', 'get', 'secrets', '', false],
    ['cluster-admin', 'anything', 'everything', 'anywhere', true],
  ])('%s may %s %s of %j: %s', (name, verb, resource, group, allowed) => {
    expect(allows(name, verb, resource, group)).toBe(allowed);
  });

  it('bind as upstream does', () => {
    const subjects = Object.fromEntries(
      policy.clusterRoleBindings.map((b) => [b.metadata.name, b.subjects.map((s) => `${s.kind}:${s.name}`)]),
    );
    expect(subjects).toMatchObject({
      'cluster-admin': ['Group:system:masters'],
      'system:basic-user': ['Group:system:authenticated'],
      'system:discovery': ['Group:system:authenticated'],
      'system:public-info-viewer': ['Group:system:authenticated', 'Group:system:unauthenticated'],
      'system:node': [],
      'system:kube-dns': ['ServiceAccount:kube-dns'],
    });
    // Nothing but health and version is open to those who do not say who they are.
    const open = policy.clusterRoleBindings.filter((b) => b.subjects.some((s) => s.name === 'system:unauthenticated'));
    expect(open.map((b) => b.metadata.name)).toEqual(['system:public-info-viewer']);
    expect(policy.roleBindings.some((b) => b.subjects.some((s) => s.name === 'system:anonymous'))).toBe(false);
  });

  it('name no role that is not there', () => {
    const names = new Set(policy.clusterRoles.map((one) => one.metadata.name));
    for (const binding of policy.clusterRoleBindings) expect(names).toContain(binding.roleRef.name);
    const roles = new Set(policy.roles.map((one) => `${one.metadata.namespace}/${one.metadata.name}`));
    for (const b of policy.roleBindings) expect(roles).toContain(`${b.metadata.namespace}/${b.roleRef.name}`);
  });
});

describe('controllers', () => {
  it('get a role and a binding for the account that upstream gives them', () => {
    const rule = { apiGroups: ['apps'], resources: ['daemonsets'], verbs: ['get'] };
    const made = defaultPolicy([
      { name: 'daemonset-controller', rbac: [rule] },
      { name: 'taint-eviction-controller', rbac: [rule] },
      { name: 'node-lifecycle-controller', rbac: [{ ...rule, verbs: ['list'] }] },
    ]);
    const found = made.clusterRoles.find((one) => one.metadata.name === 'system:controller:daemon-set-controller')!;
    expect(found.rules[0]).toEqual(rule);
    expect(found.rules).toHaveLength(1);
    const shared = made.clusterRoles.find((one) => one.metadata.name === 'system:controller:node-controller')!;
    expect(shared.rules[0]!.verbs).toEqual(['get', 'list']);
    expect(controllerAccount('replicaset-controller')).toBe('replicaset-controller');
    expect(controllerUser('daemonset-controller')).toBe('system:serviceaccount:kube-system:daemon-set-controller');
  });

  it('that work in one namespace get none for the cluster', () => {
    const made = defaultPolicy([
      { name: 'token-cleaner', rbac: [{ apiGroups: [''], resources: ['secrets'], verbs: ['delete'] }] },
    ]);
    expect(made.clusterRoles.map((one) => one.metadata.name)).not.toContain('system:controller:token-cleaner');
    expect(made.roles).toContainEqual(
      expect.objectContaining({
        metadata: expect.objectContaining({ namespace: 'kube-system', name: 'system:controller:token-cleaner' }),
      }),
    );
  });
});

describe('mending', () => {
  const wanted = role('system:node-bootstrapper');
  const stored = (more: object = {}) =>
    ({
      apiVersion: 'v1',
      kind: 'ClusterRole',
      metadata: { ...wanted.metadata },
      rules: structuredClone(wanted.rules),
      ...more,
    }) as ClusterRole;

  it('leaves alone what lacks nothing', () => {
    expect(mendRole(stored(), wanted)).toBeUndefined();
    const extra = [...wanted.rules, { apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
    expect(mendRole(stored({ rules: extra }), wanted)).toBeUndefined();
  });

  it('adds missing rules and marks', () => {
    const fixed = mendRole(stored({ rules: [{ ...wanted.rules[0], verbs: ['get'] }] }), wanted)!;
    expect(fixed.rules.flatMap((rule) => rule.verbs)).toEqual(['get', 'create', 'list', 'watch']);
    expect(mendRole(stored({ metadata: { name: 'x' } }), wanted)!.metadata.labels).toEqual(wanted.metadata.labels);
  });

  it('adds missing subjects and makes a binding to another role anew', () => {
    const binding = policy.clusterRoleBindings.find((b) => b.metadata.name === 'cluster-admin')!;
    const found = { apiVersion: 'v1', kind: 'ClusterRoleBinding', ...structuredClone(binding) } as never;
    expect(mendBinding(found, binding)).toBeUndefined();
    expect(mendBinding({ ...(found as object), subjects: [] } as never, binding)).toMatchObject({
      subjects: binding.subjects,
    });
    expect(mendBinding({ ...(found as object), roleRef: { ...binding.roleRef, name: 'view' } } as never, binding)).toBe(
      'recreate',
    );
  });
});
