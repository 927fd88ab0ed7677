/** The control plane as one unit: API server on a store, controllers, scheduler. The server process and startCluster() are made of it. */
import { createAuthentication } from '../apiserver/authn/authenticators.ts';
import { createDeferredTransport } from '../apiserver/authn/deferred-transport.ts';
import { createServiceAccountSigner } from '../apiserver/authn/service-account-signer.ts';
import { createAuthorizer } from '../apiserver/authz/authorizers.ts';
import { reconcileBootstrapPolicy } from '../apiserver/authz/bootstrap-policy.ts';
import { controllerUser } from '../apiserver/authz/controller-roles.ts';
import { publishAuthenticationTrust } from '../apiserver/bootstrap/authentication-trust.ts';
import type { ApiServer } from '../apiserver/options.ts';
import { createApiServer } from '../apiserver/server.ts';
import { loopbackUser, roleUser, type UserInfo } from '../apiserver/user.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import { type Client, createClient } from '../client/client.ts';
import { type RunningControllers, startControllers } from '../client/controller-runner.ts';
import { createEventRecorder } from '../client/event-recorder.ts';
import { createInformerSet, type RunningInformerSet } from '../client/informer-set.ts';
import { type LeaderElection, type LeaderElectionOptions, runWithLeaderElection } from '../client/leader.ts';
import type { ControllerDefinition } from '../client/reconcile.ts';
import type { Transport } from '../client/transport.ts';
import { builtinControllers } from '../controllers/controllers.gen.ts';
import { loadBalancerController } from '../network/load-balancer/load-balancer.ts';
import type { SchedulerConfig } from '../scheduler/config.ts';
import { type Scheduler, startScheduler } from '../scheduler/scheduler.ts';
import { createObjectCache } from '../store/cache.ts';
import { parseEncryptionConfiguration } from '../store/encryption.ts';
import type { Store } from '../store/store.ts';
import { componentHealth } from './component-health.ts';
import type { OptionalPart } from './config.ts';
import { type ClusterPki, frontProxyName, serviceAccountIssuer } from './pki.ts';
import type { Security } from './security.ts';

export interface ControlPlaneOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly pki: ClusterPki;
  readonly clusterName: string;
  readonly clusterDomain: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly nodePortRange: readonly [first: number, last: number];
  readonly disable: readonly OptionalPart[];
  /** Where pods and other machines reach the API server; no kubernetes endpoints without. */
  readonly advertise?: { readonly address: string; readonly port: number };
  /** Several control planes share the store: controllers and scheduler run on one of them. */
  readonly leaderElection?: Pick<
    LeaderElectionOptions,
    'identity' | 'leaseDurationMs' | 'renewDeadlineMs' | 'retryPeriodMs'
  >;
  /** Group-versions to serve besides those that are served by default. */
  readonly runtimeConfig?: readonly string[];
  /** Text of an EncryptionConfiguration: what is encrypted at rest. */
  readonly encryption?: string;
  /** What the security files of the configuration say; the defaults without. */
  readonly security?: Security;
  /** Freezes shared objects, so that a write to one throws: for tests and simulation. */
  readonly freeze?: boolean;
  /** Profiles and settings of the scheduler. */
  readonly schedulerConfig?: SchedulerConfig;
  /** Puts something between the clients in this process and the API server: for fault injection. */
  readonly intercept?: (transport: Transport, user: UserInfo) => Transport;
  /** Changes which controllers run: for trying out one of one's own, or a broken one. */
  readonly controllers?: (builtin: readonly ControllerDefinition[]) => readonly ControllerDefinition[];
}

export interface ControlPlane {
  readonly server: ApiServer;
  readonly metrics: MetricsRegistry;
  /** Opens an HTTPS port with the cluster's certificate. */
  listen(options: { host: string; port: number }): Promise<{ url: string; port: number }>;
  /** Takes renewed certificates into use; what was issued before stays good as long as its authority is among the new. */
  renew(pki: ClusterPki): void;
  /** A client in this process, as a user. */
  clientAs(user: UserInfo, fieldManager?: string): Client;
  /** Informers in this process as the API server itself, for in-process roles. */
  readonly informers: RunningInformerSet;
  /** Nothing is under way but what waits for a timer or an event. */
  idle(): boolean;
  stop(): Promise<void>;
}

