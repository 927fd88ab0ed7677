/** Authorizers one after the other, and the ones that need no data. */
import type { UserInfo } from '../user.ts';
import type { AuthorizationResult, Authorizer, RulesFor } from './authorizer.ts';

/** The group that may do everything, whatever the roles say. */
export const mastersGroup = 'system:masters';

/** Allows members of system:masters everything (upstream's privileged-group authorizer); first in every chain. */
export const mastersAuthorizer: Authorizer = {
  name: 'SystemMasters',
  authorize: ({ user }) => (user.groups.includes(mastersGroup) ? allowed : noOpinion),
};

const allowed: AuthorizationResult = { decision: 'Allow', reason: '' };
const noOpinion: AuthorizationResult = { decision: 'NoOpinion', reason: '' };

const everything: RulesFor = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  incomplete: false,
};

/** --authorization-mode=AlwaysAllow. */
export const alwaysAllowAuthorizer: Authorizer = {
  name: 'AlwaysAllow',
  authorize: () => allowed,
  rulesFor: () => everything,
};

/** --authorization-mode=AlwaysDeny. */
export const alwaysDenyAuthorizer: Authorizer = {
  name: 'AlwaysDeny',
  authorize: () => ({ decision: 'NoOpinion', reason: 'Everything is forbidden.' }),
  rulesFor: () => ({ resourceRules: [], nonResourceRules: [], incomplete: false }),
};

/**
 * The first Allow or Deny decides; when none decides the reasons of all are joined. system:masters pass before any of
 * them. An authorizer that throws has no opinion, and its error is part of the reason.
 */
export function createAuthorizerChain(authorizers: readonly Authorizer[]): Authorizer {
  const chain = [mastersAuthorizer, ...authorizers];

  function authorizeFrom(
    start: number,
    attributes: Parameters<Authorizer['authorize']>[0],
    reasons: string[],
    errors: string[],
  ): AuthorizationResult | Promise<AuthorizationResult> {
    const failed = (error: unknown): AuthorizationResult => ({
      decision: 'NoOpinion',
      reason: '',
      error: error instanceof Error ? error.message : String(error),
    });
    const note = (result: AuthorizationResult): boolean => {
      if (result.decision !== 'NoOpinion') return true;
      if (result.reason) reasons.push(result.reason);
      if (result.error) errors.push(result.error);
      return false;
    };
    // Synchronous as long as the authorizers are: most requests never wait here.
    for (let i = start; i < chain.length; i++) {
      let result: AuthorizationResult | Promise<AuthorizationResult>;
      try {
        result = chain[i]!.authorize(attributes);
      } catch (error) {
        result = failed(error);
      }
      if (result instanceof Promise) {
        return result
          .catch(failed)
          .then((settled) => (note(settled) ? settled : authorizeFrom(i + 1, attributes, reasons, errors)));
      }
      if (note(result)) return result;
    }
    return {
      decision: 'NoOpinion',
      reason: reasons.join('\n'),
      ...(errors.length ? { error: errors.join(', ') } : {}),
    };
  }

  return {
    name: 'Union',
    authorize: (attributes) => authorizeFrom(0, attributes, [], []),
    rulesFor: (user, namespace) => mergeRules(authorizers, user, namespace),
  };
}

async function mergeRules(authorizers: readonly Authorizer[], user: UserInfo, namespace: string): Promise<RulesFor> {
  const parts = await Promise.all(
    authorizers.map(
      async (authorizer): Promise<RulesFor> =>
        (await authorizer.rulesFor?.(user, namespace)) ?? {
          resourceRules: [],
          nonResourceRules: [],
          incomplete: true,
          evaluationError: `${authorizer.name} authorizer does not support user rule resolution`,
        },
    ),
  );
  const errors = parts.flatMap((part) => (part.evaluationError ? [part.evaluationError] : []));
  return {
    resourceRules: parts.flatMap((part) => part.resourceRules),
    nonResourceRules: parts.flatMap((part) => part.nonResourceRules),
    incomplete: parts.some((part) => part.incomplete),
    ...(errors.length ? { evaluationError: errors.join(', ') } : {}),
  };
}
