/** The SubjectAccessReview family: asking the authorizer what it would say. */
import { type FieldError, forbidden, invalid, required } from '../../api/machinery/field-error.ts';
import { invalidObject } from '../../api/machinery/status.ts';
import type {
  LocalSubjectAccessReview,
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewStatus,
} from '../../api/types/authorization-v1.ts';
import type { UserInfo } from '../user.ts';
import type { AuthorizationAttributes, Authorizer } from './authorizer.ts';

const group = 'authorization.k8s.io';

type Selectors = Pick<AuthorizationAttributes, 'fieldSelector' | 'labelSelector'>;

/** Requirements as selector text; raw text is taken as it is. */
function selectors(attributes: ResourceAttributes): Selectors {
  const operators: Readonly<Record<string, (key: string, values: readonly string[]) => string>> = {
    In: (key, values) => (values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(',')})`),
    NotIn: (key, values) => (values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${values.join(',')})`),
    Exists: (key) => key,
    DoesNotExist: (key) => `!${key}`,
  };
  const text = (
    selector:
      | {
          rawSelector?: string;
          requirements?: readonly { key: string; operator: string; values?: readonly string[] }[];
        }
      | undefined,
  ) =>
    selector?.rawSelector ||
    (selector?.requirements ?? [])
      .flatMap(({ key, operator, values }) => operators[operator]?.(key, values ?? []) ?? [])
      .join(',');
  const fieldSelector = text(attributes.fieldSelector);
  const labelSelector = text(attributes.labelSelector);
  return { ...(fieldSelector ? { fieldSelector } : {}), ...(labelSelector ? { labelSelector } : {}) };
}

interface ReviewSpec {
  readonly resourceAttributes?: ResourceAttributes;
  readonly nonResourceAttributes?: NonResourceAttributes;
}

/** The attributes that a review asks about. */
export function reviewAttributes(user: UserInfo, spec: ReviewSpec): AuthorizationAttributes {
  const resource = spec.resourceAttributes;
  if (!resource) {
    const { verb = '', path = '' } = spec.nonResourceAttributes ?? {};
    return { user, verb, resourceRequest: false, path };
  }
  return {
    user,
    verb: resource.verb ?? '',
    resourceRequest: true,
    group: resource.group ?? '',
    version: resource.version ?? '',
    resource: resource.resource ?? '',
    subresource: resource.subresource ?? '',
    namespace: resource.namespace ?? '',
    name: resource.name ?? '',
    ...selectors(resource),
  };
}

function validateSpec(spec: ReviewSpec): FieldError[] {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  if (resource && other) {
    return [invalid('spec.nonResourceAttributes', other, 'cannot be specified in combination with resourceAttributes')];
  }
  if (!resource && !other) {
    return [
      invalid(
        'spec.resourceAttributes',
        other ?? null,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    ];
  }
  const errors: FieldError[] = [];
  for (const which of ['fieldSelector', 'labelSelector'] as const) {
    const selector = resource?.[which];
    const path = `spec.resourceAttributes.${which}`;
    if (!selector) continue;
    if (selector.rawSelector && selector.requirements?.length) {
      errors.push(
        invalid(`${path}.rawSelector`, selector.rawSelector, 'may not specified at the same time as requirements'),
      );
    } else if (!selector.rawSelector && !selector.requirements?.length) {
      errors.push(required(`${path}.requirements`, 'when requirements are nil, rawSelector must be specified'));
    }
  }
  return errors;
}

function assertValid(kind: string, errors: readonly FieldError[]): void {
  if (errors.length) throw invalidObject({ group, kind }, '', errors);
}

async function decide(authorizer: Authorizer, attributes: AuthorizationAttributes): Promise<SubjectAccessReviewStatus> {
  const { decision, reason, error } = await authorizer.authorize(attributes);
  return {
    allowed: decision === 'Allow',
    ...(decision === 'Deny' ? { denied: true } : {}),
    ...(reason ? { reason } : {}),
    ...(error ? { evaluationError: error } : {}),
  };
}

function subject(spec: SubjectAccessReview['spec']): UserInfo {
  return {
    name: spec.user ?? '',
    groups: spec.groups ?? [],
    ...(spec.uid ? { uid: spec.uid } : {}),
    ...(spec.extra ? { extra: spec.extra } : {}),
  };
}

/** Answers for any user. Throws Invalid for a spec that asks for nothing, or for two things. */
export async function evaluateSubjectAccessReview(
  authorizer: Authorizer,
  review: SubjectAccessReview,
): Promise<SubjectAccessReview> {
  const errors = validateSpec(review.spec);
  if (!review.spec.user && !review.spec.groups?.length) {
    errors.push(required('spec.user', 'at least one of user or group must be specified'));
  }
  assertValid('SubjectAccessReview', errors);
  return { ...review, status: await decide(authorizer, reviewAttributes(subject(review.spec), review.spec)) };
}

/** The same, within the namespace of the request. */
export async function evaluateLocalSubjectAccessReview(
  authorizer: Authorizer,
  review: LocalSubjectAccessReview,
  namespace: string,
): Promise<LocalSubjectAccessReview> {
  const errors = validateSpec(review.spec);
  if (!review.spec.user && !review.spec.groups?.length) {
    errors.push(required('spec.user', 'at least one of user or group must be specified'));
  }
  if (review.spec.nonResourceAttributes) {
    errors.push(forbidden('spec.nonResourceAttributes', 'disallowed on this kind of request'));
  }
  const asked = review.spec.resourceAttributes?.namespace;
  if (review.spec.resourceAttributes && asked !== namespace) {
    errors.push(
      invalid('spec.resourceAttributes.namespace', asked ?? '', `must match metadata.namespace: ${namespace}`),
    );
  }
  assertValid('LocalSubjectAccessReview', errors);
  return { ...review, status: await decide(authorizer, reviewAttributes(subject(review.spec), review.spec)) };
}

/** Answers for the caller. */
export async function evaluateSelfSubjectAccessReview(
  authorizer: Authorizer,
  review: SelfSubjectAccessReview,
  user: UserInfo,
): Promise<SelfSubjectAccessReview> {
  assertValid('SelfSubjectAccessReview', validateSpec(review.spec));
  return { ...review, status: await decide(authorizer, reviewAttributes(user, review.spec)) };
}

/** What the caller may do in a namespace, as far as the authorizers can list it. */
export async function evaluateSelfSubjectRulesReview(
  authorizer: Authorizer,
  review: SelfSubjectRulesReview,
  user: UserInfo,
): Promise<SelfSubjectRulesReview> {
  const { namespace } = review.spec;
  if (!namespace) assertValid('SelfSubjectRulesReview', [required('spec.namespace', 'no namespace on request')]);
  const rules = (await authorizer.rulesFor?.(user, namespace!)) ?? {
    resourceRules: [],
    nonResourceRules: [],
    incomplete: true,
    evaluationError: `${authorizer.name} authorizer does not support user rule resolution`,
  };
  return {
    ...review,
    status: {
      resourceRules: rules.resourceRules.map((rule) => ({
        verbs: [...rule.verbs],
        apiGroups: [...rule.apiGroups],
        resources: [...rule.resources],
        ...(rule.resourceNames ? { resourceNames: [...rule.resourceNames] } : {}),
      })),
      nonResourceRules: rules.nonResourceRules.map((rule) => ({
        verbs: [...rule.verbs],
        nonResourceURLs: [...rule.nonResourceURLs],
      })),
      incomplete: rules.incomplete,
      ...(rules.evaluationError ? { evaluationError: rules.evaluationError } : {}),
    },
  };
}
