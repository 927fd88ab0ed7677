/** The API server: the filter chain, read top to bottom, and the parts behind it. */
import type { Duplex } from 'node:stream';
import { builtinKinds } from '../api/kinds.gen.ts';
import { StatusError } from '../api/machinery/status.ts';
import { type Client, createClient } from '../client/client.ts';
import type { Transport } from '../client/transport.ts';
import { proxyDirect } from './aggregation/direct-proxy.ts';
import { keepLocalServices } from './aggregation/local-services.ts';
import { createAggregationFilter } from './aggregation/proxy-filter.ts';
import { startRemoteApis } from './aggregation/remote-services.ts';
import { createAuditFilter } from './audit/audit-filter.ts';
import { createTokenIssuer } from './authn/token-request.ts';
import { forbiddenByAuthorizer } from './authz/forbidden.ts';
import { expireEvents } from './bootstrap/expire-events.ts';
import { ensureFlowObjects } from './bootstrap/flow-objects.ts';
import { publishEndpoints } from './bootstrap/kubernetes-endpoints.ts';
import { repairServices } from './bootstrap/repair-services.ts';
import { startAdmission } from './bootstrap/start-admission.ts';
import { ensureSystemObjects } from './bootstrap/system-objects.ts';
import type { ApiContext } from './context.ts';
import { startCustomResources } from './crd/definitions.ts';
import { createDirectTransport } from './direct.ts';
import { createDiscovery } from './discovery/discovery.ts';
import { createOpenApi } from './discovery/openapi.ts';
import { asStatusError, sendError } from './encoding/respond.ts';
import { createAuthenticationFilter, createImpersonationFilter } from './filters/authenticate.ts';
import { createAuthorizationFilter } from './filters/authorize.ts';
import { runChain } from './filters/chain.ts';
import { createDeadlineFilter } from './filters/deadline.ts';
import { dispatch } from './filters/dispatch.ts';
import { Exchange, type Filter, type HttpRequest, type HttpResponse } from './filters/exchange.ts';
import { createFlowControl } from './filters/flow-control.ts';
import { createHealthHandler, type HealthCheck, runChecks } from './filters/health.ts';
import { type Listener, startListener } from './filters/listener.ts';
import { createMetricsHandler } from './filters/metrics-path.ts';
import type { PathHandler } from './filters/path-answer.ts';
import { answerPath, createIssuerHandler, createPathsFilter } from './filters/paths.ts';
import { parseRequestInfo, type RequestInfo } from './filters/request-info.ts';
import { createRequestMetrics } from './filters/request-metrics.ts';
import { registerStorageMetrics } from './filters/storage-metrics.ts';
import { versionHandler } from './filters/version.ts';
import type { ApiServer, ApiServerOptions, TlsOptions } from './options.ts';
import { addAdminAccessHooks } from './registry/device-admin-access.ts';
import { Registry } from './registry/registry.ts';
import { parseRange } from './registry/services/address-range.ts';
import { AddressAllocator } from './registry/services/addresses.ts';
import { PortAllocator } from './registry/services/ports.ts';
import { createServiceHook } from './registry/services/service-hook.ts';
import { createUpgradeResponse } from './streaming/upgrade-response.ts';
import { loopbackUser, type UserInfo } from './user.ts';
import { resourceNotFound } from './verbs/refusals.ts';

export type { ApiServer, ApiServerOptions } from './options.ts';

const defaultTimeoutMs = 60_000;
const defaultEventTtlSeconds = 3600;

