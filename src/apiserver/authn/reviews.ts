/** TokenReview and SelfSubjectReview. */
import { badRequest } from '../../api/machinery/status.ts';
import type { SelfSubjectReview, TokenReview, UserInfo as WireUser } from '../../api/types/authentication-v1.ts';
import type { UserInfo } from '../user.ts';
import { withAuthenticatedGroup } from './authentication-chain.ts';
import type { TokenAuthenticator } from './bearer-token.ts';

/** The user as reviews show it. */
export function wireUser(user: UserInfo): WireUser {
  return {
    ...(user.name ? { username: user.name } : {}),
    ...(user.uid ? { uid: user.uid } : {}),
    ...(user.groups.length ? { groups: [...user.groups] } : {}),
    ...(user.extra && Object.keys(user.extra).length
      ? { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }
      : {}),
  } as WireUser;
}

/** Answers a TokenReview. A bad token is an answer, not an error. */
export async function evaluateTokenReview(
  review: TokenReview,
  tokens: TokenAuthenticator,
  apiAudiences: readonly string[],
): Promise<TokenReview> {
  const { token } = review.spec;
  if (!token) throw badRequest('token is required for TokenReview in authentication');
  const audiences = review.spec.audiences?.length ? review.spec.audiences : apiAudiences;
  const result = await tokens.authenticateToken(token, audiences);
  // The token itself is not repeated in what may be logged or audited.
  const spec = { ...review.spec };
  if (!result) {
    return { ...review, spec, status: { user: {}, error: '[invalid bearer token]' } as TokenReview['status'] };
  }
  const agreed = result.audiences ?? (review.spec.audiences?.length ? undefined : apiAudiences);
  return {
    ...review,
    spec,
    status: {
      authenticated: true,
      user: wireUser(withAuthenticatedGroup(result.user)),
      ...(agreed ? { audiences: [...agreed] } : {}),
    } as TokenReview['status'],
  };
}

/** Answers a SelfSubjectReview: who the server takes the caller for. */
export function evaluateSelfSubjectReview(review: SelfSubjectReview, user: UserInfo): SelfSubjectReview {
  return { ...review, status: { userInfo: wireUser(user) } as SelfSubjectReview['status'] };
}
