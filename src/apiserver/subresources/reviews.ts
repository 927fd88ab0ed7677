/** Kinds that are answered and not stored: access reviews, token reviews, bindings, usage. */
import type { KubeObject } from '../../api/kind.ts';
import { badRequest } from '../../api/machinery/status.ts';
import type { SelfSubjectReview, TokenReview } from '../../api/types/authentication-v1.ts';
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from '../../api/types/authorization-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { evaluateSelfSubjectReview, evaluateTokenReview } from '../authn/reviews.ts';
import {
  evaluateLocalSubjectAccessReview,
  evaluateSelfSubjectAccessReview,
  evaluateSelfSubjectRulesReview,
  evaluateSubjectAccessReview,
} from '../authz/reviews.ts';
import type { ApiContext } from '../context.ts';
import { decodeBody, schemaOf } from '../verbs/body.ts';
import type { Answer, Call } from '../verbs/call.ts';
import { bindPod } from './binding.ts';
import { answerComponentStatus } from './component-status.ts';
import type { CallHandler } from './handler.ts';
import { answerMetrics } from './metrics.ts';

export const reviewHandlers: Readonly<Record<string, CallHandler>> = {
  '/bindings': bindPod,
  '/componentstatuses': answerComponentStatus,
  'authentication.k8s.io/tokenreviews': reviewToken,
  'authentication.k8s.io/selfsubjectreviews': reviewSelf,
  'authorization.k8s.io/selfsubjectaccessreviews': (api, call) => reviewAccess(api, call, 'self'),
  'authorization.k8s.io/subjectaccessreviews': (api, call) => reviewAccess(api, call, 'subject'),
  'authorization.k8s.io/localsubjectaccessreviews': (api, call) => reviewAccess(api, call, 'local'),
  'authorization.k8s.io/selfsubjectrulesreviews': reviewRules,
  'metrics.k8s.io/nodes': answerMetrics,
  'metrics.k8s.io/pods': answerMetrics,
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
  const { authorizer } = api;
  if (form === 'self') {
    return answered(
      call,
      await evaluateSelfSubjectAccessReview(authorizer, bodyOf<SelfSubjectAccessReview>(call), call.user),
    );
  }
  if (form === 'subject') {
    return answered(call, await evaluateSubjectAccessReview(authorizer, bodyOf<SubjectAccessReview>(call)));
  }
  const review = bodyOf<LocalSubjectAccessReview>(call);
  return answered(call, await evaluateLocalSubjectAccessReview(authorizer, review, call.namespace));
}

async function reviewRules(api: ApiContext, call: Call): Promise<Answer> {
  const review = bodyOf<SelfSubjectRulesReview>(call);
  return answered(call, await evaluateSelfSubjectRulesReview(api.authorizer, review, call.user));
}