const controlPlaneLease = { namespace: 'kube-system', name: 'timonel-control-plane' };
/** Starts everything; resolves when the API server answers, the default policy is in place and controllers run. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { store, clock, random, log, pki } = options;
  const metrics = new MetricsRegistry();
  const cache = createObjectCache(store, { clock, log, ...(options.freeze ? { freeze: true } : {}) });

  // Authentication and authorization read objects through the very server that they protect.
  const loopback = createDeferredTransport();
  const client = createClient(loopback);
  const informers = createInformerSet(client, { clock, log, random });
  const apiAudiences = [serviceAccountIssuer(options.clusterDomain)];
  // Credentials are read anew for each connection: they are renewed while the server runs.
  let current = pki;
  const renewed = (name: 'kubeletClient' | 'frontProxyClient', authority: 'ca' | 'frontProxyCa') => ({
    get ca() {
      return current[authority].cert;
    },
    get cert() {
      return current[name].cert;
    },
    get key() {
      return current[name].key;
    },
  });
  const signer = createServiceAccountSigner({ issuers: [apiAudiences[0]!], key: pki.serviceAccount.key, clock });
  const { authenticator, tokens } = createAuthentication({
    client,
    clock,
    log,
    clientCa: () => current.ca.cert,
    frontProxy: { ca: () => current.frontProxyCa.cert, allowedNames: [frontProxyName] },
    serviceAccounts: signer,
    apiAudiences,
    ...options.security?.authentication,
  });
  const authorizer = createAuthorizer({ informers, ...options.security?.authorization });
  const transformers = options.encryption === undefined ? undefined : parseEncryptionConfiguration(options.encryption);
  let running: RunningRoles | undefined;
  const tls = () => ({ ...current.server, clientCa: current.ca.cert, proxyCa: current.frontProxyCa.cert });
  const server = await createApiServer({
    cache,
    clock,
    random,
    log,
    metrics,
    authenticators: [authenticator],
    tokens,
    authorizer,
    ...(options.runtimeConfig ? { runtimeConfig: options.runtimeConfig } : {}),
    serviceCidr: options.serviceCidr,
    nodePortRange: options.nodePortRange.join('-'),
    kubeletTls: renewed('kubeletClient', 'ca'),
    serviceAccountSigner: signer,
    apiAudiences,
    frontProxy: renewed('frontProxyClient', 'frontProxyCa'),
    components: componentHealth({
      disable: options.disable,
      isRunning: () => running !== undefined,
      client,
      clock,
      ...(options.leaderElection ? { lease: controlPlaneLease } : {}),
    }),
    ...(options.security ? { admission: options.security.admission } : {}),
    ...(options.security?.audit ? { audit: options.security.audit } : {}),
    ...(options.advertise ? { advertise: options.advertise } : {}),
    ...(options.leaderElection ? { sharedStore: true } : {}),
    ...(transformers ? { encryption: (resource: string) => transformers.get(resource) } : {}),
  });
  const intercept = options.intercept ?? ((transport: Transport) => transport);
  loopback.resolve(intercept(server.direct(loopbackUser), loopbackUser));
  const clientAs = (user: UserInfo, fieldManager?: string) =>
    createClient(intercept(server.direct(user), user), fieldManager ? { fieldManager } : {});

  const definitions = [...builtinControllers, loadBalancerController].filter(
    ({ requires: kind }) => !kind || server.kinds.resolve(kind.group, kind.version, kind.plural),
  );
  const publishTrust = () =>
    publishAuthenticationTrust(client, {
      clientCa: current.ca.cert,
      proxyCa: current.frontProxyCa.cert,
      proxyNames: [frontProxyName],
    });
  await reconcileBootstrapPolicy(client, { controllers: definitions, log });

  await publishTrust();

  const roles = () => startRoles({ options, definitions, metrics, client, informers, clientAs });
  let election: LeaderElection | undefined;
  if (options.leaderElection) {
    election = runWithLeaderElection({
      ...options.leaderElection,
      client,
      clock,
      random,
      log,
      lease: controlPlaneLease,
      async lead(signal) {
        running = await roles();
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        await running.stop();
        running = undefined;
      },
      onNewLeader: (identity) => log.info('controllers and scheduler are led by', { identity }),
    });
  } else running = await roles();

  return {
    server,
    metrics,
    listen: (where) => server.listen({ ...where, tls: tls() }),
    renew(next) {
      current = next;
      server.setTls(tls());
      publishTrust().catch((error: unknown) =>
        log.error('extension API servers were not told of the authorities', { error }),
      );
    },
    clientAs,
    informers,
    idle: () => informers.idle() && (running?.idle() ?? true),
    async stop() {
      await election?.stop();
      await running?.stop();
      informers.stop();
      await server.close();
      options.security?.stop();
      await options.security?.audit?.close();
      await cache.close();
      await store.close();
    },
  };
}

/** Controllers and scheduler that run. */
export interface RunningRoles {
  idle(): boolean;
  stop(): Promise<void>;
}

