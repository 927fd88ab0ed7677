/** Asking a server for decisions (authorization mode Webhook): SubjectAccessReview v1. */
import { createHash } from 'node:crypto';
import { type CelProgram, compileCel } from '../../api/cel/compile.ts';
import type { CelType } from '../../api/cel/types.ts';
import { celValue } from '../../api/cel/values.ts';
import { parseFieldSelector, parseLabelSelector } from '../../api/machinery/selectors.ts';
import type { SubjectAccessReview } from '../../api/types/authorization-v1.ts';
import type { Clock } from '../../base/clock.ts';
import { type JsonPostTarget, postJson } from '../../base/json-post.ts';
import { ExpiringCache } from '../authn/expiring-cache.ts';
import type { AuthorizationAttributes, AuthorizationResult, Authorizer } from './authorizer.ts';

export interface AuthorizationWebhookOptions {
  readonly target: JsonPostTarget;
  readonly clock: Clock;
  /** Five minutes by default. */
  readonly authorizedTtlMs?: number;
  /** Thirty seconds by default. */
  readonly unauthorizedTtlMs?: number;
  readonly timeoutMs?: number;
  /** What a server that does not answer means. */
  readonly failurePolicy?: 'NoOpinion' | 'Deny';
  /** CEL over `request` (the review's spec): the server is asked only where all are true. */
  readonly matchConditions?: readonly string[];
}

const attributesType: CelType = 'dyn';
const variables: Readonly<Record<string, CelType>> = { request: attributesType };

function reviewSpec(attributes: AuthorizationAttributes): Record<string, unknown> {
  const { user, verb } = attributes;
  const about = attributes.resourceRequest
    ? {
        resourceAttributes: {
          ...(attributes.namespace ? { namespace: attributes.namespace } : {}),
          verb,
          ...(attributes.group ? { group: attributes.group } : {}),
          ...(attributes.version ? { version: attributes.version } : {}),
          ...(attributes.resource ? { resource: attributes.resource } : {}),
          ...(attributes.subresource ? { subresource: attributes.subresource } : {}),
          ...(attributes.name ? { name: attributes.name } : {}),
          ...selectors(attributes),
        },
      }
    : { nonResourceAttributes: { path: attributes.path ?? '', verb } };
  return {
    ...about,
    user: user.name,
    ...(user.groups.length ? { groups: user.groups } : {}),
    ...(user.uid ? { uid: user.uid } : {}),
    ...(user.extra ? { extra: user.extra } : {}),
  };
}

/** What a request limits itself to, as upstream words it. What cannot be said is left out, which asks for more, not less. */
function selectors({ fieldSelector, labelSelector }: AuthorizationAttributes): Record<string, unknown> {
  const fields = parsed(() => parseFieldSelector(fieldSelector ?? '').requirements).map(
    ({ field, operator, value }) => ({
      ...{ key: field, operator: operator === '=' ? 'In' : 'NotIn', values: [value] },
    }),
  );
  const labels = parsed(() => parseLabelSelector(labelSelector ?? '').requirements).flatMap(
    ({ key, operator, values }) => {
      const named = labelOperators[operator];
      return named ? [{ key, operator: named, ...(values.length ? { values } : {}) }] : [];
    },
  );
  return {
    ...(fields.length ? { fieldSelector: { requirements: fields } } : {}),
    ...(labels.length ? { labelSelector: { requirements: labels } } : {}),
  };
}

const labelOperators: Readonly<Record<string, string>> = {
  '=': 'In',
  '==': 'In',
  in: 'In',
  '!=': 'NotIn',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

function parsed<T>(parse: () => readonly T[]): readonly T[] {
  try {
    return parse();
  } catch {
    return [];
  }
}

/** An authorizer that has the server's opinion. Expressions are compiled now. */
export function createWebhookAuthorizer(options: AuthorizationWebhookOptions): Authorizer {
  const { clock, failurePolicy = 'NoOpinion' } = options;
  const conditions: CelProgram[] = (options.matchConditions ?? []).map((expression) =>
    compileCel(expression, { variables, result: ['bool'] }),
  );
  const cache = new ExpiringCache<AuthorizationResult>(clock, {
    ttlMs: ({ decision }) =>
      decision === 'Allow' ? (options.authorizedTtlMs ?? 300_000) : (options.unauthorizedTtlMs ?? 30_000),
    max: 10_000,
  });

  async function ask(spec: Record<string, unknown>): Promise<AuthorizationResult> {
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
    const { status, body } = await postJson(options.target, review, { timeoutMs: options.timeoutMs ?? 3000, clock });
    const answer = (body as Partial<SubjectAccessReview> | undefined)?.status;
    if (status < 200 || status > 299 || !answer)
      throw new Error(`the authorization webhook answered with status ${status}`);
    const { allowed, denied, reason = '', evaluationError } = answer;
    if (allowed && denied) throw new Error('the authorization webhook both allowed and denied');
    return {
      decision: denied ? 'Deny' : allowed ? 'Allow' : 'NoOpinion',
      reason,
      ...(evaluationError ? { error: evaluationError } : {}),
    };
  }

  const failed = (error: unknown): AuthorizationResult => ({
    decision: failurePolicy === 'Deny' ? 'Deny' : 'NoOpinion',
    reason: '',
    error: (error as Error).message,
  });

  return {
    name: 'Webhook',
    async authorize(attributes) {
      const spec = reviewSpec(attributes);
      try {
        const request = celValue(spec);
        if (conditions.some((condition) => condition.evaluate({ request }) !== true)) {
          return { decision: 'NoOpinion', reason: '' };
        }
        const key = createHash('sha256').update(JSON.stringify(spec)).digest('base64');
        return await cache.get(key, () => ask(spec));
      } catch (error) {
        return failed(error);
      }
    },
    rulesFor: () => ({
      resourceRules: [],
      nonResourceRules: [],
      incomplete: true,
      evaluationError: 'webhook authorizer does not support user rule resolution',
    }),
  };
}
