/** What every part of the node agent is given. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import type { InformerSet } from '../client/informer.ts';
import type { CriRuntime } from '../cri/runtime.ts';

/** The settings of a node, by upstream's KubeletConfiguration names where it has them. */
export interface NodeSettings {
  /** Addresses that pods' resolv.conf names; empty leaves them the node's own resolver. */
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** The node's resolv.conf. */
  readonly resolvConf: string;
  readonly maxPods: number;
  /** Processes that a pod may have; -1 is no limit. */
  readonly podPidsLimit: number;
  /** Containers that name no seccomp profile get the runtime's, not none. */
  readonly seccompDefault: boolean;
  /** Quantities that pods do not get, kept for the system and for this agent. */
  readonly systemReserved: Readonly<Record<string, string>>;
  readonly kubeReserved: Readonly<Record<string, string>>;
  /** The cgroup under which `kubepods` is made, with a leading slash: one per cluster on the machine. */
  readonly cgroupRoot: string;
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  readonly nodeIps: readonly string[];
  readonly hostname: string;
  readonly podCidr?: string;
  readonly imageGcHighThresholdPercent: number;
  readonly imageGcLowThresholdPercent: number;
  readonly imageMinimumGcAgeMs: number;
  readonly containerLogMaxSizeBytes: number;
  readonly containerLogMaxFiles: number;
  readonly containerLogMonitorIntervalMs: number;
  /** Whether the node's server shows /var/log to those who may use `nodes/log`. */
  readonly enableSystemLogHandler: boolean;
  readonly allowedUnsafeSysctls: readonly string[];
}

export interface KubeletContext {
  readonly nodeName: string;
  readonly client: Client;
  readonly informers: InformerSet;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  readonly runtime: CriRuntime;
  readonly settings: NodeSettings;
  /** `pods/<uid>/…`: volumes, hosts files, termination messages. */
  readonly rootDir: string;
  /** `<namespace>_<name>_<uid>/<container>/<restart>.log`. */
  readonly logDir: string;
  /**
   * Resolves when services lead no new connection to a pod's address; awaited before the containers of a terminating pod
   * are asked to stop, so that a rolling update refuses none.
   */
  readonly whenDrained?: (podIp: string) => Promise<void>;
}
