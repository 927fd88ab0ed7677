/** The short form that the default policy is written in. */
import type { PolicyRule, Subject } from '../../api/types/rbac-v1.ts';

/** A role: rules as text, or the labels of the roles whose rules it gathers. */
export interface RoleText {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly rules?: readonly string[];
  /** Labels that select the cluster roles to aggregate. */
  readonly aggregates?: Readonly<Record<string, string>>;
}

/** The rule of a line `verbs | groups | resources [| names]` or `verbs | urls`. */
export function formatRule(line: string): PolicyRule {
  const [verbs, second, third, names] = line.split('|').map((part) => part.trim().split(/\s+/));
  if (!third) return { verbs: verbs!, nonResourceURLs: second! };
  return {
    verbs: verbs!,
    apiGroups: second!.map((group) => (group === 'core' ? '' : group)),
    resources: third,
    ...(names ? { resourceNames: names } : {}),
  };
}

/** `Group:name`, `User:name` or `ServiceAccount:namespace/name`. */
export function formatSubject(text: string): Subject {
  const colon = text.indexOf(':');
  const kind = text.slice(0, colon);
  const name = text.slice(colon + 1);
  if (kind !== 'ServiceAccount') return { kind, apiGroup: 'rbac.authorization.k8s.io', name };
  const slash = name.indexOf('/');
  return { kind, name: name.slice(slash + 1), namespace: name.slice(0, slash) };
}
