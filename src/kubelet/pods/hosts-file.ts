/** The /etc/hosts of a pod. */
import type { Shared } from '../../api/kind.ts';
import type { HostAlias, Pod } from '../../api/types/core-v1.ts';

/** The host name and domain that a pod knows itself by. */
export function podHostname(
  pod: Shared<Pod>,
  options: { readonly clusterDomain: string; readonly nodeHostname: string },
): { hostname: string; domain: string } {
  const { spec } = pod;
  const own = truncate(spec.hostname || pod.metadata.name!);
  const domain =
    spec.subdomain && options.clusterDomain
      ? `${spec.subdomain}.${pod.metadata.namespace}.svc.${options.clusterDomain}`
      : '';
  if (spec.hostnameOverride) return { hostname: spec.hostnameOverride, domain: '' };
  if (spec.hostNetwork) return { hostname: options.nodeHostname, domain };
  return { hostname: spec.setHostnameAsFQDN && domain ? `${own}.${domain}` : own, domain };
}

/** Linux allows 63 characters; what is cut off must not leave a trailing dash or dot. */
const truncate = (name: string) => name.slice(0, 63).replace(/[-.]+$/, '');

/** The file for a pod with its own network. */
export function podHostsFile(
  ips: readonly string[],
  name: { readonly hostname: string; readonly domain: string },
  aliases: readonly Shared<HostAlias>[],
): string {
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...ips.map((ip) =>
      name.domain ? `${ip}\t${name.hostname}.${name.domain}\t${name.hostname}` : `${ip}\t${name.hostname}`,
    ),
  ];
  return `${lines.join('\n')}\n${aliasLines(aliases)}`;
}

/** The file for a pod in the host's network: the node's own and the pod's aliases. */
export function hostNetworkHostsFile(nodeFile: string, aliases: readonly Shared<HostAlias>[]): string {
  return `# Kubernetes-managed hosts file (host network).\n${nodeFile}${aliasLines(aliases)}`;
}

function aliasLines(aliases: readonly Shared<HostAlias>[]): string {
  if (aliases.length === 0) return '';
  const lines = aliases.map((alias) => `${alias.ip}\t${(alias.hostnames ?? []).join('\t')}`);
  return `\n# Entries added by HostAliases.\n${lines.join('\n')}\n`;
}
