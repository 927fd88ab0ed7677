/** A node's settings as upstream's KubeletConfiguration: read from a file, and shown by `/configz`. */

import { parseYaml } from '../../api/machinery/decode.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import { parseDuration } from '../../base/duration.ts';
import type { NodeSettings } from '../context.ts';
import { goDuration } from '../pods/restart-backoff.ts';
import { hardThresholds } from './eviction.ts';

const apiVersion = 'kubelet.config.k8s.io/v1beta1';
const kind = 'KubeletConfiguration';

/** What a node has when nobody says otherwise: upstream's defaults. */
export const defaultSettings: Omit<NodeSettings, 'hostname' | 'cgroupDriver' | 'nodeIps'> = {
  clusterDns: [],
  clusterDomain: 'cluster.local',
  resolvConf: '/etc/resolv.conf',
  maxPods: 110,
  podPidsLimit: -1,
  seccompDefault: false,
  systemReserved: {},
  kubeReserved: {},
  cgroupRoot: '/timonel',
  imageGcHighThresholdPercent: 85,
  imageGcLowThresholdPercent: 80,
  imageMinimumGcAgeMs: 120_000,
  containerLogMaxSizeBytes: 10 * 1024 * 1024,
  containerLogMaxFiles: 5,
  containerLogMonitorIntervalMs: 10_000,
  enableSystemLogHandler: true,
  allowedUnsafeSysctls: [],
};

/** A mistake in a KubeletConfiguration. */
export class KubeletConfigurationError extends Error {
  override readonly name = 'KubeletConfigurationError';
}

/** One field of the configuration: how a value of it becomes a setting, and back. */
interface Field {
  readonly setting: keyof NodeSettings;
  /** Throws with what it must be. */
  read(value: unknown): unknown;
  show(setting: never): unknown;
}

const must = (holds: boolean, what: string) => {
  if (!holds) throw new KubeletConfigurationError(`must be ${what}`);
};
const same = (value: unknown) => value;

const integer = (setting: keyof NodeSettings, least: number): Field => ({
  setting,
  read(value) {
    must(Number.isInteger(value) && (value as number) >= least, `a whole number from ${least} up`);
    return value;
  },
  show: same,
});
const text = (setting: keyof NodeSettings, allowed?: readonly string[]): Field => ({
  setting,
  read(value) {
    must(typeof value === 'string' && (!allowed || allowed.includes(value)), allowed?.join(' or ') ?? 'a text');
    return value;
  },
  show: same,
});
const yesOrNo = (setting: keyof NodeSettings): Field => ({
  setting,
  read(value) {
    must(typeof value === 'boolean', 'true or false');
    return value;
  },
  show: same,
});
const texts = (setting: keyof NodeSettings): Field => ({
  setting,
  read(value) {
    must(Array.isArray(value) && value.every((one) => typeof one === 'string'), 'a list of texts');
    return value;
  },
  show: same,
});
const duration = (setting: keyof NodeSettings): Field => ({
  setting,
  read(value) {
    const ms = typeof value === 'string' ? parseDuration(value) : undefined;
    must(ms !== undefined, 'a duration such as 2m0s');
    return ms;
  },
  show: (ms: number) => goDuration(ms),
});
const amounts = (setting: keyof NodeSettings): Field => ({
  setting,
  read(value) {
    const known = ['cpu', 'memory', 'ephemeral-storage', 'pid'];
    const isFine = ([name, amount]: [string, unknown]) =>
      known.includes(name) && Quantity.tryParse(String(amount)) !== undefined;
    must(
      typeof value === 'object' && value !== null && Object.entries(value).every(isFine),
      `quantities of ${known.join(', ')}`,
    );
    return Object.fromEntries(Object.entries(value as object).map(([name, amount]) => [name, String(amount)]));
  },
  show: same,
});

