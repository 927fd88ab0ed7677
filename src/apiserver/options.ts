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
import type { RequestInfo } from './filters/request-info.ts';
import type { Registry } from './registry/registry.ts';
import type { UserInfo } from './user.ts';
import type { CallBody } from './verbs/call.ts';

export interface TlsOptions {
  /** PEM, the server's certificate first. */
  readonly cert: string;
  readonly key: string;
  /** PEM bundle of the authorities whose client certificates, and those of intermediates below them, name users. */
  readonly clientCa?: string;
  /** PEM bundle of the authorities of front proxies, whose certificates are asked for as well. */
  readonly proxyCa?: string;
}

/** A request as the audit sees it, over HTTP or from this process. Looked at again at every stage. */
export interface AuditSubject {
  readonly info: Omit<RequestInfo, 'query' | 'prefix' | 'rest'>;
  readonly requestUri: string;
  /** Whom the request runs as. */
  readonly user: UserInfo;
  /** The user behind an impersonated one. */
  readonly impersonator: UserInfo | undefined;
  /** The id that the client gave it. */
  readonly givenAuditId: string | undefined;
  readonly userAgent: string | undefined;
  readonly sourceIPs: readonly string[];
  readonly requestObject: CallBody | undefined;
  /** 0 until it is answered. */
  readonly answeredCode: number;
  readonly responseObject: unknown;
  readonly auditAnnotations: ReadonlyMap<string, string> | undefined;
}

/** What is called as an audited request goes on. */
export interface AuditTrail {
  readonly auditId: string;
  /** A stream has begun. */
  started(): void;
  /** The response has been sent, or the client has gone. */
  finished(): void;
}

/** Sees every request that is answered; made by the audit policy. */
export interface AuditHook {
  /** Called once the user is known; undefined when the request is not recorded. */
  begin(subject: AuditSubject): AuditTrail | undefined;
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
  /** Group-versions to serve besides those that are served by default: `storagemigration.k8s.io/v1beta1`. */
  readonly runtimeConfig?: readonly string[];
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
  readonly audit?: AuditHook;
  /** Encryption at rest by resource: `secrets`, `deployments.apps`. */
  readonly encryption?: (resource: string) => ValueTransformer | undefined;
  /** Several servers write to the same store, so reads have to ask it how far it is. */
  readonly sharedStore?: boolean;
  /** How the parts beside this server are, by ComponentStatus' names: what is wrong, or undefined. */
  readonly components?: Readonly<Record<string, () => Promise<string | undefined>>>;
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
