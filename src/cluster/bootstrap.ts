/** Objects that every cluster of ours has and the API server does not make by itself. */
import { Service } from '../api/core/service.ts';
import { isAlreadyExists } from '../api/machinery/status.ts';
import type { Client } from '../client/client.ts';
import type { ClusterConfig } from './config.ts';
import { serviceAddress } from './networks.ts';

/** Makes the kube-dns service, through which pods reach the DNS in the agents. Does nothing when it is there. */
export async function ensureSystemObjects(
  client: Client,
  config: Pick<ClusterConfig, 'disable' | 'runtime' | 'serviceCidr'>,
): Promise<void> {
  if (config.disable.includes('dns') || config.runtime === 'sim') return;
  await client
    .create(Service, {
      metadata: {
        name: 'kube-dns',
        namespace: 'kube-system',
        labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
      },
      spec: {
        clusterIP: serviceAddress(config.serviceCidr, 10),
        ports: [
          { name: 'dns', protocol: 'UDP', port: 53, targetPort: 53 },
          { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 53 },
        ],
      },
    })
    .catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
}
