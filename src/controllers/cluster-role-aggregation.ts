import type { Shared } from '../api/kind.ts';
import { ClusterRole } from '../api/rbac/cluster-role.ts';
import type { PolicyRule } from '../api/types/rbac-v1.ts';
import { deepEqual } from '../base/deep.ts';
import { defineController, watches } from '../client/reconcile.ts';
import { allow } from './rbac-rules.ts';
import { matcherOf } from './selector-cache.ts';

/** Gives ClusterRoles with an aggregation rule the rules of all roles that it selects. */
export const clusterRoleAggregationController = defineController<ClusterRole>({
  name: 'clusterrole-aggregation-controller',
  for: ClusterRole,
  watches: [
    watches<ClusterRole>({
      kind: ClusterRole,
      keys: (role, context) =>
        context
          .lister(ClusterRole)
          .list()
          .filter((other) => other !== role && other.aggregationRule)
          .map((other) => other.metadata.name),
    }),
  ],
  rbac: [allow('escalate get list watch update patch', 'rbac.authorization.k8s.io', 'clusterroles')],
  async reconcile(key, { client, lister }) {
    const role = lister(ClusterRole).byKey(key);
    if (!role?.aggregationRule || role.metadata.deletionTimestamp) return undefined;
    const matchers = (role.aggregationRule.clusterRoleSelectors ?? []).map((selector) => matcherOf(selector));
    const rules: Shared<PolicyRule>[] = [];
    const selected = lister(ClusterRole)
      .list()
      .filter(({ metadata }) => metadata.name !== key && matchers.some((matcher) => matcher.matches(metadata.labels)))
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    for (const rule of selected.flatMap((other) => other.rules ?? [])) {
      if (!rules.some((known) => deepEqual(known, rule))) rules.push(rule);
    }
    if (deepEqual(role.rules ?? [], rules)) return undefined;
    await client.update(ClusterRole, { ...role, rules });
    return undefined;
  },
});
