/** What the checks judge by, read once from the running cluster. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Namespace } from '../../../api/core/namespace.ts';
import { Node } from '../../../api/core/node.ts';
import { Pod } from '../../../api/core/pod.ts';
import { ServiceAccount } from '../../../api/core/service-account.ts';
import type { Shared } from '../../../api/kind.ts';
import { NetworkPolicy } from '../../../api/networking/network-policy.ts';
import { ClusterRole } from '../../../api/rbac/cluster-role.ts';
import { ClusterRoleBinding } from '../../../api/rbac/cluster-role-binding.ts';
import { Role } from '../../../api/rbac/role.ts';
import { RoleBinding } from '../../../api/rbac/role-binding.ts';
import { realClock } from '../../../base/clock.ts';
import { type CertificateAndKey, createAuthority } from '../../../base/pki.ts';
import type { Client } from '../../../client/client.ts';
import { serverUrl } from '../../admin-client.ts';
import { type ClusterConfig, paths, UserError } from '../../config.ts';
import { issueClient } from '../../pki.ts';
import { findRole } from '../../processes.ts';
import { type ListeningSocket, socketsOf } from '../sockets.ts';
import { type Answer, ask, type Caller, probeTls, type TlsFacts } from './probes.ts';

/** A node's port, as this machine reaches it. */
export interface NodePort {
  readonly node: string;
  readonly url: string;
  readonly tls: TlsFacts;
}

export interface CisFacts {
  readonly config: ClusterConfig;
  readonly client: Client;
  readonly url: string;
  /** Certificates for callers that exist only for the time of the examination. */
  readonly callers: {
    readonly admin: Caller;
    /** Known to the cluster's authority, and nothing more. */
    readonly nobody: Caller;
    /** Says of itself to be the administrator, by an authority that is not the cluster's. */
    readonly impostor: Caller;
  };
  /** The administrator, acting as somebody else. */
  as(user: string, groups?: readonly string[]): Caller;
  /** A path of the API server. */
  get(path: string, caller?: Caller): Promise<Answer>;
  /** Asks for an object to be created without keeping it. */
  dryRun(path: string, object: unknown, caller?: Caller): Promise<Answer>;
  readonly tls: TlsFacts;
  readonly nodePorts: readonly NodePort[];
  /** TCP sockets that the processes listen on; undefined where that cannot be seen. */
  readonly sockets: { readonly server: ListeningSocket[] | undefined; readonly agent: ListeningSocket[] | undefined };
  readonly nodes: readonly Shared<Node>[];
  readonly namespaces: readonly Shared<Namespace>[];
  readonly pods: readonly Shared<Pod>[];
  readonly serviceAccounts: readonly Shared<ServiceAccount>[];
  readonly networkPolicies: readonly Shared<NetworkPolicy>[];
  readonly clusterRoles: readonly Shared<ClusterRole>[];
  readonly roles: readonly Shared<Role>[];
  readonly clusterRoleBindings: readonly Shared<ClusterRoleBinding>[];
  readonly roleBindings: readonly Shared<RoleBinding>[];
  /** A PEM file of the cluster's keys. */
  pem(file: string): string;
}

const callerLifetimeMs = 3_600_000;
/** Nodes whose port is tried; further ones are alike. */
const triedNodes = 5;

/** Reads everything that more than one check needs. */
export async function readFacts(config: ClusterConfig, client: Client): Promise<CisFacts> {
  const url = serverUrl(config);
  const pem = (file: string) => readFileSync(join(paths(config.dataDir).pki, file), 'utf8');
  const server = findRole(config.dataDir, 'server');
  if (!server)
    throw new UserError(`cluster "${config.name}" is stopped; start it with "timonel up --name ${config.name}"`);
  const agent = findRole(config.dataDir, 'agent');
  const now = realClock.now();
  const ca: CertificateAndKey = { cert: pem('ca.crt'), key: pem('ca.key') };
  const admin = { cert: pem('admin.crt'), key: pem('admin.key') };
  const foreign = createAuthority('kubernetes', now, callerLifetimeMs);
  const items = async <T>(listed: Promise<{ readonly items: readonly T[] }>) => (await listed).items;
  const [nodes, namespaces, pods, serviceAccounts, networkPolicies] = await Promise.all([
    items(client.list(Node)),
    items(client.list(Namespace)),
    items(client.list(Pod)),
    items(client.list(ServiceAccount)),
    items(client.list(NetworkPolicy)),
  ]);
  const [clusterRoles, roles, clusterRoleBindings, roleBindings] = await Promise.all([
    items(client.list(ClusterRole)),
    items(client.list(Role)),
    items(client.list(ClusterRoleBinding)),
    items(client.list(RoleBinding)),
  ]);
  return {
    config,
    client,
    url,
    callers: {
      admin,
      nobody: issueClient(ca, 'timonel-doctor-nobody', [], now),
      impostor: issueClient(foreign, 'kubernetes-admin', ['system:masters'], now),
    },
    as: (user, groups = []) => ({
      ...admin,
      headers: { 'impersonate-user': user, ...(groups[0] ? { 'impersonate-group': groups[0] } : {}) },
    }),
    get: (path, caller) => ask(`${url}${path}`, caller),
    dryRun: (path, object, caller = admin) => ask(`${url}${path}?dryRun=All`, caller, object),
    tls: await probeTls({ host: '127.0.0.1', port: config.apiPort }, ca.cert),
    nodePorts: await probeNodePorts(nodes, ca.cert),
    sockets: { server: socketsOf(server.pid), agent: agent && socketsOf(agent.pid) },
    nodes,
    namespaces,
    pods,
    serviceAccounts,
    networkPolicies,
    clusterRoles,
    roles,
    clusterRoleBindings,
    roleBindings,
    pem,
  };
}

async function probeNodePorts(nodes: readonly Shared<Node>[], ca: string): Promise<NodePort[]> {
  const targets = new Map<string, { node: string; host: string; port: number }>();
  for (const { metadata, status } of nodes) {
    const host = status.addresses?.find((address) => address.type === 'InternalIP')?.address;
    const port = status.daemonEndpoints?.kubeletEndpoint?.Port;
    if (host && port) targets.set(`${host}:${port}`, { node: metadata.name, host, port });
  }
  return Promise.all(
    [...targets.values()].slice(0, triedNodes).map(async ({ node, host, port }) => ({
      node,
      url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      tls: await probeTls({ host, port }, ca),
    })),
  );
}
