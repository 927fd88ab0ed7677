/** Objects that every cluster of ours has and the API server does not make by itself. */
import { Service } from '../api/core/service.ts';
import { ClusterRole } from '../api/rbac/cluster-role.ts';
import { ClusterRoleBinding } from '../api/rbac/cluster-role-binding.ts';
import { ensure } from '../apiserver/bootstrap/ensure.ts';
import type { Client } from '../client/client.ts';
import { kubeDnsService } from '../dns/kube-dns.ts';
import type { ClusterConfig } from './config.ts';
import { serviceAddress } from './networks.ts';
import { networkGroup } from './pki.ts';

const read = ['get', 'list', 'watch'];

/** Makes the kube-dns service and the role of the nodes' network; what is there stays as it is. */
export async function ensureSystemObjects(
  client: Client,
  config: Pick<ClusterConfig, 'disable' | 'runtime' | 'serviceCidr'>,
): Promise<void> {
  if (config.runtime === 'sim') return;
  await Promise.all([
    ensure(client, ClusterRole, {
      metadata: { name: networkGroup },
      rules: [
        { apiGroups: [''], resources: ['services', 'endpoints', 'nodes', 'pods', 'namespaces'], verbs: read },
        {
          apiGroups: ['discovery.k8s.io'],
          resources: ['endpointslices'],
          verbs: [...read, 'create', 'patch', 'delete'],
        },
        { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: read },
        { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
      ],
    }),
    ensure(client, ClusterRoleBinding, {
      metadata: { name: networkGroup },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: networkGroup },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: networkGroup }],
    }),
    ...(config.disable.includes('dns')
      ? []
      : [ensure(client, Service, kubeDnsService(serviceAddress(config.serviceCidr, 10)))]),
  ]);
}
