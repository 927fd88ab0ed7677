/** Brings addresses and node ports in line with the services there are: after a restore, or a crash of another program. */
import type { Service } from '../../api/core/service.ts';
import type { KubeObject, Shared } from '../../api/kind.ts';
import type { ObjectWrite } from '../../store/cache-api.ts';
import type { ApiContext } from '../context.ts';
import { commitWrites } from '../registry/commit.ts';
import type { AddressAllocator } from '../registry/services/addresses.ts';
import type { PortAllocator } from '../registry/services/ports.ts';

type Write = ObjectWrite<Shared<KubeObject>>;

export async function repairServices(
  api: ApiContext,
  { addresses, ports }: { addresses: AddressAllocator; ports: PortAllocator },
): Promise<void> {
  const stored = api.registry.storage('', 'services')!;
  const writes: Write[] = [];
  const usedIps = new Map<string, string>();
  const usedPorts = new Map<number, string>();
  for (const entry of stored.cache.snapshot().range(stored.prefix)) {
    const service = entry.object as unknown as Shared<Service>;
    const me = `${service.metadata.namespace}/${service.metadata.name}`;
    if (service.spec.type === 'ExternalName') continue;
    for (const ip of service.spec.clusterIPs ?? []) {
      if (ip === '' || ip === 'None' || usedIps.has(ip)) continue;
      usedIps.set(ip, me);
      if (addresses.holder(ip) === undefined) writes.push(addresses.take(ip, entry.object));
    }
    const held = [...(service.spec.ports ?? []).map((port) => port.nodePort), service.spec.healthCheckNodePort];
    for (const port of held) {
      if (!port || usedPorts.has(port)) continue;
      usedPorts.set(port, me);
      if (ports.holder(port) === undefined) writes.push(ports.take(port, entry.object));
    }
  }
  for (const { ip, holder } of addresses.held())
    if (usedIps.get(ip) !== holder) pushIfThere(writes, addresses.release(ip));
  for (const port of ports.held()) if (!usedPorts.has(port)) pushIfThere(writes, ports.release(port));
  if (writes.length === 0) return;
  api.log.info('addresses and ports of services were repaired', { changes: writes.length });
  for (const write of writes) await commitWrites(api, [write]);
}

function pushIfThere(writes: Write[], write: Write | undefined): void {
  if (write) writes.push(write);
}
