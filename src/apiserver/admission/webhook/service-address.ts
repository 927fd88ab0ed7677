/** Where a service can be reached from the API server. */
import { lookup } from 'node:dns/promises';
import { Service } from '../../../api/core/service.ts';
import { EndpointSlice } from '../../../api/discovery/endpoint-slice.ts';
import type { Shared } from '../../../api/kind.ts';
import { isGlobalUnicastIp } from '../../../base/ip-bytes.ts';
import type { Client } from '../../../client/client.ts';
import type { InformerSet } from '../../../client/informer.ts';

const serviceLabel = 'kubernetes.io/service-name';

export interface ServiceAddress {
  readonly host: string;
  readonly port: number;
}

/** Finds addresses by services' endpoint slices, and by the cluster IP where there are none. */
export function createServiceResolver({
  client,
  informers,
}: {
  client: Client;
  informers: InformerSet;
}): (reference: { namespace: string; name: string; port: number }) => Promise<ServiceAddress> {
  const slices = informers.informer(EndpointSlice);
  slices.addIndex('webhook-service', (slice) => {
    const name = slice.metadata.labels?.[serviceLabel];
    return name ? [`${slice.metadata.namespace}/${name}`] : [];
  });
  let turn = 0;
  return async ({ namespace, name, port }) => {
    const service = await client.find(Service, { namespace, name });
    if (!service) throw new Error(`service ${JSON.stringify(name)} not found`);
    const servicePort = service.spec.ports?.find((one) => one.port === port);
    if (!servicePort) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
    if (service.spec.type === 'ExternalName') return { host: await outside(service.spec.externalName ?? ''), port };
    const ready = slices
      .byIndex('webhook-service', `${namespace}/${name}`)
      .flatMap((slice) => endpointsOf(slice, servicePort.name));
    if (ready.length) return ready[turn++ % ready.length]!;
    const { clusterIP } = service.spec;
    if (!clusterIP || clusterIP === 'None')
      throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
    return { host: clusterIP, port };
  };
}

/** The address of a name, held to the same rule as endpoints: whoever may write a service must not choose freely. */
async function outside(name: string): Promise<string> {
  const { address } = await lookup(name);
  if (isGlobalUnicastIp(address)) return address;
  throw new Error(`the external name ${JSON.stringify(name)} leads to ${address}, which webhooks may not be at`);
}

/** Ready endpoints; those at the server's own machine or a cloud's metadata have no business there. */
function endpointsOf(slice: Shared<EndpointSlice>, portName: string | undefined): ServiceAddress[] {
  const port = slice.ports?.find((one) => (one.name ?? '') === (portName ?? ''))?.port;
  if (!port) return [];
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const [host] = endpoint.addresses;
    return endpoint.conditions?.ready !== false && host && isGlobalUnicastIp(host) ? [{ host, port }] : [];
  });
}
