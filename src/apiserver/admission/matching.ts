/** Which requests webhooks and policies want to see: rules, selectors and conditions. */
import { Namespace } from '../../api/core/namespace.ts';
import type { Shared } from '../../api/kind.ts';
import { labelSelectorMatcher } from '../../api/machinery/selectors.ts';
import type {
  MatchResources,
  NamedRuleWithOperations,
  RuleWithOperations,
} from '../../api/types/admissionregistration-v1.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { AdmissionEnvironment, AdmissionRequest } from './admission.ts';

const registrationGroup = 'admissionregistration.k8s.io';

/** Objects that could lock their own repair out are never shown to webhooks and policies. */
export const isExempt = ({ resource }: AdmissionRequest): boolean => resource.group === registrationGroup;

function matchesVersion(
  versions: readonly string[] | undefined,
  request: AdmissionRequest,
  context: RuleContext,
): boolean {
  if (!versions?.length) return false;
  if (versions.includes('*') || versions.includes(request.resource.version)) return true;
  if (context.matchPolicy === 'Exact') return false;
  // Equivalent: another version of the same resource was asked for, which the server serves too.
  const { group, plural } = request.resource;
  return versions.some((version) => context.environment.resolveKind(group, version, plural) !== undefined);
}

interface RuleContext {
  readonly environment: Pick<AdmissionEnvironment, 'resolveKind'>;
  readonly matchPolicy: string | undefined;
}

function matchesResource(
  resources: readonly string[] | undefined,
  { resource, subresource }: AdmissionRequest,
): boolean {
  return (resources ?? []).some((entry) => {
    const slash = entry.indexOf('/');
    const [plural, sub] = slash < 0 ? [entry, ''] : [entry.slice(0, slash), entry.slice(slash + 1)];
    return (plural === '*' || plural === resource.plural) && (sub === '*' || sub === subresource);
  });
}

/** Whether one rule names the request's operation, group, version, resource and scope. */
export function matchesRule(
  rule: Shared<RuleWithOperations> & { readonly resourceNames?: readonly string[] },
  request: AdmissionRequest,
  context: RuleContext,
): boolean {
  const operations: readonly string[] = rule.operations ?? [];
  if (!operations.includes('*') && !operations.includes(request.operation)) return false;
  const groups = rule.apiGroups ?? [];
  if (!groups.includes('*') && !groups.includes(request.resource.group)) return false;
  if (!matchesResource(rule.resources, request) || !matchesVersion(rule.apiVersions, request, context)) return false;
  if (rule.resourceNames?.length && !rule.resourceNames.includes(request.name)) return false;
  const scope = rule.scope ?? '*';
  return scope === '*' || (scope === 'Namespaced') === (request.namespace !== '' && !isNamespaceItself(request));
}

const isNamespaceItself = ({ resource }: AdmissionRequest) => resource.plural === 'namespaces' && resource.group === '';

/** Whether the object's labels, old or new, are selected. */
function matchesObject(selector: Shared<LabelSelector> | undefined, request: AdmissionRequest): boolean {
  if (!selector || isEmpty(selector)) return true;
  const matcher = labelSelectorMatcher(selector);
  return [request.object, request.oldObject].some(
    (object) => object !== undefined && matcher.matches(object.metadata?.labels ?? {}),
  );
}

const isEmpty = (selector: Shared<LabelSelector>) =>
  !selector.matchExpressions?.length && Object.keys(selector.matchLabels ?? {}).length === 0;

/** Finds the namespace of a request, from the informer or else live. */
export function namespaceOf(
  environment: AdmissionEnvironment,
  name: string,
): Promise<Shared<Namespace> | undefined> | Shared<Namespace> | undefined {
  if (!name) return undefined;
  return environment.informers.informer(Namespace).get(undefined, name) ?? environment.client.find(Namespace, { name });
}

/** Whether the request's namespace is selected; what has no namespace always is. */
async function matchesNamespace(
  environment: AdmissionEnvironment,
  selector: Shared<LabelSelector> | undefined,
  request: AdmissionRequest,
): Promise<boolean> {
  if (!selector || isEmpty(selector)) return true;
  const matcher = labelSelectorMatcher(selector);
  if (isNamespaceItself(request)) {
    // Deleting a namespace is matched by the labels that it had.
    const labels = (request.operation === 'DELETE' ? request.oldObject : request.object)?.metadata.labels;
    return matcher.matches(labels ?? {});
  }
  if (!request.namespace) return true;
  const namespace = await namespaceOf(environment, request.namespace);
  return matcher.matches(namespace?.metadata.labels ?? {});
}

/** Selectors of a webhook or of match constraints. */
export async function matchesSelectors(
  environment: AdmissionEnvironment,
  selectors: { readonly namespaceSelector?: Shared<LabelSelector>; readonly objectSelector?: Shared<LabelSelector> },
  request: AdmissionRequest,
): Promise<boolean> {
  return (
    matchesObject(selectors.objectSelector, request) &&
    (await matchesNamespace(environment, selectors.namespaceSelector, request))
  );
}

/** Whether match constraints of a policy (or the narrower ones of its binding) want the request. */
export async function matchesResources(
  environment: AdmissionEnvironment,
  constraints: Shared<MatchResources> | undefined,
  request: AdmissionRequest,
): Promise<boolean> {
  if (!constraints) return true;
  const context = { environment, matchPolicy: constraints.matchPolicy };
  const named = (rules: readonly Shared<NamedRuleWithOperations>[] | undefined) =>
    (rules ?? []).some((rule) => matchesRule(rule, request, context));
  if (named(constraints.excludeResourceRules)) return false;
  if (constraints.resourceRules?.length && !named(constraints.resourceRules)) return false;
  return matchesSelectors(environment, constraints, request);
}