const fields: Readonly<Record<string, Field>> = {
  clusterDNS: texts('clusterDns'),
  clusterDomain: text('clusterDomain'),
  resolvConf: text('resolvConf'),
  maxPods: integer('maxPods', 1),
  podPidsLimit: integer('podPidsLimit', -1),
  seccompDefault: yesOrNo('seccompDefault'),
  enableSystemLogHandler: yesOrNo('enableSystemLogHandler'),
  systemReserved: amounts('systemReserved'),
  kubeReserved: amounts('kubeReserved'),
  cgroupDriver: text('cgroupDriver', ['cgroupfs', 'systemd']),
  imageGCHighThresholdPercent: integer('imageGcHighThresholdPercent', 1),
  imageGCLowThresholdPercent: integer('imageGcLowThresholdPercent', 0),
  imageMinimumGCAge: duration('imageMinimumGcAgeMs'),
  containerLogMaxSize: {
    setting: 'containerLogMaxSizeBytes',
    read(value) {
      const size = Number(Quantity.tryParse(String(value))?.value() ?? 0);
      must(size > 0, 'a quantity such as 10Mi');
      return size;
    },
    show: (bytes: number) => (bytes % 1024 ** 2 === 0 ? `${bytes / 1024 ** 2}Mi` : String(bytes)),
  },
  containerLogMaxFiles: integer('containerLogMaxFiles', 2),
  containerLogMonitorInterval: duration('containerLogMonitorIntervalMs'),
  allowedUnsafeSysctls: texts('allowedUnsafeSysctls'),
};

/** The settings that a KubeletConfiguration (YAML or JSON) gives. Throws {@link KubeletConfigurationError}. */
export function parseKubeletConfiguration(document: string): Partial<NodeSettings> {
  const { value } = parseYaml(document);
  const given = value as Record<string, unknown> | null;
  if (typeof given !== 'object' || given === null || given['apiVersion'] !== apiVersion || given['kind'] !== kind) {
    throw new KubeletConfigurationError(`it must be an object of apiVersion ${apiVersion} and kind ${kind}`);
  }
  const settings: Record<string, unknown> = {};
  for (const [name, wanted] of Object.entries(given)) {
    if (name === 'apiVersion' || name === 'kind') continue;
    const field = Object.hasOwn(fields, name) ? fields[name]! : undefined;
    if (!field) {
      throw new KubeletConfigurationError(
        `${name} cannot be set: take it out; known are ${Object.keys(fields).join(', ')}`,
      );
    }
    try {
      settings[field.setting] = field.read(wanted);
    } catch (error) {
      throw new KubeletConfigurationError(`${name} ${(error as Error).message}, not ${JSON.stringify(wanted)}`);
    }
  }
  return settings;
}

/** What `/configz` shows: every setting, and what else of upstream's fields is true of this agent. */
export function kubeletConfiguration(settings: Partial<NodeSettings>): Record<string, unknown> {
  const shown = Object.entries(fields).flatMap(([name, { setting, show }]) =>
    settings[setting] === undefined ? [] : [[name, show(settings[setting] as never)]],
  );
  return {
    kind,
    apiVersion,
    ...Object.fromEntries(shown),
    cgroupRoot: settings.cgroupRoot,
    cgroupsPerQOS: true,
    enforceNodeAllocatable: ['pods'],
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true, cacheTTL: '0s' } },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
    configMapAndSecretChangeDetectionStrategy: 'Watch',
    cpuCFSQuota: true,
    cpuCFSQuotaPeriod: '100ms',
    enableControllerAttachDetach: true,
    enableDebuggingHandlers: true,
    enableServer: true,
    evictionHard: { ...hardThresholds },
    evictionPressureTransitionPeriod: '5m0s',
    nodeLeaseDurationSeconds: 40,
    nodeStatusMaxImages: 50,
    nodeStatusReportFrequency: '5m0s',
    nodeStatusUpdateFrequency: '10s',
    readOnlyPort: 0,
    registerNode: true,
    rotateCertificates: true,
    serializeImagePulls: false,
    shutdownGracePeriod: '0s',
    shutdownGracePeriodCriticalPods: '0s',
    tlsMinVersion: 'VersionTLS12',
  };
}
