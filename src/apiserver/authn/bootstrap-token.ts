/** Join tokens `id.secret`, kept as secrets bootstrap-token-ID in kube-system (upstream plugin bootstrap). */
import { createHash, timingSafeEqual } from 'node:crypto';
import { Secret } from '../../api/core/secret.ts';
import type { Shared } from '../../api/kind.ts';
import { type Clock, parseTime } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { type TokenAuthenticator, TokenError } from './bearer-token.ts';

const tokenForm = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** Knows join tokens that are meant for authentication and have not expired. */
export function createBootstrapTokenAuthenticator(options: { client: Client; clock: Clock }): TokenAuthenticator {
  return {
    name: 'BootstrapToken',
    async authenticateToken(token) {
      const [, id, secretPart] = tokenForm.exec(token) ?? [];
      if (!id || !secretPart) return undefined;
      const secret = await options.client.find(Secret, { namespace: 'kube-system', name: `bootstrap-token-${id}` });
      if (!secret || secret.metadata.deletionTimestamp || secret.type !== 'bootstrap.kubernetes.io/token') {
        throw new TokenError(`there is no bootstrap token ${id}`);
      }
      const field = (name: string) => decoded(secret, name);
      if (!sameSecret(field('token-secret'), secretPart) || field('token-id') !== id) {
        throw new TokenError(`the secret of bootstrap token ${id} is another`);
      }
      const expiration = field('expiration');
      if (expiration && !(parseTime(expiration) > options.clock.now())) {
        throw new TokenError(`bootstrap token ${id} has expired or has an expiration that is not a time`);
      }
      if (field('usage-bootstrap-authentication') !== 'true') {
        throw new TokenError(`bootstrap token ${id} is not for authentication`);
      }
      const groups = ['system:bootstrappers'];
      for (const group of field('auth-extra-groups').split(',').filter(Boolean)) {
        if (!groupForm.test(group)) throw new TokenError(`bootstrap token ${id} names the group ${group}`);
        if (!groups.includes(group)) groups.push(group);
      }
      return { user: { name: `system:bootstrap:${id}`, groups } };
    },
  };
}

const decoded = (secret: Shared<Secret>, key: string) =>
  Buffer.from((secret.data?.[key] as string | undefined) ?? '', 'base64').toString();

function sameSecret(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
