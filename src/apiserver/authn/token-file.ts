/** Tokens from a file (--token-auth-file): `token,user,uid[,"group1,group2"]`. */
import { createHash } from 'node:crypto';
import type { UserInfo } from '../user.ts';
import type { TokenAuthenticator } from './bearer-token.ts';

/** The fields of a CSV line; quotes hold commas, and a doubled quote is one. */
function csvFields(line: string): string[] {
  const out: string[] = [];
  for (const match of line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"\s*(?=,|$)|([^,]*))/g)) {
    out.push(match[1] === undefined ? match[2]!.trim() : match[1].replaceAll('""', '"'));
  }
  return out;
}

const digest = (token: string) => createHash('sha256').update(token).digest('base64');

/**
 * Knows the tokens of the text. Throws an Error that names the line when one has fewer than three fields or an empty
 * token. Tokens are kept and looked up as digests, so looking one up takes the same time whatever it is.
 */
export function createTokenFileAuthenticator(text: string): TokenAuthenticator {
  const users = new Map<string, UserInfo>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (!line.trim() || line.startsWith('#')) continue;
    const [token, name, uid, groups = ''] = csvFields(line);
    if (!token || !name || uid === undefined) {
      throw new Error(`token file, line ${index + 1}: token, user name and user uid are needed, separated by commas`);
    }
    const key = digest(token);
    if (!users.has(key)) {
      users.set(key, {
        name,
        ...(uid ? { uid } : {}),
        groups: groups
          .split(',')
          .map((group) => group.trim())
          .filter(Boolean),
      });
    }
  }
  return {
    name: 'TokenFile',
    async authenticateToken(token) {
      const user = users.get(digest(token));
      return user && { user };
    },
  };
}
