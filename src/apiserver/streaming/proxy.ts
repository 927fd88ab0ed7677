/** The proxy subresources: HTTP through the API server to a pod, a service or a node. */
import type { Pod } from '../../api/core/pod.ts';
import type { Service } from '../../api/core/service.ts';
import type { EndpointSlice } from '../../api/discovery/endpoint-slice.ts';
import type { Shared } from '../../api/kind.ts';
import { badRequest, notFound, serviceUnavailable } from '../../api/machinery/status.ts';
import { isGlobalUnicastIp } from '../../base/ip-bytes.ts';
import type { ApiContext } from '../context.ts';
import type { Exchange } from '../filters/exchange.ts';
import { keyFor } from '../registry/resource.ts';
import { kubeletOf } from './kubelet-target.ts';
import { type RelayTarget, relay } from './relay.ts';

interface Named {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  readonly port: string;
}

/** `[scheme:]name[:port]`, as proxied names are written. */
export function parseProxyName(text: string, kind: string): Named {
  const parts = text.split(':');
  if (parts.length === 1) return { scheme: 'http', name: parts[0]!, port: '' };
  if (parts.length === 2) return { scheme: 'http', name: parts[0]!, port: parts[1]! };
  const [scheme = '', name = '', port = ''] = parts;
  if (parts.length > 3 || (scheme !== '' && scheme !== 'http' && scheme !== 'https'))
    throw badRequest(`invalid ${kind} request ${JSON.stringify(text)}`);
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

export async function proxyPod(api: ApiContext, exchange: Exchange): Promise<void> {
  const { scheme, name, port } = parseProxyName(exchange.info.name, 'pod');
  const stored = api.registry.storage('', 'pods')!;
  const entry = stored.cache.get(keyFor(stored, exchange.info.namespace, name));
  if (!entry) throw notFound({ group: '', plural: 'pods' }, name);
  const pod = entry.object as unknown as Shared<Pod>;
  const ip = pod.status.podIP;
  const declared = pod.spec.containers.flatMap((container) => container.ports ?? [])[0]?.containerPort;
  await forward(exchange, { scheme, ip, port: port || (declared === undefined ? '' : String(declared)) });
}

export async function proxyService(api: ApiContext, exchange: Exchange): Promise<void> {
  const { scheme, name, port } = parseProxyName(exchange.info.name, 'service');
  const { namespace } = exchange.info;
  const stored = api.registry.storage('', 'services')!;
  const entry = stored.cache.get(keyFor(stored, namespace, name));
  if (!entry) throw notFound({ group: '', plural: 'services' }, name);
  const service = entry.object as unknown as Shared<Service>;
  const ports = service.spec.ports ?? [];
  const wanted = port === '' ? ports[0] : ports.find((each) => each.name === port || String(each.port) === port);
  if (!wanted && ports.length > 0)
    throw serviceUnavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
  const found = endpointsOf(api, { namespace, name, portName: wanted?.name ?? '' });
  if (found.length === 0) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  const chosen = found[api.random.below(found.length)]!;
  await forward(exchange, { scheme, ip: chosen.ip, port: String(chosen.port) });
}

function endpointsOf(
  api: ApiContext,
  { namespace, name, portName }: { namespace: string; name: string; portName: string },
): { ip: string; port: number }[] {
  const stored = api.registry.storage('discovery.k8s.io', 'endpointslices')!;
  const out: { ip: string; port: number }[] = [];
  for (const entry of stored.cache.snapshot().range(`${stored.prefix}${namespace}/`)) {
    const slice = entry.object as unknown as Shared<EndpointSlice>;
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== name) continue;
    const port = slice.ports?.find((each) => (each.name ?? '') === portName)?.port;
    if (!port) continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions.ready === false) continue;
      for (const ip of endpoint.addresses) out.push({ ip, port });
    }
  }
  return out;
}

export async function proxyNode(api: ApiContext, exchange: Exchange): Promise<void> {
  const { name, port } = parseProxyName(exchange.info.name, 'node');
  const kubelet = kubeletOf(api, name);
  const url = new URL(kubelet.origin);
  const own = port === '' || port === url.port;
  if (!own && !isGlobalUnicastIp(url.hostname.replace(/^\[|\]$/g, ''))) throw badRequest('address not allowed');
  await send(exchange, own ? kubelet : { origin: `http://${url.hostname}:${port}` });
}

async function forward(
  exchange: Exchange,
  { scheme, ip, port }: { scheme: string; ip: string | undefined; port: string },
): Promise<void> {
  if (!ip || !isGlobalUnicastIp(ip)) throw badRequest('address not allowed');
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const origin = `${scheme}://${host}${port === '' ? '' : `:${port}`}`;
  await send(exchange, { origin, ...(scheme === 'https' ? { tls: { insecure: true } } : {}) });
}

async function send(exchange: Exchange, target: Pick<RelayTarget, 'origin' | 'tls'>): Promise<void> {
  const { info, req } = exchange;
  const path = info.rest;
  const base = info.path.slice(0, info.path.length - path.length);
  const query = info.query === '' ? '' : `?${info.query}`;
  if (path === '' && (req.method === 'GET' || req.method === 'HEAD')) {
    exchange.answered = true;
    exchange.responseCode = 301;
    exchange.res.statusCode = 301;
    exchange.res.setHeader('Location', `${base}/${query}`);
    exchange.res.end();
    return;
  }
  await relay(exchange, {
    ...target,
    path: `${path || '/'}${query}`,
    headers: { 'x-forwarded-uri': `${base}${path}`, 'x-forwarded-proto': 'https' },
    rewriteLocation: (location) => rewritten(location, target.origin, base),
  });
}

/** A redirect within the target becomes one through the proxy. */
function rewritten(location: string, origin: string, base: string): string {
  if (location.startsWith('/')) return base + location;
  return location.startsWith(`${origin}/`) ? base + location.slice(origin.length) : location;
}
