/** Shorthands for the RBAC rules that controllers declare. */
import type { PolicyRule } from '../api/types/rbac-v1.ts';

/** `allow('get list', 'apps', 'deployments deployments/status')`: words are separated by spaces, '' is the core group. */
export function allow(verbs: string, group: string, resources: string, names?: readonly string[]): PolicyRule {
  return {
    verbs: verbs.split(' '),
    apiGroups: [group],
    resources: resources.split(' '),
    ...(names ? { resourceNames: [...names] } : {}),
  };
}

/** What every controller that records events may do. */
export const recordEvents: PolicyRule = {
  verbs: ['create', 'update', 'patch'],
  apiGroups: ['', 'events.k8s.io'],
  resources: ['events'],
};
