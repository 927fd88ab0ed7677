/** The controls of the level baseline: known ways to more privileges are closed. */
import type { Shared } from '../../../api/kind.ts';
import type { Probe, SELinuxOptions } from '../../../api/types/core-v1.ts';
import { type Control, containersOf, failing, named, plural, quoted, setters, type Violation } from './check.ts';

const defaultCapabilities: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

const appArmor: Control = {
  id: 'appArmorProfile',
  since: 0,
  check({ metadata, spec }) {
    const isBad = (type: string | undefined) => type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
    const podType = spec.securityContext?.appArmorProfile?.type;
    const containers = failing(spec, (context) => isBad(context?.appArmorProfile?.type));
    const values = new Set(containers.map((c) => c.securityContext!.appArmorProfile!.type));
    if (isBad(podType)) values.add(podType!);
    const details: string[] = [];
    if (values.size) {
      details.push(
        `${setters(isBad(podType), containers)} must not set AppArmor profile type to ${quoted([...values].sort())}`,
      );
    }
    const annotations = Object.entries(metadata.annotations ?? {})
      .filter(([key]) => key.startsWith(appArmorPrefix))
      .filter(([, value]) => value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'))
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .sort();
    if (annotations.length) {
      details.push(`${plural('annotation', 'annotations', annotations.length)} ${annotations.join(', ')}`);
    }
    return details.length
      ? {
          reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', values.size + annotations.length),
          detail: details.join('; '),
        }
      : undefined;
  },
};

const capabilities: Control = {
  id: 'capabilities_baseline',
  since: 0,
  check({ spec }) {
    const added = new Set<string>();
    const bad = containersOf(spec).filter((container) => {
      const beyond = (container.securityContext?.capabilities?.add ?? []).filter((c) => !defaultCapabilities.has(c));
      for (const one of beyond) added.add(one);
      return beyond.length > 0;
    });
    if (bad.length === 0) return undefined;
    return {
      reason: 'non-default capabilities',
      detail: `${named(bad)} must not include ${quoted([...added].sort())} in securityContext.capabilities.add`,
    };
  },
};

const hostNamespaces: Control = {
  id: 'hostNamespaces',
  since: 0,
  check({ spec }) {
    const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]);
    return used.length
      ? { reason: 'host namespaces', detail: used.map((field) => `${field}=true`).join(', ') }
      : undefined;
  },
};

const hostPathVolumes: Control = {
  id: 'hostPathVolumes',
  since: 0,
  check({ spec }) {
    const bad = (spec.volumes ?? []).filter((volume) => volume.hostPath).map((volume) => volume.name);
    if (bad.length === 0) return undefined;
    return { reason: 'hostPath volumes', detail: `${plural('volume', 'volumes', bad.length)} ${quoted(bad)}` };
  },
};

const hostPorts: Control = {
  id: 'hostPorts',
  since: 0,
  check({ spec }) {
    const ports = new Set<number>();
    const bad = containersOf(spec).filter((container) => {
      const used = (container.ports ?? []).flatMap(({ hostPort }) => (hostPort ? [hostPort] : []));
      for (const port of used) ports.add(port);
      return used.length > 0;
    });
    if (bad.length === 0) return undefined;
    const uses = plural('uses', 'use', bad.length);
    const list = [...ports].sort((a, b) => (String(a) < String(b) ? -1 : 1)).join(', ');
    return {
      reason: 'hostPort',
      detail: `${named(bad)} ${uses} ${plural('hostPort', 'hostPorts', ports.size)} ${list}`,
    };
  },
};

const hostProbes: Control = {
  id: 'hostProbesAndhostLifecycle',
  since: 34,
  check({ spec }) {
    const hosts = new Set<string>();
    const bad = containersOf(spec).filter((container) => {
      const probes: (Shared<Probe> | undefined)[] = [
        container.livenessProbe,
        container.readinessProbe,
        container.startupProbe,
      ];
      const handlers = [...probes, container.lifecycle?.postStart, container.lifecycle?.preStop];
      const used = handlers
        .flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host])
        .filter((host) => !!host);
      for (const host of used) hosts.add(host!);
      return used.length > 0;
    });
    if (bad.length === 0) return undefined;
    return {
      reason: plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.size),
      detail: `${named(bad)} ${plural('uses', 'use', bad.length)} probe or lifecycle ${plural('host', 'hosts', hosts.size)} ${quoted([...hosts].sort())}`,
    };
  },
};

