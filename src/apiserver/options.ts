/** How an API server is made, and what it offers. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Transport } from '../client/transport.ts';
import type { ObjectCache } from '../store/cache-api.ts';
import type { ValueTransformer } from '../store/json-codec.ts';
import type { Authenticator } from './authn/authenticator.ts';
import type { TokenAuthenticator } from './authn/bearer-token.ts';
import type { ServiceAccountSigner } from './authn/service-account-signer.ts';
import type { Authorizer } from './authz/authorizer.ts';
import type { Exchange } from './filters/exchange.ts';
import type { Registry } from './registry/registry.ts';
import type { UserInfo } from './user.ts';

export interface TlsOptions {
  /** PEM, the server's certificate first. */
  readonly cert: string;
  readonly key: string;
  /** PEM bundle of the authorities whose client certificates are asked for. */
  readonly clientCa?: string;
}

/** Sees every request that is answered; made by the audit policy. */
export interface AuditHook {
  /** Called once the user is known; what it returns is called when the response has been sent. */
  begin(exchange: Exchange): (() => void) | undefined;
}

export interface ApiServerOptions {
  readonly cache: ObjectCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  /** The first that knows a credential decides; none are needed where only {@link ApiServer.direct} is used. */
  readonly authenticators?: readonly Authenticator[];
  /** What TokenReview asks. */
  readonly tokens?: TokenAuthenticator;
  readonly authorizer: Authorizer;
  /** Upstream's --enable-admission-plugins and so on; false admits everything. */
  readonly admission?:
    | {
        readonly enable?: readonly string[];
        readonly disable?: readonly string[];
        readonly configuration?: Readonly<Record<string, unknown>>;
      }
    | false;
  /** One or two (dual stack) ranges for cluster IPs; the first address is the kubernetes service's. */
  readonly serviceCidr?: string;
  /** `30000-32767` by default. */
  readonly nodePortRange?: string;
  /** The address and port that the kubernetes service leads to; without it that service has no endpoints. */
  readonly advertise?: { readonly address: string; readonly port: number };
  /** How the server reaches kubelets. */
  readonly kubeletTls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Signs the tokens of service accounts. */
  readonly serviceAccountSigner?: ServiceAccountSigner;
  readonly apiAudiences?: readonly string[];
  /** The client certificate with which aggregated APIs are asked, and its authority's PEM. */
  readonly frontProxy?: { readonly cert: string; readonly key: string; readonly ca: string };
  /** PEM of the authority of the clients, published for aggregated API servers. */
  readonly clientCa?: string;
  readonly audit?: AuditHook;
  /** Encryption at rest by resource: `secrets`, `deployments.apps`. */
  readonly encryption?: (resource: string) => ValueTransformer | undefined;
  /** Several servers write to the same store, so reads have to ask it how far it is. */
  readonly sharedStore?: boolean;
  /** Priority and fairness; on by default. */
  readonly flowControl?: boolean;
  /** Seconds that an event is kept; an hour by default. */
  readonly eventTtlSeconds?: number;
  /** Time that a request may take, milliseconds; 60,000 by default. */
  readonly requestTimeoutMs?: number;
}

export interface ApiServer {
  /** A way to the server for callers in its process, as one user. */
  direct(user: UserInfo): Transport;
  /** Serves HTTPS, or plain HTTP without `tls`; may be called more than once. */
  listen(options: { host: string; port: number; tls?: TlsOptions }): Promise<{ url: string; port: number }>;
  /** Replaces the certificate of the listeners, or the authorities that they accept. */
  setTls(tls: TlsOptions): void;
  /** What is served, custom resources included. */
  readonly kinds: Registry;
  /** Resolves when /readyz would say ok. */
  ready(): Promise<void>;
  close(): Promise<void>;
}
