/** What the workers of all pods share. */
import type { Shared } from '../../api/kind.ts';
import type { ConfigMap, Pod, Secret } from '../../api/types/core-v1.ts';
import type { Cgroups } from '../../cri/cgroups.ts';
import type { KubeletContext } from '../context.ts';
import type { ImagePuller } from '../images/image-puller.ts';
import type { Pressures } from '../node/pressures.ts';
import type { Probes } from '../probes/probes.ts';
import type { ServiceAccountTokens } from '../service-account-tokens.ts';
import type { VolumeSources } from '../volumes/volume.ts';
import type { WatchedObjects } from '../watched-objects.ts';
import type { DnsConfig } from './dns.ts';
import type { PodFacts } from './field-path.ts';
import type { RestartBackoff } from './restart-backoff.ts';
import type { StatusWriter } from './status-writer.ts';

export interface PodKit {
  readonly context: KubeletContext;
  readonly images: ImagePuller;
  readonly probes: Probes;
  readonly statuses: StatusWriter;
  readonly restarts: RestartBackoff;
  readonly tokens: ServiceAccountTokens;
  readonly configMaps: WatchedObjects<ConfigMap & ApiObject>;
  readonly secrets: WatchedObjects<Secret & ApiObject>;
  readonly cgroups: Cgroups;
  readonly pressures: Pressures;
  readonly hostDns: DnsConfig;
  readonly nodeMemoryBytes: number;
  /** Scheme of container ids: `containerd`, `cri-o`. */
  readonly runtimeName: string;
  readonly allocatable: Readonly<Record<string, string>>;
  /** When this agent started: containers that are older were adopted. */
  readonly startedAt: number;
}

/** What the decoder guarantees of objects that come from the API. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { name: string; uid: string; resourceVersion: string; creationTimestamp: string };
}

/** Where a pod's volumes and variables come from. */
export function podSources(kit: PodKit, pod: Shared<Pod>, podIps: readonly string[]): VolumeSources {
  const uid = pod.metadata.uid!;
  return {
    configMap: (namespace, name) => kit.configMaps.get(uid, namespace, name),
    secret: (namespace, name) => kit.secrets.get(uid, namespace, name),
    serviceAccountToken: (forPod, wish) => kit.tokens.get(forPod, wish),
    facts: podFacts(kit, podIps),
    allocatable: kit.allocatable,
  };
}

export function podFacts(kit: PodKit, podIps: readonly string[]): PodFacts {
  const { settings, nodeName } = kit.context;
  return { podIps, hostIps: settings.nodeIps, nodeName };
}

/** `web_default(uid)`: how upstream's messages name a pod. */
export function podFullName(pod: Shared<Pod>): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
}
