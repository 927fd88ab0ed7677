import type { SchemaFacts } from '../facts.ts';

/** The types of rbac.authorization.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'rbac/v1',
  apiVersion: 'rbac.authorization.k8s.io/v1',
  openapi: 'io.k8s.api.rbac.v1',
  text: `
type AggregationRule
  1 clusterRoleSelectors? []meta/v1.LabelSelector list=atomic
type ClusterRole cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 rules []PolicyRule optional list=atomic
  3 aggregationRule? *AggregationRule
type ClusterRoleBinding cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 subjects? []Subject list=atomic
  3 roleRef RoleRef required
type ClusterRoleBindingList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ClusterRoleBinding
type ClusterRoleList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ClusterRole
type PolicyRule
  1 verbs []string required list=atomic
  2 apiGroups? []string list=atomic
  3 resources? []string list=atomic
  4 resourceNames? []string list=atomic
  5 nonResourceURLs? []string list=atomic
type Role
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 rules []PolicyRule optional list=atomic
type RoleBinding
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 subjects? []Subject list=atomic
  3 roleRef RoleRef required
type RoleBindingList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []RoleBinding
type RoleList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Role
type RoleRef struct=atomic
  1 apiGroup string optional
  2 kind string required
  3 name string required
type Subject struct=atomic
  1 kind string required
  2 apiGroup? string
  3 name string required
  4 namespace? string
`,
};
