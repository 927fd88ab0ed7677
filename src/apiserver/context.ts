/** What every part of the API server works with. */
import type { KubeObject, Shared } from '../api/kind.ts';
import type { FieldError } from '../api/machinery/field-error.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { ObjectCache, ObjectWrite } from '../store/cache-api.ts';
import type { AdmissionRequest } from './admission/admission.ts';
import type { TokenAuthenticator } from './authn/bearer-token.ts';
import type { TokenIssuer } from './authn/token-request.ts';
import type { Authorizer } from './authz/authorizer.ts';
import type { Registry } from './registry/registry.ts';
import type { Call } from './verbs/call.ts';

/** The admission chain: both run in order and throw StatusError to refuse. */
export interface AdmissionChain {
  mutate(request: AdmissionRequest): void | Promise<void>;
  validate(request: AdmissionRequest): void | Promise<void>;
}

/**
 * What a resource needs at the moment of its writing beyond its own object: a service's addresses and ports. The writes
 * that a hook returns go into the same commit.
 */
export interface WriteHook {
  /** Settles an object before it is validated. */
  prepare?(object: KubeObject, old: Shared<KubeObject> | undefined): void;
  /** What is wrong with an object besides what its kind finds. */
  validate?(object: Shared<KubeObject>, old: Shared<KubeObject> | undefined): FieldError[];
  /** The same for a change of the status. */
  validateStatus?(object: Shared<KubeObject>, old: Shared<KubeObject>): FieldError[];
  /** May change `object`, which is about to be written (undefined: deleted); throws StatusError to refuse. */
  beforeWrite(
    write: {
      readonly object: KubeObject | undefined;
      readonly old: Shared<KubeObject> | undefined;
      readonly dryRun: boolean;
    },
    call: Call,
  ): readonly ObjectWrite<Shared<KubeObject>>[];
  /** The commit lost a race on one of the hook's writes: look again. Called before another beforeWrite. */
  onConflict?(keys: readonly string[]): void;
}

export interface ApiContext {
  readonly cache: ObjectCache;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  readonly authorizer: Authorizer;
  /** Set once the chain has been built; requests before that pass without. */
  admission: AdmissionChain | undefined;
  /** By the prefix of the resource's keys. */
  readonly writeHooks: Map<string, WriteHook>;
  /** Several servers may write to the same store: reads must ask it how far it is. */
  readonly sharedStore: boolean;
  /** What TokenReview asks. */
  readonly tokens: TokenAuthenticator | undefined;
  readonly apiAudiences: readonly string[];
  tokenIssuer: TokenIssuer | undefined;
  /** The client certificate that kubelets know this server by. */
  readonly kubeletTls: { readonly ca: string; readonly cert: string; readonly key: string } | undefined;
  /** How the parts beside this server are, by ComponentStatus' names: what is wrong, or undefined. */
  readonly components: Readonly<Record<string, () => Promise<string | undefined>>>;
  /** As the API server itself. */
  readonly loopback: () => Client;
}
