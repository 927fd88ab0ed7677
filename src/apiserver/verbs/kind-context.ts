import type { KindContext } from '../../api/kind.ts';
import type { ApiContext } from '../context.ts';
import type { Call } from './call.ts';

/** What a kind's hooks may know of the request. */
export function kindContext(api: ApiContext, { user, warnings }: Call): KindContext {
  return {
    now: api.clock.now(),
    userName: user.name,
    userGroups: user.groups,
    warn: (text) => warnings.push(text),
    ...(user.uid ? { userUid: user.uid } : {}),
    ...(user.extra ? { userExtra: user.extra } : {}),
  };
}
