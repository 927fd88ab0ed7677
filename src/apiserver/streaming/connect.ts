/** Subresources that connect a client with a kubelet, a pod, a service or a node. */
import type { Pod } from '../../api/core/pod.ts';
import { defineKind, type KubeObject, type Shared } from '../../api/kind.ts';
import { badRequest, notFound, StatusError } from '../../api/machinery/status.ts';
import { forbiddenByAuthorizer } from '../authz/forbidden.ts';
import type { ApiContext } from '../context.ts';
import { attributesOf } from '../filters/authorize.ts';
import type { Exchange } from '../filters/exchange.ts';
import { keyFor, type ServedResource } from '../registry/resource.ts';
import { Admission, admit } from '../verbs/admit.ts';
import type { Call } from '../verbs/call.ts';
import { containerOf, kubeletOf, nodeOf } from './kubelet-target.ts';
import { proxyNode, proxyPod, proxyService } from './proxy.ts';
import { type RelayTarget, relay } from './relay.ts';
import { isUpgrade } from './upgrade-response.ts';

export type ConnectHandler = (api: ApiContext, exchange: Exchange, resource: ServedResource) => Promise<void>;

const optionsKind = (kind: string, plural: string, scope: 'Namespaced' | 'Cluster' = 'Namespaced') =>
  defineKind<KubeObject>({
    group: '',
    version: 'v1',
    kind,
    plural,
    scope,
    schema: `core/v1.${kind}`,
    persisted: false,
  });

const execKind = optionsKind('PodExecOptions', 'pods');
const attachKind = optionsKind('PodAttachOptions', 'pods');
const forwardKind = optionsKind('PodPortForwardOptions', 'pods');
const podProxyKind = optionsKind('PodProxyOptions', 'pods');
const serviceProxyKind = optionsKind('ServiceProxyOptions', 'services');
const nodeProxyKind = optionsKind('NodeProxyOptions', 'nodes', 'Cluster');

/** By `group/resource/subresource`. */
export const connectHandlers: Readonly<Record<string, ConnectHandler>> = {
  'core/pods/log': streamLog,
  'core/pods/exec': (api, exchange, resource) =>
    execOrAttach(api, exchange, { resource, verb: 'exec', kind: execKind }),
  'core/pods/attach': (api, exchange, resource) =>
    execOrAttach(api, exchange, { resource, verb: 'attach', kind: attachKind }),
  'core/pods/portforward': forwardPort,
  'core/pods/proxy': async (api, exchange, resource) => {
    await admitConnect(api, exchange, { resource, kind: podProxyKind, object: { path: exchange.info.rest } });
    await proxyPod(api, exchange);
  },
  'core/services/proxy': async (api, exchange, resource) => {
    await admitConnect(api, exchange, { resource, kind: serviceProxyKind, object: { path: exchange.info.rest } });
    await proxyService(api, exchange);
  },
  'core/nodes/proxy': async (api, exchange, resource) => {
    await admitConnect(api, exchange, { resource, kind: nodeProxyKind, object: { path: exchange.info.rest } });
    await proxyNode(api, exchange);
  },
};

function podOf(api: ApiContext, exchange: Exchange): Shared<Pod> {
  const { namespace, name } = exchange.info;
  const stored = api.registry.storage('', 'pods')!;
  const entry = stored.cache.get(keyFor(stored, namespace, name));
  if (!entry) throw notFound({ group: '', plural: 'pods' }, name);
  return entry.object as unknown as Shared<Pod>;
}

async function admitConnect(
  api: ApiContext,
  exchange: Exchange,
  { resource, kind, object }: { resource: ServedResource; kind: typeof execKind; object: Record<string, unknown> },
): Promise<void> {
  const { info, user } = exchange;
  const call: Call = {
    verb: 'connect',
    resource,
    namespace: info.namespace,
    name: info.name,
    subresource: info.subresource,
    options: {},
    body: undefined,
    patchType: undefined,
    user,
    userAgent: exchange.header('user-agent') ?? '',
    signal: undefined,
    warnings: exchange.warnings,
    annotate: (key, value) => exchange.annotate(key, value),
  };
  const body = { kind: kind.kind, apiVersion: 'v1', ...object } as unknown as KubeObject;
  await admit(api, new Admission(call, { operation: 'CONNECT', kind, object: body, dryRun: false }));
}

const flagOf = (params: URLSearchParams, name: string, otherwise = false): boolean => {
  const value = params.get(name);
  return value === null ? otherwise : value !== 'false' && value !== '0';
};