/** What controllers and scheduler are started on. */
export interface RoleEnvironment {
  readonly options: Pick<
    ControlPlaneOptions,
    | 'clock'
    | 'random'
    | 'log'
    | 'pki'
    | 'clusterName'
    | 'podCidr'
    | 'serviceCidr'
    | 'disable'
    | 'controllers'
    | 'schedulerConfig'
  >;
  /** The controllers that the server has a use for. */
  readonly definitions: readonly ControllerDefinition[];
  readonly metrics: MetricsRegistry;
  readonly client: Client;
  readonly informers: RunningInformerSet;
  clientAs(user: UserInfo, fieldManager?: string): Client;
}

/** Controllers and scheduler: of several control planes on one store only the leader runs them. */
export async function startRoles({
  options,
  definitions,
  metrics,
  client,
  informers,
  clientAs,
}: RoleEnvironment): Promise<RunningRoles> {
  const { clock, random, log, pki } = options;
  let controllers: RunningControllers | undefined;
  if (!options.disable.includes('controllers')) {
    const groups = ['system:serviceaccounts', 'system:serviceaccounts:kube-system'];
    const builtin = options.disable.includes('load-balancer')
      ? definitions.filter((definition) => definition !== loadBalancerController)
      : definitions;
    controllers = startControllers(options.controllers?.(builtin) ?? builtin, {
      client,
      clientFor: (name) => clientAs(roleUser(controllerUser(name), groups), name),
      informers,
      clock,
      random,
      log,
      metrics,
      settings: {
        clusterName: options.clusterName,
        podCidr: options.podCidr,
        serviceCidr: options.serviceCidr,
        rootCa: pki.ca.cert,
        signer: { certificate: pki.ca.cert, key: pki.ca.key },
        serviceAccountKey: pki.serviceAccount.key,
      },
    });
  }
  let scheduler: Scheduler | undefined;
  if (!options.disable.includes('scheduler')) {
    const asScheduler = clientAs(roleUser('system:kube-scheduler'), 'kube-scheduler');
    const events = createEventRecorder(asScheduler, {
      component: 'default-scheduler',
      clock,
      random,
      log,
      series: true,
    });
    scheduler = await startScheduler({
      client: asScheduler,
      informers,
      events,
      clock,
      random,
      log,
      metrics,
      ...(options.schedulerConfig ? { config: options.schedulerConfig } : {}),
    }).catch(async (error: unknown) => {
      // Who cannot lead as a whole does not lead in part.
      await controllers?.stop();
      throw error;
    });
  }
  return {
    idle: () => (controllers?.idle() ?? true) && (scheduler?.idle() ?? true),
    async stop() {
      scheduler?.stop();
      await controllers?.stop();
    },
  };
}