const privileged: Control = {
  id: 'privileged',
  since: 0,
  check({ spec }) {
    const bad = failing(spec, (context) => context?.privileged === true);
    return bad.length
      ? { reason: 'privileged', detail: `${named(bad)} must not set securityContext.privileged=true` }
      : undefined;
  },
};

const procMount: Control = {
  id: 'procMount',
  since: 0,
  check({ spec }) {
    const bad = failing(spec, (context) => context?.procMount !== undefined && context.procMount !== 'Default');
    if (bad.length === 0) return undefined;
    const values = new Set(bad.map((container) => container.securityContext!.procMount!));
    return {
      reason: 'procMount',
      detail: `${named(bad)} must not set securityContext.procMount to ${quoted([...values].sort())}`,
    };
  },
};

function seLinux(types: readonly string[], since: number): Control {
  const allowed = new Set(['', ...types]);
  return {
    id: 'seLinuxOptions',
    since,
    check({ spec }) {
      const isBad = (options: Shared<SELinuxOptions> | undefined) =>
        options !== undefined && (!allowed.has(options.type ?? '') || !!options.user || !!options.role);
      const onPod = isBad(spec.securityContext?.seLinuxOptions);
      const containers = failing(spec, (context) => isBad(context?.seLinuxOptions));
      if (!onPod && containers.length === 0) return undefined;
      const all = [
        ...(onPod ? [spec.securityContext!.seLinuxOptions!] : []),
        ...containers.map((container) => container.securityContext!.seLinuxOptions!),
      ];
      const badTypes = [...new Set(all.map((o) => o.type ?? '').filter((type) => !allowed.has(type)))].sort();
      const data = [
        ...(badTypes.length ? [`${plural('type', 'types', badTypes.length)} ${quoted(badTypes)}`] : []),
        ...(all.some((o) => o.user) ? ['user may not be set'] : []),
        ...(all.some((o) => o.role) ? ['role may not be set'] : []),
      ];
      return {
        reason: 'seLinuxOptions',
        detail: `${setters(onPod, containers)} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`,
      };
    },
  };
}

const seLinuxTypes = ['container_t', 'container_init_t', 'container_kvm_t'];

/** Containers and pod that set a seccomp type which is not confined. */
export function badSeccomp(spec: Parameters<typeof failing>[0]): Violation | undefined {
  const isBad = (type: string | undefined) => type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
  const podType = spec.securityContext?.seccompProfile?.type;
  const containers = failing(spec, (context) => isBad(context?.seccompProfile?.type));
  if (!isBad(podType) && containers.length === 0) return undefined;
  const values = new Set(containers.map((container) => container.securityContext!.seccompProfile!.type));
  if (isBad(podType)) values.add(podType!);
  return {
    reason: 'seccompProfile',
    detail: `${setters(isBad(podType), containers)} must not set securityContext.seccompProfile.type to ${quoted([...values].sort())}`,
  };
}

const seccomp: Control = { id: 'seccompProfile_baseline', since: 19, check: ({ spec }) => badSeccomp(spec) };

function sysctls(names: readonly string[], since: number): Control {
  const allowed = new Set(names);
  return {
    id: 'sysctls',
    since,
    check({ spec }) {
      const bad = (spec.securityContext?.sysctls ?? []).map((s) => s.name).filter((name) => !allowed.has(name));
      return bad.length ? { reason: 'forbidden sysctls', detail: bad.join(', ') } : undefined;
    },
  };
}

const sysctls0 = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const sysctls27 = [...sysctls0, 'net.ipv4.ip_local_reserved_ports'];
const sysctls29 = [
  ...sysctls27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const sysctls32 = [...sysctls29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

const windowsHostProcess: Control = {
  id: 'windowsHostProcess',
  since: 0,
  check({ spec }) {
    const onPod = spec.securityContext?.windowsOptions?.hostProcess === true;
    const containers = failing(spec, (context) => context?.windowsOptions?.hostProcess === true);
    if (!onPod && containers.length === 0) return undefined;
    return {
      reason: 'hostProcess',
      detail: `${setters(onPod, containers)} must not set securityContext.windowsOptions.hostProcess=true`,
    };
  },
};

/** All controls of the level, in the order of their names. */
export const baselineControls: readonly Control[] = [
  appArmor,
  capabilities,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  hostProbes,
  privileged,
  procMount,
  seLinux(seLinuxTypes, 0),
  seLinux([...seLinuxTypes, 'container_engine_t'], 31),
  seccomp,
  sysctls(sysctls0, 0),
  sysctls(sysctls27, 27),
  sysctls(sysctls29, 29),
  sysctls(sysctls32, 32),
  windowsHostProcess,
];
