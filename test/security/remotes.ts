/** Servers that tests put in the place of a kubelet or an extension API server. */
import { APIService } from '../../src/api/apiregistration/api-service.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Service } from '../../src/api/core/service.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import type { Client } from '../../src/client/client.ts';

/** A node whose kubelet is a port of this machine, and a pod `p` on it. */
export async function addNodeAt(
  admin: Client,
  { name, namespace, port }: { name: string; namespace: string; port: number },
): Promise<void> {
  await admin.create(Node, {
    metadata: { name },
    status: {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  });
  await admin.create(Pod, {
    metadata: { namespace, name: 'p' },
    spec: { nodeName: name, containers: [{ name: 'c', image: 'i' }] },
  });
}

/** Makes a port of this machine the server of remote.example.com/v1, by the name `api.remote.svc`. */
export async function addRemoteApiAt(admin: Client, { ca, port }: { ca: string; port: number }): Promise<void> {
  await admin.create(Namespace, { metadata: { name: 'remote' } });
  await admin.create(ServiceAccount, { metadata: { namespace: 'remote', name: 'default' } });
  await admin.create(Service, {
    metadata: { name: 'api', namespace: 'remote' },
    spec: { type: 'ExternalName', externalName: '127.0.0.1' },
  });
  await admin.create(APIService, {
    metadata: { name: 'v1.remote.example.com' },
    spec: {
      ...{ group: 'remote.example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 10 },
      caBundle: Buffer.from(ca).toString('base64'),
      service: { namespace: 'remote', name: 'api', port },
    },
  });
}