async function execOrAttach(
  api: ApiContext,
  exchange: Exchange,
  { resource, verb, kind }: { resource: ServedResource; verb: 'exec' | 'attach'; kind: typeof execKind },
): Promise<void> {
  await mayCreate(api, exchange);
  const params = new URLSearchParams(exchange.info.query);
  const pod = podOf(api, exchange);
  const container = containerOf(pod, params.get('container') ?? undefined);
  const command = params.getAll('command');
  const stdin = flagOf(params, 'stdin');
  const tty = flagOf(params, 'tty');
  const stdout = flagOf(params, 'stdout', verb === 'attach');
  const stderr = flagOf(params, 'stderr', verb === 'attach' && !tty);
  if (verb === 'exec' && command.length === 0)
    throw badRequest('you must specify at least 1 command for the container');
  await admitConnect(api, exchange, {
    resource,
    kind,
    object: { stdin, stdout, stderr, tty, container, ...(command.length ? { command } : {}) },
  });
  if (!isUpgrade(exchange.res)) throw upgradeRequired();
  const query = new URLSearchParams();
  if (stdin) query.set('input', '1');
  if (stdout) query.set('output', '1');
  if (stderr) query.set('error', '1');
  if (tty) query.set('tty', '1');
  for (const part of command) query.append('command', part);
  const { namespace, name } = pod.metadata;
  await relay(exchange, {
    ...kubeletOf(api, nodeOf(pod)),
    path: `/${verb}/${namespace}/${name}/${container}?${query}`,
  });
}

async function forwardPort(api: ApiContext, exchange: Exchange, resource: ServedResource): Promise<void> {
  await mayCreate(api, exchange);
  const params = new URLSearchParams(exchange.info.query);
  const ports = params.getAll('ports').flatMap((text) => text.split(','));
  await admitConnect(api, exchange, {
    resource,
    kind: forwardKind,
    object: ports.length ? { ports: ports.map(Number) } : {},
  });
  const pod = podOf(api, exchange);
  const target = kubeletOf(api, nodeOf(pod));
  if (!isUpgrade(exchange.res)) throw upgradeRequired();
  const query = ports.length ? `?port=${ports.join(',')}` : '';
  const { namespace, name } = pod.metadata;
  await relay(exchange, { ...target, path: `/portForward/${namespace}/${name}${query}` });
}

/** A WebSocket begins with a GET, but what it does is a create (KEP-4006); no other verb leads there. */
async function mayCreate(api: ApiContext, exchange: Exchange): Promise<void> {
  const { method } = exchange.req;
  if (method === 'POST') return;
  if (method !== 'GET') throw methodNotAllowed();
  const attributes = { ...attributesOf(exchange), verb: 'create' };
  const result = await api.authorizer.authorize(attributes);
  if (result.decision !== 'Allow') throw forbiddenByAuthorizer(attributes, result.reason);
}

const methodNotAllowed = () =>
  new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
const upgradeRequired = () => new StatusError('BadRequest', 'Upgrade request required');

const logParameters = [
  'follow',
  'previous',
  'timestamps',
  'sinceSeconds',
  'sinceTime',
  'tailLines',
  'limitBytes',
  'stream',
];

async function streamLog(api: ApiContext, exchange: Exchange): Promise<void> {
  if (exchange.req.method !== 'GET' && exchange.req.method !== 'HEAD') throw methodNotAllowed();
  const params = new URLSearchParams(exchange.info.query);
  const pod = podOf(api, exchange);
  checkLogOptions(params);
  const container = containerOf(pod, params.get('container') ?? undefined);
  if (!pod.spec.nodeName) {
    // A pod that waits for a node has no log yet.
    throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  }
  const query = new URLSearchParams();
  for (const name of logParameters) {
    const value = params.get(name);
    if (value !== null && value !== '') query.set(name, value);
  }
  const target: RelayTarget = {
    ...kubeletOf(api, nodeOf(pod)),
    path: `/containerLogs/${pod.metadata.namespace}/${pod.metadata.name}/${container}${query.size ? `?${query}` : ''}`,
    headers: { accept: '*/*', 'accept-encoding': undefined },
    errorsAsStatus: true,
  };
  await relay(exchange, target);
}

function checkLogOptions(params: URLSearchParams): void {
  const invalidOption = (why: string) =>
    new StatusError('Invalid', `PodLogOptions "" is invalid: ${why}`, { kind: 'PodLogOptions' });
  for (const name of ['tailLines', 'sinceSeconds', 'limitBytes']) {
    const value = params.get(name);
    if (value === null || value === '') continue;
    if (!/^-?\d+$/.test(value)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    const least = name === 'tailLines' ? 0 : 1;
    if (Number(value) < least)
      throw invalidOption(
        `${name}: Invalid value: ${value}: must be greater than ${least === 0 ? 'or equal to 0' : '0'}`,
      );
  }
  if (params.get('sinceSeconds') && params.get('sinceTime'))
    throw invalidOption('sinceSeconds: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified');
}
