/** Audit policies (audit.k8s.io/v1 Policy): what of which request is recorded. */
import type { UserInfo } from '../user.ts';

export type AuditLevel = 'None' | 'Metadata' | 'Request' | 'RequestResponse';
export type AuditStage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic';

export interface AuditPolicyRule {
  readonly level: AuditLevel;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly {
    readonly group?: string;
    readonly resources?: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

export interface AuditPolicy {
  readonly rules: readonly AuditPolicyRule[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

/** What a rule looks at. */
export interface AuditedRequest {
  readonly user: UserInfo;
  readonly verb: string;
  readonly resourceRequest: boolean;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
}

/** What is recorded of a request. */
export interface AuditDecision {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

const levels: readonly string[] = ['None', 'Metadata', 'Request', 'RequestResponse'];
const stages: readonly string[] = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'];

/** The policy in a parsed file. Throws Error that names the rule and what is wrong with it. */
export function readAuditPolicy(value: unknown): AuditPolicy {
  const policy = (value ?? {}) as Partial<AuditPolicy> & { apiVersion?: string; kind?: string };
  if (policy.kind !== 'Policy' || policy.apiVersion !== 'audit.k8s.io/v1') {
    throw new Error(
      `audit policy: expected audit.k8s.io/v1, Kind=Policy, found ${policy.apiVersion ?? ''}, Kind=${policy.kind ?? ''}`,
    );
  }
  if (!Array.isArray(policy.rules) || policy.rules.length === 0) {
    throw new Error('audit policy: rules must not be empty; a rule `level: Metadata` records every request');
  }
  for (const [i, rule] of policy.rules.entries()) {
    if (!levels.includes(rule.level))
      throw new Error(`audit policy: rules[${i}].level must be one of ${levels.join(', ')}`);
    if (rule.nonResourceURLs?.length && (rule.resources?.length || rule.namespaces?.length)) {
      throw new Error(`audit policy: rules[${i}] cannot have nonResourceURLs together with resources or namespaces`);
    }
    for (const url of rule.nonResourceURLs ?? []) {
      if (url !== '*' && !url.startsWith('/'))
        throw new Error(`audit policy: rules[${i}].nonResourceURLs: ${url} must begin with /`);
    }
    for (const stage of [...(rule.omitStages ?? []), ...(policy.omitStages ?? [])]) {
      if (!stages.includes(stage)) throw new Error(`audit policy: rules[${i}].omitStages: ${stage} is not a stage`);
    }
  }
  return policy as AuditPolicy;
}

/** What a policy says of a request: its first rule that matches, None without one. */
export function decideAudit(policy: AuditPolicy, request: AuditedRequest): AuditDecision {
  const rule = policy.rules.find((one) => ruleMatches(one, request));
  return {
    level: cap(rule?.level ?? 'None', request),
    omitStages: new Set([...(policy.omitStages ?? []), ...(rule?.omitStages ?? [])]),
    omitManagedFields: rule?.omitManagedFields ?? policy.omitManagedFields ?? false,
  };
}

const credentials: ReadonlySet<string> = new Set([
  '/secrets',
  'authentication.k8s.io/tokenreviews',
  '/serviceaccounts/token',
]);

/** Bodies that are credentials are never recorded, whatever the policy says. */
function cap(level: AuditLevel, { group, resource, subresource }: AuditedRequest): AuditLevel {
  const key = `${group}/${resource}${subresource ? `/${subresource}` : ''}`;
  return level !== 'None' && credentials.has(key) ? 'Metadata' : level;
}

function ruleMatches(rule: AuditPolicyRule, request: AuditedRequest): boolean {
  const { user, verb } = request;
  if (rule.users?.length && !rule.users.includes(user.name)) return false;
  if (rule.userGroups?.length && !user.groups.some((group) => rule.userGroups!.includes(group))) return false;
  if (rule.verbs?.length && !rule.verbs.includes(verb)) return false;
  if (rule.namespaces?.length || rule.resources?.length)
    return request.resourceRequest && matchesResource(rule, request);
  if (rule.nonResourceURLs?.length) {
    return (
      !request.resourceRequest &&
      rule.nonResourceURLs.some(
        (url) =>
          url === '*' || url === request.path || (url.endsWith('*') && request.path.startsWith(url.slice(0, -1))),
      )
    );
  }
  return true;
}

function matchesResource(rule: AuditPolicyRule, request: AuditedRequest): boolean {
  if (rule.namespaces?.length && !rule.namespaces.includes(request.namespace)) return false;
  if (!rule.resources?.length) return true;
  const { resource, subresource } = request;
  const full = subresource ? `${resource}/${subresource}` : resource;
  return rule.resources.some(({ group = '', resources = [], resourceNames = [] }) => {
    if (group !== request.group) return false;
    if (resources.length === 0) return true;
    if (resourceNames.length && !resourceNames.includes(request.name)) return false;
    return resources.some(
      (one) =>
        one === '*' || one === full || one === `*/${subresource}` || (subresource !== '' && one === `${resource}/*`),
    );
  });
}

/** Records who did what, without bodies; health checks, leases and reads of the system's own parts are left out. */
export const defaultAuditPolicy: AuditPolicy = {
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version', '/metrics'] },
    { level: 'None', resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
    {
      level: 'None',
      resources: [
        { group: '', resources: ['events'] },
        { group: 'events.k8s.io', resources: ['events'] },
      ],
    },
    {
      level: 'None',
      userGroups: ['system:nodes', 'system:serviceaccounts:kube-system'],
      verbs: ['get', 'list', 'watch'],
    },
    {
      level: 'None',
      users: ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler'],
      verbs: ['get', 'list', 'watch'],
    },
    {
      level: 'Request',
      resources: [{ group: 'rbac.authorization.k8s.io' }],
      verbs: ['create', 'update', 'patch', 'delete'],
    },
    { level: 'Metadata' },
  ],
};
