/** What service-account tokens say (upstream pkg/serviceaccount/claims.go and legacy.go). */
import type { JWTPayload } from 'jose';

/** An object that a token is bound to. */
export interface ObjectClaim {
  readonly name: string;
  readonly uid: string;
}

export interface BoundClaims {
  readonly namespace: string;
  readonly serviceaccount: ObjectClaim;
  readonly pod?: ObjectClaim;
  readonly secret?: ObjectClaim;
  readonly node?: ObjectClaim;
}

/** Claims of a token, of either form. */
export interface ServiceAccountClaims extends BoundClaims {
  readonly legacy: boolean;
  readonly audiences: readonly string[];
  readonly id?: string;
}

export const userNamePrefix = 'system:serviceaccount:';

/** `system:serviceaccount:NAMESPACE:NAME`. */
export const serviceAccountUser = (namespace: string, name: string): string => `${userNamePrefix}${namespace}:${name}`;

/** The groups of a namespace's service accounts. */
export const serviceAccountGroups = (namespace: string): string[] => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
];

/** The namespace and name in a service account's user name. */
export function splitServiceAccountUser(user: string): { namespace: string; name: string } | undefined {
  const [, namespace, name] = /^system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)$/.exec(user) ?? [];
  return namespace && name ? { namespace, name } : undefined;
}

function objectClaim(value: unknown): ObjectClaim | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { name, uid } = value as Record<string, unknown>;
  return typeof name === 'string' && typeof uid === 'string' ? { name, uid } : undefined;
}

/** The claims of a payload; undefined when it is not a service account's. */
export function readClaims(payload: JWTPayload): ServiceAccountClaims | undefined {
  const text = (key: string) => (typeof payload[key] === 'string' ? (payload[key] as string) : '');
  const audiences = payload.aud === undefined ? [] : Array.isArray(payload.aud) ? payload.aud : [payload.aud];
  const legacyNamespace = text('kubernetes.io/serviceaccount/namespace');
  let claims: ServiceAccountClaims | undefined;
  if (legacyNamespace) {
    claims = {
      legacy: true,
      audiences,
      namespace: legacyNamespace,
      serviceaccount: {
        name: text('kubernetes.io/serviceaccount/service-account.name'),
        uid: text('kubernetes.io/serviceaccount/service-account.uid'),
      },
      secret: { name: text('kubernetes.io/serviceaccount/secret.name'), uid: '' },
    };
  } else {
    const bound = payload['kubernetes.io'];
    if (typeof bound !== 'object' || bound === null) return undefined;
    const { namespace, serviceaccount, pod, secret, node } = bound as Record<string, unknown>;
    const account = objectClaim(serviceaccount);
    if (typeof namespace !== 'string' || !account) return undefined;
    const refs = { pod: objectClaim(pod), secret: objectClaim(secret), node: objectClaim(node) };
    claims = {
      legacy: false,
      audiences,
      namespace,
      serviceaccount: account,
      ...(typeof payload.jti === 'string' ? { id: payload.jti } : {}),
      ...(refs.pod ? { pod: refs.pod } : {}),
      ...(refs.secret ? { secret: refs.secret } : {}),
      ...(refs.node ? { node: refs.node } : {}),
    };
  }
  const user = serviceAccountUser(claims.namespace, claims.serviceaccount.name);
  return payload.sub === user ? claims : undefined;
}
