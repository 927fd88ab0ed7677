/** What a volume type is to the agent. */
import type { Shared } from '../../api/kind.ts';
import type { ConfigMap, Pod, Secret, Volume } from '../../api/types/core-v1.ts';
import type { KubeletContext } from '../context.ts';
import type { PodFacts } from '../pods/field-path.ts';

/** What volumes read from elsewhere. */
export interface VolumeSources {
  configMap(namespace: string, name: string): Promise<Shared<ConfigMap> | undefined>;
  secret(namespace: string, name: string): Promise<Shared<Secret> | undefined>;
  /** A bound token of the pod's service account, renewed when it has used up four fifths of its life. */
  serviceAccountToken(pod: Shared<Pod>, request: TokenWish): Promise<string>;
  readonly facts: PodFacts;
  readonly allocatable: Readonly<Record<string, string>>;
}

export interface TokenWish {
  readonly audience: string;
  readonly expirationSeconds: number;
}

export interface VolumeRequest {
  readonly context: KubeletContext;
  readonly pod: Shared<Pod>;
  readonly volume: Shared<Volume>;
  readonly sources: VolumeSources;
  /** Directory in memory, for what must not reach a disk. */
  readonly memoryDir: string;
}

/** A volume as containers mount it. */
export interface MountedVolume {
  /** The directory (or for host paths the file, socket or device) on the node. */
  readonly path: string;
  /** Mounted read-only whatever the container asks for. */
  readonly readOnly?: boolean;
}

/** A volume that cannot be set up now: said in a FailedMount event and tried again. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
}

export interface VolumeType {
  /** The field of a Volume that chooses it. */
  readonly field: keyof Volume;
  /** Makes it, or brings it up to date; called again and again. */
  setUp(request: VolumeRequest): Promise<MountedVolume>;
  /** True when its content may change while the pod runs, so that it is set up again every now and then. */
  readonly refreshes?: boolean;
}
