/** Issuing service-account tokens: the `token` subresource of service accounts. */
import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import { Secret } from '../../api/core/secret.ts';
import type { ServiceAccount } from '../../api/core/service-account.ts';
import type { KubeObject, Shared } from '../../api/kind.ts';
import { type FieldError, invalid } from '../../api/machinery/field-error.ts';
import { badRequest, conflict, forbiddenError, invalidObject } from '../../api/machinery/status.ts';
import type { TokenRequest } from '../../api/types/authentication-v1.ts';
import { type Clock, formatTime } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { type ObjectClaim, serviceAccountUser } from './service-account-claims.ts';
import type { ServiceAccountSigner } from './service-account-signer.ts';

const minimumSeconds = 10 * 60;
const maximumSeconds = 2 ** 32;
const defaultSeconds = 60 * 60;
const accounts = { group: '', plural: 'serviceaccounts' };

export interface TokenIssuerOptions {
  readonly signer: ServiceAccountSigner;
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  /** The audiences of a request that names none. */
  readonly apiAudiences: readonly string[];
  /** --service-account-max-token-expiration; longer requests are cut to it. */
  readonly maxExpirationSeconds?: number;
}

export interface TokenIssuer {
  /**
   * Answers a TokenRequest for a live service account: the same object with defaults and status filled in. Throws
   * Invalid, BadRequest, NotFound or Conflict as upstream.
   */
  request(account: Shared<ServiceAccount>, request: TokenRequest): Promise<TokenRequest>;
}

/** Errors of a TokenRequest's spec. */
export function validateTokenRequest(request: TokenRequest): FieldError[] {
  const seconds = request.spec.expirationSeconds ?? defaultSeconds;
  const path = 'spec.expirationSeconds';
  if (seconds < minimumSeconds) return [invalid(path, seconds, 'may not specify a duration less than 10 minutes')];
  if (seconds > maximumSeconds) return [invalid(path, seconds, 'may not specify a duration larger than 2^32 seconds')];
  return [];
}

/** An issuer; the same signer authenticates what it issues. */
export function createTokenIssuer(options: TokenIssuerOptions): TokenIssuer {
  const { signer, client, clock, random } = options;

  /** The object a token is to be bound to, and for a pod its node. */
  async function boundObjects(
    account: Shared<ServiceAccount>,
    ref: NonNullable<TokenRequest['spec']['boundObjectRef']>,
  ): Promise<{ pod?: ObjectClaim; secret?: ObjectClaim; node?: ObjectClaim }> {
    const { namespace = '', name: accountName } = account.metadata;
    const claim = (object: Shared<KubeObject>, resource: { group: string; plural: string }): ObjectClaim => {
      if (ref.uid && ref.uid !== object.metadata.uid) {
        throw conflict(
          resource,
          ref.name ?? '',
          `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
        );
      }
      return { name: object.metadata.name, uid: object.metadata.uid };
    };
    const name = ref.name ?? '';
    const version = ref.apiVersion || 'v1';
    if (version === 'v1' && ref.kind === 'Pod') {
      const pod = await client.get(Pod, { namespace, name });
      if (pod.spec.serviceAccountName !== accountName) {
        throw badRequest(
          `cannot bind token for serviceaccount ${JSON.stringify(accountName)} to pod running with different serviceaccount name.`,
        );
      }
      const bound = { pod: claim(pod, Pod) };
      const node = pod.spec.nodeName ? await client.find(Node, { name: pod.spec.nodeName }) : undefined;
      if (!pod.spec.nodeName) return bound;
      return { ...bound, node: { name: pod.spec.nodeName, uid: node?.metadata.uid ?? '' } };
    }
    if (version === 'v1' && ref.kind === 'Node') return { node: claim(await client.get(Node, { name }), Node) };
    if (version === 'v1' && ref.kind === 'Secret') {
      return { secret: claim(await client.get(Secret, { namespace, name }), Secret) };
    }
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(accountName)} to object of type ${version}, Kind=${ref.kind ?? ''}`,
    );
  }

  return {
    async request(account, request) {
      const { name, namespace = '', uid } = account.metadata;
      if (request.metadata?.name && request.metadata.name !== name) {
        throw badRequest('metadata.name must match the service account name');
      }
      if (request.metadata?.namespace && request.metadata.namespace !== namespace) {
        throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
      }
      if (account.metadata.deletionTimestamp) {
        throw forbiddenError(accounts, name, 'the service account is being deleted');
      }
      const errors = validateTokenRequest(request);
      if (errors.length) throw invalidObject({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', errors);
      const seconds = Math.min(
        request.spec.expirationSeconds ?? defaultSeconds,
        options.maxExpirationSeconds ?? Number.POSITIVE_INFINITY,
      );
      const audiences = request.spec.audiences?.length ? request.spec.audiences : [...options.apiAudiences];
      const bound = request.spec.boundObjectRef ? await boundObjects(account, request.spec.boundObjectRef) : {};
      const now = Math.floor(clock.now() / 1000);
      const token = await signer.sign({
        iss: signer.issuer,
        sub: serviceAccountUser(namespace, name),
        aud: audiences,
        iat: now,
        nbf: now,
        exp: now + seconds,
        jti: random.uuid(),
        'kubernetes.io': { namespace, serviceaccount: { name, uid }, ...bound },
      });
      return {
        ...request,
        metadata: {
          ...request.metadata,
          name,
          namespace,
          creationTimestamp: formatTime(clock.now()),
        } as TokenRequest['metadata'],
        spec: { ...request.spec, audiences, expirationSeconds: seconds },
        status: { token, expirationTimestamp: formatTime((now + seconds) * 1000) },
      };
    },
  };
}
