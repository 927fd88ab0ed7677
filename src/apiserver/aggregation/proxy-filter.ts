/** Passes requests for aggregated groups on to their servers, with the user in headers. */
import { serviceUnavailable } from '../../api/machinery/status.ts';
import type { Exchange, Filter } from '../filters/exchange.ts';
import { relay } from '../streaming/relay.ts';
import type { UserInfo } from '../user.ts';
import type { RemoteApis } from './remote-services.ts';

/** The headers by which an aggregated server learns who asks. */
export function identityHeaders(user: UserInfo): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = {
    'X-Remote-User': user.name,
    'X-Remote-Group': user.groups,
  };
  if (user.uid) headers['X-Remote-Uid'] = user.uid;
  for (const [key, values] of Object.entries(user.extra ?? {}))
    headers[`X-Remote-Extra-${encodeURIComponent(key)}`] = values;
  return headers;
}

export function createAggregationFilter(remote: RemoteApis): Filter {
  return (exchange) => {
    const { path } = exchange.info;
    if (!path.startsWith('/apis/')) return;
    const [, , group = '', version = ''] = path.split('/');
    const service = remote.find(group, version);
    if (!service) return;
    return forward(remote, service, exchange);
  };
}

async function forward(
  remote: RemoteApis,
  service: NonNullable<ReturnType<RemoteApis['find']>>,
  exchange: Exchange,
): Promise<void> {
  if (!remote.isAvailable(service)) throw serviceUnavailable('service unavailable');
  let target: ReturnType<RemoteApis['target']>;
  try {
    target = remote.target(service);
  } catch (error) {
    throw serviceUnavailable((error as Error).message);
  }
  const { url = '/' } = exchange.req;
  await relay(exchange, { ...target, path: url, headers: identityHeaders(exchange.user), refuseRedirects: true });
}
