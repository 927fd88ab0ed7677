/** All authenticators as one: what the server asks. */
import { StatusError, unauthorized } from '../../api/machinery/status.ts';
import type { UserInfo } from '../user.ts';
import type { AuthenticationResult, Authenticator } from './authenticator.ts';

const authenticatedGroup = 'system:authenticated';

/** The user with the group that all authenticated users are in. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.name === 'system:anonymous' || user.groups.includes(authenticatedGroup)) return user;
  return { ...user, groups: [...user.groups, authenticatedGroup] };
}

/**
 * The first authenticator that knows the credential decides. A bad credential of one kind does not keep another, good
 * one from counting, but it never falls through to anonymous. Throws 401 when nobody answers.
 */
export function createAuthenticationChain(
  authenticators: readonly Authenticator[],
  anonymous?: Authenticator,
): Authenticator {
  return {
    name: 'Union',
    async authenticate(request): Promise<AuthenticationResult> {
      let refusal: StatusError | undefined;
      for (const authenticator of authenticators) {
        try {
          const result = await authenticator.authenticate(request);
          if (result) return { ...result, user: withAuthenticatedGroup(result.user) };
        } catch (error) {
          if (!(error instanceof StatusError)) throw error;
          refusal ??= error;
        }
      }
      if (refusal) throw refusal;
      const result = await anonymous?.authenticate(request);
      if (result) return result;
      throw unauthorized();
    },
  };
}
