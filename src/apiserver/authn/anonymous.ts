/** Requests without credentials (AnonymousAuthConfig of the AuthenticationConfiguration). */
import { anonymousUser } from '../user.ts';
import type { Authenticator } from './authenticator.ts';

/** The paths that tell a load balancer or a probe how the server is. */
export const healthPaths: readonly string[] = ['/livez', '/readyz', '/healthz'];

/**
 * Takes requests without credentials for system:anonymous, on the given paths only (exact, as upstream's conditions);
 * 'all' leaves the decision to authorization everywhere. Others are left unanswered, which means 401.
 */
export function createAnonymousAuthenticator(paths: readonly string[] | 'all' = healthPaths): Authenticator {
  const allowed = paths === 'all' ? undefined : new Set(paths);
  return {
    name: 'Anonymous',
    authenticate: ({ path }) => (!allowed || allowed.has(path) ? { user: anonymousUser } : undefined),
  };
}
