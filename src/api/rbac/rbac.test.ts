import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import { ClusterRole } from './cluster-role.ts';
import { ClusterRoleBinding } from './cluster-role-binding.ts';
import { Role } from './role.ts';
import { RoleBinding } from './role-binding.ts';

describe('roles', () => {
  it.each<[string, object, string[]]>([
    [
      'no verbs',
      { apiGroups: [''], resources: ['pods'], verbs: [] },
      ['rules[0].verbs: Required value: verbs must contain at least one value'],
    ],
    [
      'no group',
      { resources: ['pods'], verbs: ['get'] },
      ['rules[0].apiGroups: Required value: resource rules must supply at least one api group'],
    ],
    [
      'no resource',
      { apiGroups: [''], verbs: ['get'] },
      ['rules[0].resources: Required value: resource rules must supply at least one resource'],
    ],
    [
      'URLs in a namespace',
      { nonResourceURLs: ['/healthz'], verbs: ['get'] },
      ['rules[0].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs'],
    ],
  ])('with %s', (_, rule, problems) => {
    expect(createProblems(Role, admitted(Role, { rules: [rule] }))).toEqual(problems);
  });

  it('of the cluster may be about URLs, or gather others', () => {
    const urls = admitted(ClusterRole, { rules: [{ nonResourceURLs: ['/healthz'], verbs: ['get'] }] });
    expect(createProblems(ClusterRole, urls)).toEqual([]);
    expect(createProblems(ClusterRole, admitted(ClusterRole, { aggregationRule: {} }))).toEqual([
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ]);
  });

  it('have names with colons', () => expect(Role.validateName!('system:a:b', false)).toEqual([]));
});

describe('bindings', () => {
  const subjects = [
    { kind: 'User', name: 'jane' },
    { kind: 'Group', name: 'devs' },
    { kind: 'ServiceAccount', name: 'robot', namespace: 'ci' },
  ];
  const binding = (more: object = {}) =>
    admitted(RoleBinding, { roleRef: { kind: 'Role', name: 'r' }, subjects, ...more });

  it('fill the groups of their references', () => {
    expect(binding()).toMatchObject({
      roleRef: { apiGroup: 'rbac.authorization.k8s.io' },
      subjects: [
        { apiGroup: 'rbac.authorization.k8s.io' },
        { apiGroup: 'rbac.authorization.k8s.io' },
        { kind: 'ServiceAccount' },
      ],
    });
    expect(createProblems(RoleBinding, binding())).toEqual([]);
  });

  it('show whom they grant what', () => {
    expect(cells(RoleBinding, binding())).toMatchObject({
      Role: 'Role/r',
      Users: 'jane',
      Groups: 'devs',
      ServiceAccounts: 'ci/robot',
    });
  });

  it('keep their role', () => {
    expect(
      updateProblems(RoleBinding, binding(), (b) => {
        b.roleRef.name = 'admin';
      }),
    ).toEqual([
      'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"admin"}: cannot change roleRef',
    ]);
  });

  it('of the cluster bind cluster roles, and accounts with their namespace', () => {
    const object = admitted(ClusterRoleBinding, {
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'ServiceAccount', name: 'robot' },
        { kind: 'Cat', name: 'tom' },
      ],
    });
    expect(createProblems(ClusterRoleBinding, object)).toEqual([
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      'subjects[0].namespace: Required value',
      'subjects[1].kind: Unsupported value: "Cat": supported values: "ServiceAccount", "User", "Group"',
    ]);
  });
});
