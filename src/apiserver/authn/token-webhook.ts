/** Asking a server about tokens (--authentication-token-webhook-config-file): TokenReview v1. */
import { createHash } from 'node:crypto';
import type { TokenReview } from '../../api/types/authentication-v1.ts';
import type { Clock } from '../../base/clock.ts';
import { type JsonPostTarget, postJson } from '../../base/json-post.ts';
import type { UserInfo } from '../user.ts';
import type { AuthenticationResult } from './authenticator.ts';
import { type TokenAuthenticator, TokenError } from './bearer-token.ts';
import { ExpiringCache } from './expiring-cache.ts';

export interface TokenWebhookOptions {
  readonly target: JsonPostTarget;
  readonly clock: Clock;
  /** How long answers are kept, good and bad ones; two minutes by default. */
  readonly cacheTtlMs?: number;
  readonly timeoutMs?: number;
  /** Audiences that a webhook which knows none is taken to have checked. */
  readonly implicitAudiences?: readonly string[];
}

/** Knows what the server knows. A server that does not answer makes the token unknown, and the failure is logged. */
export function createTokenWebhookAuthenticator(options: TokenWebhookOptions): TokenAuthenticator {
  const cache = new ExpiringCache<AuthenticationResult | null>(options.clock, {
    ttlMs: options.cacheTtlMs ?? 120_000,
    max: 10_000,
  });

  async function ask(token: string, audiences: readonly string[]): Promise<AuthenticationResult | null> {
    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, ...(audiences.length ? { audiences } : {}) },
    };
    const { clock, timeoutMs = 30_000 } = options;
    const { status, body } = await postJson(options.target, review, { timeoutMs, clock });
    if (status < 200 || status > 299) throw new Error(`the token webhook answered with status ${status}`);
    const answer = (body as Partial<TokenReview> | undefined)?.status;
    if (!answer) throw new Error('the token webhook did not answer with a TokenReview');
    if (!answer.authenticated) return null;
    const agreed = (answer.audiences ?? options.implicitAudiences ?? audiences).filter((a) => audiences.includes(a));
    if (audiences.length && agreed.length === 0) return null;
    const { username = '', uid, groups = [], extra } = answer.user ?? {};
    if (!username) throw new Error('the token webhook authenticated a token without naming its user');
    const user: UserInfo = { name: username, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
    return { user, audiences: agreed };
  }

  return {
    name: 'TokenWebhook',
    async authenticateToken(token, audiences) {
      const key = createHash('sha256')
        .update(JSON.stringify([token, audiences]))
        .digest('base64');
      const known = await cache.get(key, () => ask(token, audiences));
      if (known === null) throw new TokenError('the token webhook does not know the token');
      return known;
    },
  };
}
