/** The authorizers of a server by mode (--authorization-mode). */
import type { InformerSet } from '../../client/informer.ts';
import type { Authorizer } from './authorizer.ts';
import { alwaysAllowAuthorizer, alwaysDenyAuthorizer, createAuthorizerChain } from './chain.ts';
import { createNodeAuthorizer } from './node.ts';
import { createNodeGraph } from './node-graph.ts';
import { createRbacAuthorizer } from './rbac.ts';

export const authorizationModes = ['Node', 'RBAC', 'Webhook', 'AlwaysAllow', 'AlwaysDeny'] as const;
export type AuthorizationMode = (typeof authorizationModes)[number];

export interface AuthorizationOptions {
  /** In the order in which they are asked; Node and RBAC by default. */
  readonly modes?: readonly AuthorizationMode[];
  /** As the API server itself; may be on a deferred transport. */
  readonly informers: InformerSet;
  /** What the mode Webhook stands for. */
  readonly webhook?: Authorizer;
}

/** Puts together the authorizers that the modes name, after system:masters. */
export function createAuthorizer(options: AuthorizationOptions): Authorizer {
  const make: Record<AuthorizationMode, () => Authorizer> = {
    Node: () => createNodeAuthorizer(createNodeGraph(options.informers)),
    RBAC: () => createRbacAuthorizer(options.informers),
    Webhook: () => {
      if (!options.webhook) throw new Error('authorization mode Webhook needs a webhook configuration');
      return options.webhook;
    },
    AlwaysAllow: () => alwaysAllowAuthorizer,
    AlwaysDeny: () => alwaysDenyAuthorizer,
  };
  return createAuthorizerChain((options.modes ?? ['Node', 'RBAC']).map((mode) => make[mode]()));
}
