/** Authenticating service accounts: a token is good as long as everything it is bound to is there. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import { Secret } from '../../api/core/secret.ts';
import { ServiceAccount } from '../../api/core/service-account.ts';
import type { KubeObject, Shared } from '../../api/kind.ts';
import { type Clock, parseTime } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import type { AuthenticationResult } from './authenticator.ts';
import { type TokenAuthenticator, TokenError } from './bearer-token.ts';
import {
  type ObjectClaim,
  readClaims,
  type ServiceAccountClaims,
  serviceAccountGroups,
  serviceAccountUser,
} from './service-account-claims.ts';
import type { ServiceAccountSigner } from './service-account-signer.ts';

/** How long a token outlives the beginning of the deletion of what it is bound to, as upstream allows. */
const deletionGraceMs = 60_000;

export interface ServiceAccountTokensOptions {
  readonly signer: ServiceAccountSigner;
  readonly client: Client;
  readonly clock: Clock;
  /** What tokens without audiences (legacy ones) count as being for. */
  readonly apiAudiences: readonly string[];
}

/** Knows the tokens that the signer's keys have signed. */
export function createServiceAccountAuthenticator(options: ServiceAccountTokensOptions): TokenAuthenticator {
  const { signer, client, clock, apiAudiences } = options;

  function assertAlive(object: Shared<KubeObject> | undefined, what: string, claim: ObjectClaim): void {
    if (!object) throw new TokenError(`the ${what} ${claim.name} has been deleted`);
    const deleted = object.metadata.deletionTimestamp;
    if (deleted && parseTime(deleted) < clock.now() - deletionGraceMs) {
      throw new TokenError(`the ${what} ${claim.name} is being deleted`);
    }
    if (claim.uid && object.metadata.uid !== claim.uid) {
      throw new TokenError(`the ${what} ${claim.name} is another than the one the token was made for`);
    }
  }

  async function assertBindings(claims: ServiceAccountClaims, token: string): Promise<void> {
    const { namespace } = claims;
    const account = await client.find(ServiceAccount, { namespace, name: claims.serviceaccount.name });
    assertAlive(account, 'service account', claims.serviceaccount);
    if (claims.secret) {
      const secret = await client.find(Secret, { namespace, name: claims.secret.name });
      assertAlive(secret, 'secret', claims.secret);
      if (claims.legacy) assertLegacySecret(secret!, token);
    }
    if (claims.pod) {
      assertAlive(await client.find(Pod, { namespace, name: claims.pod.name }), 'pod', claims.pod);
    } else if (claims.node) {
      const node = await client.find(Node, { name: claims.node.name });
      assertAlive(node, 'node', claims.node);
    }
  }

  return {
    name: 'ServiceAccount',
    async authenticateToken(token, audiences): Promise<AuthenticationResult | undefined> {
      if (token.split('.').length !== 3) return undefined;
      const payload = await signer.verify(token);
      const claims = payload && readClaims(payload);
      if (!payload) return undefined;
      if (!claims) throw new TokenError('the token does not name a service account');
      const meant = claims.legacy && claims.audiences.length === 0 ? apiAudiences : claims.audiences;
      const agreed = audiences.filter((audience) => meant.includes(audience));
      if (agreed.length === 0) throw new TokenError('the token is for another audience');
      await assertBindings(claims, token);
      return { user: userOf(claims), audiences: agreed };
    },
  };
}

function assertLegacySecret(secret: Shared<Secret>, token: string): void {
  if (secret.type !== 'kubernetes.io/service-account-token') throw new TokenError('the secret is not for a token');
  if (secret.metadata.labels?.['kubernetes.io/legacy-token-invalid-since']) {
    throw new TokenError('the legacy token has been marked as invalid');
  }
  const kept = Buffer.from((secret.data?.['token'] as string | undefined) ?? '', 'base64').toString();
  const hash = (text: string) => createHash('sha256').update(text).digest();
  if (!timingSafeEqual(hash(kept), hash(token))) throw new TokenError('the secret holds another token');
}

function userOf(claims: ServiceAccountClaims): AuthenticationResult['user'] {
  const extra: Record<string, string[]> = {};
  if (claims.id) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${claims.id}`];
  if (claims.pod) {
    extra['authentication.kubernetes.io/pod-name'] = [claims.pod.name];
    extra['authentication.kubernetes.io/pod-uid'] = [claims.pod.uid];
  }
  if (claims.node) {
    extra['authentication.kubernetes.io/node-name'] = [claims.node.name];
    extra['authentication.kubernetes.io/node-uid'] = [claims.node.uid];
  }
  return {
    name: serviceAccountUser(claims.namespace, claims.serviceaccount.name),
    uid: claims.serviceaccount.uid,
    groups: serviceAccountGroups(claims.namespace),
    ...(Object.keys(extra).length ? { extra } : {}),
  };
}