/** Loads what is stored, makes what every cluster has, and is then ready to be called or to listen. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { cache, clock, log, metrics, audit } = options;
  const registry = new Registry({ cache, ...(options.encryption ? { transformer: options.encryption } : {}) });
  const requestMetrics = createRequestMetrics(metrics, clock, (info) =>
    Boolean(registry.resolve(info.group, info.version, info.plural)?.warning),
  );
  registerStorageMetrics(metrics, registry);
  const asked = new Set(options.runtimeConfig);
  await registry.addBuiltin(
    builtinKinds.filter((kind) => kind.servedByDefault !== false || asked.has(kind.apiVersion)),
  );

  const transports = new Set<Transport>();
  let loopback: Client | undefined;
  const api: ApiContext = {
    cache,
    registry,
    clock,
    random: options.random,
    log,
    metrics,
    authorizer: options.authorizer,
    admission: undefined,
    writeHooks: new Map(),
    sharedStore: options.sharedStore ?? false,
    tokens: options.tokens,
    apiAudiences: options.apiAudiences ?? [],
    tokenIssuer: undefined,
    kubeletTls: options.kubeletTls,
    components: options.components ?? {},
    loopback: () => {
      loopback ??= createClient(direct(loopbackUser), { fieldManager: 'kube-apiserver' });
      return loopback;
    },
  };
  if (options.serviceAccountSigner) {
    const { serviceAccountSigner: signer, apiAudiences = [signer.issuer], random } = options;
    api.tokenIssuer = createTokenIssuer({ signer, client: api.loopback(), clock, random, apiAudiences });
  }
  const services = await openServiceAllocators(api, options);
  addAdminAccessHooks(api);

  const remote = startRemoteApis(api, options.frontProxy);
  const discovery = createDiscovery(api, remote);
  const store = async () => void (options.sharedStore && (await cache.makeConsistent()));
  const checks: HealthCheck[] = [
    { name: 'ping', check: () => undefined },
    { name: 'log', check: () => undefined },
    { name: 'etcd', check: store },
  ];
  let closing = false;
  const finished = new Set<string>();
  for (const name of startUp)
    checks.push({
      name: `poststarthook/${name}`,
      check: () => (finished.has(name) ? undefined : 'not finished'),
    });
  const readyChecks: HealthCheck[] = [
    ...checks,
    { name: 'etcd-readiness', check: store },
    { name: 'informer-sync', check: () => undefined },
    { name: 'shutdown', check: () => (closing ? 'process is shutting down' : undefined) },
  ];
  const handlers: readonly PathHandler[] = [
    createHealthHandler({ healthz: checks, livez: checks, readyz: readyChecks }, { log, metrics }),
    createMetricsHandler(metrics),
    versionHandler,
    discovery,
    createOpenApi(api, remote),
    ...(options.serviceAccountSigner ? [createIssuerHandler(options.serviceAccountSigner)] : []),
  ];

  const deadline = createDeadlineFilter(clock, options.requestTimeoutMs ?? defaultTimeoutMs);
  const flowControl = options.flowControl === false ? undefined : createFlowControl(api);
  const chain: readonly Filter[] = [
    requestMetrics.filter,
    deadline.filter,
    createAuthenticationFilter(options.authenticators ?? []),
    ...(audit ? [createAuditFilter(audit)] : []),
    createImpersonationFilter(options.authorizer),
    ...(flowControl ? [flowControl.filter] : []),
    createAuthorizationFilter(options.authorizer),
    createAggregationFilter(remote),
    createPathsFilter(handlers),
    (exchange) => dispatch(api, exchange),
  ];

  const onRequest = (req: HttpRequest, res: HttpResponse) => {
    const startedAt = clock.monotonic();
    const exchange = new Exchange({ req, res }, infoOf(req), startedAt);
    res.on('close', () => exchange.done());
    if (exchange.info.path === badUrl) sendError(exchange, asStatusError(new URIError('bad URL')));
    else void runChain(chain, exchange, log);
  };
  const onUpgrade = (req: HttpRequest, socket: Duplex, head: Buffer) => {
    onRequest(req, createUpgradeResponse(req, socket, head));
  };

  const listeners: Listener[] = [];
  function direct(user: UserInfo): Transport {
    const transport = createDirectTransport(
      {
        api,
        observers: { audit, metrics: requestMetrics },
        raw: (path, caller) => rawRequest(api, handlers, { path, user: caller }),
        proxied: (caller, request) => proxyDirect(remote, caller, request),
      },
      user,
    );
    transports.add(transport);
    return transport;
  }

  const custom = await startCustomResources(api);
  finished.add('crd-informer-synced');
  await ensureSystemObjects(api, { ranges: services.ranges, advertise: options.advertise });
  finished.add('start-system-namespaces-controller');
  const admission = options.admission === false ? undefined : await startAdmission(api, options.admission ?? {});
  await ensureFlowObjects(api.loopback());
  finished.add('priority-and-fairness-config-producer');
  const endpoints = options.advertise && (await publishEndpoints(api, options.advertise));
  const events = expireEvents(api, options.eventTtlSeconds ?? defaultEventTtlSeconds);
  const local = keepLocalServices(api);
  await local.settled;
  finished.add('apiservice-registration-controller');

  return {
    direct,
    async listen({ host, port, tls }) {
      const listener = await startListener({ host, port, clock, ...(tls ? { tls } : {}) }, { onRequest, onUpgrade });
      listeners.push(listener);
      return { url: listener.url, port: listener.port };
    },
    setTls(tls: TlsOptions) {
      for (const listener of listeners) listener.setTls(tls);
    },
    kinds: registry,
    async ready() {
      const { failures } = await runChecks('readyz', readyChecks);
      const [first] = failures;
      if (first) throw new StatusError('ServiceUnavailable', `not ready: ${first.name}: ${first.why}`);
    },
    async close() {
      if (closing) return;
      closing = true;
      await endpoints?.stop();
      deadline.stop();
      admission?.stop();
      custom.stop();
      flowControl?.stop();
      events.stop();
      local.stop();
      remote.stop();
      await Promise.all(listeners.map((listener) => listener.close()));
      await Promise.all([...transports].map((transport) => transport.close()));
    },
  };
}

/** What has to be there before the server is ready, by upstream's names. */
const startUp = [
  'crd-informer-synced',
  'start-system-namespaces-controller',
  'priority-and-fairness-config-producer',
  'apiservice-registration-controller',
] as const;

