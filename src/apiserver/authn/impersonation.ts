/** Acting as somebody else: Impersonate-* headers, each value authorized on its own (upstream filters/impersonation). */
import { badRequest } from '../../api/machinery/status.ts';
import type { AuthorizationAttributes, Authorizer } from '../authz/authorizer.ts';
import { forbiddenByAuthorizer } from '../authz/forbidden.ts';
import type { UserInfo } from '../user.ts';
import type { AuthenticationRequest } from './authenticator.ts';
import { headersByPrefix, headerValues } from './headers.ts';
import { serviceAccountGroups, splitServiceAccountUser } from './service-account-claims.ts';

const authenticationGroup = 'authentication.k8s.io';

type Target = Pick<AuthorizationAttributes, 'group' | 'version' | 'resource' | 'subresource' | 'namespace' | 'name'>;

/**
 * The user that a request asks to act as, once `user` is found to be allowed to impersonate each of its parts;
 * undefined when it asks for nothing. Throws 403 for what is not allowed and 400 for groups, uid or extra without a user.
 */
export async function impersonate(
  request: Pick<AuthenticationRequest, 'headers' | 'rawHeaders'>,
  user: UserInfo,
  authorizer: Authorizer,
): Promise<UserInfo | undefined> {
  const [name = ''] = headerValues(request, 'Impersonate-User');
  const requestedGroups = headerValues(request, 'Impersonate-Group');
  const [uid = ''] = headerValues(request, 'Impersonate-Uid');
  const extra = headersByPrefix(request, 'Impersonate-Extra-');
  if (!name) {
    if (requestedGroups.length || uid || Object.keys(extra).length) {
      throw badRequest('impersonating groups, a uid or extra needs a user too: set the Impersonate-User header');
    }
    return undefined;
  }
  const account = splitServiceAccountUser(name);
  const targets: Target[] = [
    account
      ? { group: '', version: 'v1', resource: 'serviceaccounts', namespace: account.namespace, name: account.name }
      : { group: '', version: 'v1', resource: 'users', name },
    ...requestedGroups.map((group) => ({ group: '', version: 'v1', resource: 'groups', name: group })),
    ...(uid ? [{ group: authenticationGroup, version: 'v1', resource: 'uids', name: uid }] : []),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ({
        group: authenticationGroup,
        version: 'v1',
        resource: 'userextras',
        subresource: key,
        name: value,
      })),
    ),
  ];
  for (const target of targets) {
    const attributes: AuthorizationAttributes = { user, verb: 'impersonate', resourceRequest: true, ...target };
    const { decision, reason } = await authorizer.authorize(attributes);
    if (decision !== 'Allow') throw forbiddenByAuthorizer(attributes, reason);
  }
  const groups = account && requestedGroups.length === 0 ? serviceAccountGroups(account.namespace) : requestedGroups;
  return {
    name,
    groups: withStandardGroup(name, groups),
    ...(uid ? { uid } : {}),
    ...(Object.keys(extra).length ? { extra } : {}),
  };
}

function withStandardGroup(name: string, groups: readonly string[]): readonly string[] {
  if (name === 'system:anonymous') {
    return groups.includes('system:unauthenticated') ? groups : [...groups, 'system:unauthenticated'];
  }
  const told = groups.includes('system:authenticated') || groups.includes('system:unauthenticated');
  return told ? groups : [...groups, 'system:authenticated'];
}
