/** Which FlowSchema a request falls under. */
import type { FlowSchema } from '../../api/flowcontrol/flow-schema.ts';
import type { Shared } from '../../api/kind.ts';
import { splitServiceAccountUser } from '../authn/service-account-claims.ts';
import type { UserInfo } from '../user.ts';
import type { RequestInfo } from './request-info.ts';

type Schema = Shared<FlowSchema>;
type Rule = NonNullable<Schema['spec']['rules']>[number];
type Subject = Rule['subjects'][number];

const has = (list: readonly string[] | undefined, value: string) =>
  list !== undefined && (list.includes('*') || list.includes(value));

function matchesSubject(subject: Subject, user: UserInfo): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.user?.name === '*' || subject.user?.name === user.name;
    case 'Group':
      return subject.group?.name === '*' || user.groups.includes(subject.group?.name ?? '');
    case 'ServiceAccount': {
      const account = splitServiceAccountUser(user.name);
      if (!account || account.namespace !== subject.serviceAccount?.namespace) return false;
      return subject.serviceAccount.name === '*' || subject.serviceAccount.name === account.name;
    }
    default:
      return false;
  }
}

function matchesRule(rule: Rule, info: RequestInfo, user: UserInfo): boolean {
  if (!rule.subjects.some((subject) => matchesSubject(subject, user))) return false;
  if (!info.resourceRequest)
    return (rule.nonResourceRules ?? []).some(
      ({ verbs, nonResourceURLs }) =>
        has(verbs, info.verb) &&
        nonResourceURLs.some((url) => (url.endsWith('*') ? info.path.startsWith(url.slice(0, -1)) : url === info.path)),
    );
  const resource = info.subresource ? `${info.plural}/${info.subresource}` : info.plural;
  return (rule.resourceRules ?? []).some(
    (each) =>
      has(each.verbs, info.verb) &&
      has(each.apiGroups, info.group) &&
      has(each.resources, resource) &&
      (info.namespace === '' ? each.clusterScope === true : has(each.namespaces, info.namespace)),
  );
}

/** Schemas in the order in which they are tried. */
export function sortSchemas(schemas: readonly Schema[]): Schema[] {
  return [...schemas].sort(
    (a, b) =>
      (a.spec.matchingPrecedence ?? 1000) - (b.spec.matchingPrecedence ?? 1000) ||
      (a.metadata.name < b.metadata.name ? -1 : 1),
  );
}

/** The first schema that a request matches, and the flow within it. */
export function classify(
  schemas: readonly Schema[],
  info: RequestInfo,
  user: UserInfo,
): { schema: Schema; flow: string } | undefined {
  const schema = schemas.find(({ spec }) => (spec.rules ?? []).some((rule) => matchesRule(rule, info, user)));
  if (!schema) return undefined;
  const by = schema.spec.distinguisherMethod?.type;
  return { schema, flow: by === 'ByUser' ? user.name : by === 'ByNamespace' ? info.namespace : '' };
}
