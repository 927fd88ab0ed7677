/** A pod's resolver configuration: its DNS policy and config on the cluster's and the node's. */
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface ClusterDns {
  readonly addresses: readonly string[];
  readonly domain: string;
  /** The node's own configuration. */
  readonly host: DnsConfig;
}

const clusterOptions = ['ndots:5'];

/** What a resolv.conf says. */
export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [key, ...values] = line.trim().split(/\s+/);
    if (key === 'nameserver' && values[0]) servers.push(values[0]);
    if (key === 'search') searches = values.filter((value) => value !== '.').map((value) => value.replace(/\.$/, ''));
    if (key === 'options') options = values;
  }
  return { servers, searches, options };
}

/**
 * The configuration of a pod. `ClusterFirst` falls back to the node's own where the cluster has no DNS or the pod is in the
 * host's network.
 */
export function podDnsConfig(pod: Shared<Pod>, cluster: ClusterDns): DnsConfig {
  const { dnsPolicy, dnsConfig, hostNetwork } = pod.spec;
  const useCluster =
    cluster.addresses.length > 0 &&
    (dnsPolicy === 'ClusterFirstWithHostNet' || ((dnsPolicy ?? 'ClusterFirst') === 'ClusterFirst' && !hostNetwork));
  let base: DnsConfig = cluster.host;
  if (dnsPolicy === 'None') base = { servers: [], searches: [], options: [] };
  else if (useCluster) {
    const { domain } = cluster;
    const own = domain ? [`${pod.metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain] : [];
    base = {
      servers: cluster.addresses,
      searches: unique([...own, ...cluster.host.searches]),
      options: clusterOptions,
    };
  }
  if (!dnsConfig) return base;
  return {
    servers: unique([...base.servers, ...(dnsConfig.nameservers ?? [])]).slice(0, 3),
    searches: unique([...base.searches, ...(dnsConfig.searches ?? [])]).slice(0, 32),
    options: mergeOptions(base.options, dnsConfig.options ?? []),
  };
}

function mergeOptions(
  base: readonly string[],
  extra: readonly { readonly name?: string; readonly value?: string }[],
): string[] {
  const options = new Map(base.map((option) => [option.split(':')[0]!, option]));
  for (const { name, value } of extra) if (name) options.set(name, value === undefined ? name : `${name}:${value}`);
  return [...options.values()];
}

const unique = (list: readonly string[]) => [...new Set(list)];
