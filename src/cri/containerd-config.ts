/** The configuration file of our own containerd. */
import { pauseImageName } from './pause-image.ts';

export interface ContainerdConfig {
  readonly root: string;
  readonly state: string;
  readonly socket: string;
  readonly runcRoot: string;
  readonly cniConfDir: string;
  readonly cniBinDirs: readonly string[];
  /** Directory with a `<registry host>/hosts.toml` for each registry that needs settings. */
  readonly registryDir: string;
  readonly snapshotter: 'overlayfs' | 'native';
  readonly systemdCgroup: boolean;
  /** Needed where the process may not lower OOM scores: without CAP_SYS_RESOURCE a sandbox would not start. */
  readonly restrictOomScoreAdj: boolean;
  readonly sandboxImage?: string;
}

const quoted = (text: string) => JSON.stringify(text);

/**
 * The file's text, in configuration version 2, which containerd 1.6 to 2.x read. Plugins that are not needed are off,
 * because each costs time at start and some warn on every boot.
 */
export function containerdConfig(config: ContainerdConfig): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const disabled = [
    'io.containerd.snapshotter.v1.aufs',
    'io.containerd.snapshotter.v1.btrfs',
    'io.containerd.snapshotter.v1.devmapper',
    'io.containerd.snapshotter.v1.zfs',
    'io.containerd.snapshotter.v1.blockfile',
    'io.containerd.internal.v1.opt',
    'io.containerd.internal.v1.tracing',
    'io.containerd.tracing.processor.v1.otlp',
    'io.containerd.nri.v1.nri',
  ];
  return `version = 2
root = ${quoted(config.root)}
state = ${quoted(config.state)}
disabled_plugins = [${disabled.map(quoted).join(', ')}]

[grpc]
  address = ${quoted(config.socket)}

[ttrpc]
  address = ${quoted(`${config.socket}.ttrpc`)}

[${cri}]
  sandbox_image = ${quoted(config.sandboxImage ?? pauseImageName)}
  restrict_oom_score_adj = ${config.restrictOomScoreAdj}
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  max_container_log_line_size = 16384
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true

[${cri}.containerd]
  snapshotter = ${quoted(config.snapshotter)}
  default_runtime_name = "runc"

[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = ${config.systemdCgroup}
  Root = ${quoted(config.runcRoot)}

[${cri}.cni]
  bin_dir = ${quoted(config.cniBinDirs[0] ?? '/opt/cni/bin')}
  conf_dir = ${quoted(config.cniConfDir)}
  max_conf_num = 1

[${cri}.registry]
  config_path = ${quoted(config.registryDir)}
`;
}
