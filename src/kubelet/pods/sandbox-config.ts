/** A pod's sandbox as the runtime makes it. */
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Sent } from '../../cri/types.ts';
import type { KubeletContext } from '../context.ts';
import { type DnsConfig, podDnsConfig } from './dns.ts';
import { podHostname } from './hosts-file.ts';
import { podLogDir } from './pod-dirs.ts';
import { podCgroup, podSlice } from './resources.ts';
import { sandboxLabels } from './runtime-labels.ts';
import { sandboxSecurity } from './security.ts';

/** Where seccomp profiles of pods lie on the node. */
export const seccompDir = (rootDir: string): string => `${rootDir}/seccomp/`;

export function sandboxConfig(
  context: KubeletContext,
  pod: Shared<Pod>,
  options: { readonly attempt: number; readonly hostDns: DnsConfig },
): Sent<'PodSandboxConfig'> {
  const { settings, rootDir, logDir } = context;
  const { spec, metadata } = pod;
  const { hostname } = podHostname(pod, {
    clusterDomain: settings.clusterDomain,
    nodeHostname: settings.hostname,
  });
  return {
    metadata: { name: metadata.name!, namespace: metadata.namespace!, uid: metadata.uid!, attempt: options.attempt },
    // In the host's network the runtime takes the node's name.
    ...(spec.hostNetwork ? {} : { hostname }),
    log_directory: podLogDir(logDir, pod),
    dns_config: podDnsConfig(pod, {
      addresses: settings.clusterDns,
      domain: settings.clusterDomain,
      host: options.hostDns,
    }),
    port_mappings: spec.hostNetwork
      ? []
      : [...spec.containers, ...(spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')]
          .flatMap((container) => container.ports ?? [])
          .filter((port) => port.hostPort)
          .map((port) => ({
            protocol: (port.protocol ?? 'TCP') as 'TCP' | 'UDP' | 'SCTP',
            container_port: port.containerPort,
            host_port: port.hostPort!,
            host_ip: port.hostIP ?? '',
          })),
    labels: sandboxLabels(pod, rootDir),
    annotations: { ...metadata.annotations },
    linux: {
      cgroup_parent:
        settings.cgroupDriver === 'systemd' ? podSlice(settings.cgroupRoot, pod) : podCgroup(settings.cgroupRoot, pod),
      security_context: sandboxSecurity(pod),
      sysctls: Object.fromEntries(
        (spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name.replaceAll('/', '.'), value]),
      ),
    },
  };
}