const badUrl = '\u0000';

/** What the URL asks for; one that cannot be decoded is refused later, as every other mistake is. */
function infoOf(req: HttpRequest): RequestInfo {
  try {
    return parseRequestInfo(req.method ?? 'GET', req.url ?? '/');
  } catch {
    return { ...parseRequestInfo('GET', '/'), path: badUrl };
  }
}

/** A non-resource path, asked for by a caller in the process. */
async function rawRequest(
  api: ApiContext,
  handlers: readonly PathHandler[],
  { path, user }: { path: string; user: UserInfo },
): Promise<{ status: number; body: string }> {
  const info = parseRequestInfo('GET', path);
  const attributes = { user, verb: 'get', resourceRequest: false, path: info.path };
  const result = await api.authorizer.authorize(attributes);
  if (result.decision !== 'Allow') throw forbiddenByAuthorizer(attributes, result.reason);
  const answer = await answerPath(handlers, { info, user, header: () => undefined });
  if (!answer) throw resourceNotFound();
  return {
    status: answer.status,
    body: typeof answer.body === 'string' ? answer.body : Buffer.from(answer.body).toString(),
  };
}

/** Cluster IPs and node ports of services. */
async function openServiceAllocators(api: ApiContext, options: ApiServerOptions) {
  const ranges = (options.serviceCidr ?? '10.96.0.0/12').split(',').map(parseRange);
  const addresses = new AddressAllocator(api, ranges);
  const ports = await PortAllocator.open(api.cache, options.nodePortRange ?? '30000-32767');
  await repairServices(api, { addresses, ports });
  api.writeHooks.set(api.registry.storage('', 'services')!.prefix, createServiceHook(api, { addresses, ports }));
  return { ranges };
}
