/** Kinds that are created to be answered: access reviews, token reviews, bindings. */
import type { KubeObject } from '../../api/kind.ts';
import { badRequest } from '../../api/machinery/status.ts';
import type { SelfSubjectReview, TokenReview } from '../../api/types/authentication-v1.ts';
import type {
  ResourceAttributes,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewStatus,
} from '../../api/types/authorization-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { evaluateSelfSubjectReview, evaluateTokenReview } from '../authn/reviews.ts';
import type { AuthorizationAttributes } from '../authz/authorizer.ts';
import type { ApiContext } from '../context.ts';
import type { UserInfo } from '../user.ts';
import { decodeBody, schemaOf } from '../verbs/body.ts';
import type { Answer, Call } from '../verbs/call.ts';
import { bindPod } from './binding.ts';
import type { CallHandler } from './handler.ts';

export const reviewHandlers: Readonly<Record<string, CallHandler>> = {
  '/bindings': bindPod,
  'authentication.k8s.io/tokenreviews': reviewToken,
  'authentication.k8s.io/selfsubjectreviews': reviewSelf,
  'authorization.k8s.io/selfsubjectaccessreviews': (api, call) => reviewAccess(api, call, 'self'),
  'authorization.k8s.io/subjectaccessreviews': (api, call) => reviewAccess(api, call, 'subject'),
  'authorization.k8s.io/localsubjectaccessreviews': (api, call) => reviewAccess(api, call, 'local'),
  'authorization.k8s.io/selfsubjectrulesreviews': reviewRules,
};

function bodyOf<T>(call: Call): T {
  return decodeBody(call, schemaOf(call.resource.kind)) as unknown as T;
}

const answered = (call: Call, object: unknown): Answer => ({ code: 201, object, kind: call.resource.kind });

async function reviewToken(api: ApiContext, call: Call): Promise<Answer> {
  const review = bodyOf<TokenReview>(call);
  if (!api.tokens) throw badRequest('this server has no token authenticators');
  return answered(call, await evaluateTokenReview(review, api.tokens, api.apiAudiences));
}

function reviewSelf(api: ApiContext, call: Call): Answer {
  const review = bodyOf<SelfSubjectReview>(call);
  const evaluated = evaluateSelfSubjectReview(review, call.user) as unknown as KubeObject;
  evaluated.metadata.creationTimestamp = formatTime(api.clock.now());
  return answered(call, evaluated);
}

async function reviewAccess(api: ApiContext, call: Call, form: 'self' | 'subject' | 'local'): Promise<Answer> {
  const review = bodyOf<SubjectAccessReview>(call);
  const { spec } = review;
  if (!spec.resourceAttributes === !spec.nonResourceAttributes)
    throw badRequest('exactly one of nonResourceAttributes or resourceAttributes must be specified');
  if (form === 'local') {
    if (spec.nonResourceAttributes) throw badRequest('spec.nonResourceAttributes: disallowed on this kind of request');
    if (spec.resourceAttributes!.namespace !== call.namespace)
      throw badRequest('spec.resourceAttributes.namespace: must match metadata.namespace');
  }
  if (form !== 'self' && !spec.user && !spec.groups?.length)
    throw badRequest('at least one of user or group must be specified');
  const user: UserInfo =
    form === 'self'
      ? call.user
      : { name: spec.user ?? '', groups: spec.groups ?? [], ...(spec.extra ? { extra: spec.extra } : {}) };
  const attributes: AuthorizationAttributes = spec.resourceAttributes
    ? { user, ...resourceAttributes(spec.resourceAttributes) }
    : {
        user,
        resourceRequest: false,
        verb: spec.nonResourceAttributes!.verb ?? '',
        path: spec.nonResourceAttributes!.path ?? '',
      };
  const { decision, reason, error } = await api.authorizer.authorize(attributes);
  const status = {
    allowed: decision === 'Allow',
    ...(decision === 'Deny' ? { denied: true } : {}),
    ...(reason ? { reason } : {}),
    ...(error ? { evaluationError: error } : {}),
  } as SubjectAccessReviewStatus;
  return answered(call, { ...review, status });
}

function resourceAttributes(given: ResourceAttributes): Omit<AuthorizationAttributes, 'user'> {
  const { verb = '', group, version, resource, subresource, namespace, name } = given;
  return {
    resourceRequest: true,
    verb,
    ...(group ? { group } : { group: '' }),
    ...(version ? { version } : {}),
    ...(resource ? { resource } : {}),
    ...(subresource ? { subresource } : {}),
    ...(namespace ? { namespace } : {}),
    ...(name ? { name } : {}),
  };
}

async function reviewRules(api: ApiContext, call: Call): Promise<Answer> {
  const review = bodyOf<SelfSubjectRulesReview>(call);
  const { namespace } = review.spec;
  if (!namespace) throw badRequest('no namespace on request');
  const rules = await api.authorizer.rulesFor?.(call.user, namespace);
  const status = rules
    ? {
        resourceRules: rules.resourceRules,
        nonResourceRules: rules.nonResourceRules,
        incomplete: rules.incomplete,
        ...(rules.evaluationError ? { evaluationError: rules.evaluationError } : {}),
      }
    : { resourceRules: [], nonResourceRules: [], incomplete: true };
  return answered(call, { ...review, status });
}
