/** Host ports of pods: container ports that the node's own addresses offer. */
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { ElementRef } from '../../nft/transaction.ts';
import { type Family, familyOf } from './ruleset.ts';

/** The elements for a pod's host ports; none while it has no address, after it ended, or in the host's network. */
export function hostPortElements(pod: Shared<Pod>, families: readonly Family[]): ElementRef[] {
  const { phase } = pod.status;
  if (pod.spec.hostNetwork || phase === 'Succeeded' || phase === 'Failed') return [];
  const addresses = pod.status.podIPs?.map(({ ip }) => ip) ?? (pod.status.podIP ? [pod.status.podIP] : []);
  const elements: ElementRef[] = [];
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    for (const port of container.ports ?? []) {
      if (!port.hostPort) continue;
      const protocol = (port.protocol ?? 'TCP').toLowerCase();
      for (const address of addresses) {
        const family = familyOf(address);
        if (!families.includes(family)) continue;
        const hostIP = port.hostIP && !/^(0\.0\.0\.0|::)$/.test(port.hostIP) ? port.hostIP : undefined;
        if (hostIP && familyOf(hostIP) !== family) continue;
        const key = `${protocol} . ${port.hostPort}`;
        const target = `${address} . ${port.containerPort}`;
        elements.push(
          { set: `hairpin${family}`, key: `${address} . ${address}` },
          ...(hostIP
            ? [
                { set: `hostport_ip${family}`, key: `${hostIP} . ${key}`, data: target },
                { set: `xmasq${family}`, key: `${hostIP} . ${key}` },
              ]
            : [
                { set: `hostport${family}`, key, data: target },
                { set: `xmasq_np${family}`, key },
              ]),
        );
      }
    }
  }
  return elements;
}
