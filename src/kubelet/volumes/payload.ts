/** The files of the volume types that hold API data: keys of config maps and secrets, the downward API, tokens. */
import type { Shared } from '../../api/kind.ts';
import type {
  ConfigMapProjection,
  DownwardAPIProjection,
  KeyToPath,
  Pod,
  SecretProjection,
  ServiceAccountTokenProjection,
} from '../../api/types/core-v1.ts';
import { podFieldText, resourceFieldText } from '../pods/field-path.ts';
import type { PayloadFile } from './atomic-writer.ts';
import { VolumeError, type VolumeRequest } from './volume.ts';

type Files = Map<string, PayloadFile>;

const defaultFileMode = 0o644;

/** Adds chosen keys, or all, of a map of data. Throws when a chosen key is missing and not optional. */
function addKeys(
  files: Files,
  data: ReadonlyMap<string, Uint8Array>,
  wish: {
    readonly items: readonly Shared<KeyToPath>[] | undefined;
    readonly mode: number;
    readonly optional: boolean;
    readonly what: string;
  },
): void {
  if (!wish.items?.length) {
    for (const [key, value] of data) files.set(key, { data: value, mode: wish.mode });
    return;
  }
  for (const item of wish.items) {
    const value = data.get(item.key);
    if (value) files.set(item.path, { data: value, mode: item.mode ?? wish.mode });
    else if (!wish.optional) throw new VolumeError(`references non-existent ${wish.what} key: ${item.key}`);
  }
}

export async function addConfigMap(
  files: Files,
  request: VolumeRequest,
  source: Shared<ConfigMapProjection>,
  mode = defaultFileMode,
): Promise<void> {
  const { metadata } = request.pod;
  const found = await request.sources.configMap(metadata.namespace!, source.name!);
  if (!found && !source.optional) throw new VolumeError(`configmap "${source.name}" not found`);
  const data = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(found?.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(found?.binaryData ?? {})) data.set(key, Buffer.from(value, 'base64'));
  addKeys(files, data, { items: source.items, mode, optional: source.optional ?? false, what: 'config' });
}

export async function addSecret(
  files: Files,
  request: VolumeRequest,
  source: Shared<SecretProjection>,
  mode = defaultFileMode,
): Promise<void> {
  const { metadata } = request.pod;
  const found = await request.sources.secret(metadata.namespace!, source.name!);
  if (!found && !source.optional) throw new VolumeError(`secret "${source.name}" not found`);
  const data = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(found?.data ?? {})) data.set(key, Buffer.from(value, 'base64'));
  addKeys(files, data, { items: source.items, mode, optional: source.optional ?? false, what: 'secret' });
}

export function addDownwardApi(
  files: Files,
  request: VolumeRequest,
  source: Shared<DownwardAPIProjection>,
  mode = defaultFileMode,
): void {
  const { pod, sources } = request;
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  for (const item of source.items ?? []) {
    const text = item.fieldRef
      ? podFieldText(pod, item.fieldRef.fieldPath, sources.facts)
      : resourceFieldText(containers, item.resourceFieldRef!, { allocatable: sources.allocatable });
    files.set(item.path, { data: Buffer.from(text), mode: item.mode ?? mode });
  }
}

/** A token is readable by its pod's user alone: owner root with 0600, the pod's one user, or its fsGroup. */
export async function addServiceAccountToken(
  files: Files,
  request: VolumeRequest,
  source: Shared<ServiceAccountTokenProjection>,
  mode = defaultFileMode,
): Promise<void> {
  const { pod, sources } = request;
  const token = await sources.serviceAccountToken(pod, {
    audience: source.audience ?? '',
    expirationSeconds: source.expirationSeconds ?? 3600,
  });
  const user = onlyUser(pod);
  const file = { data: Buffer.from(token), mode };
  if (pod.spec.securityContext?.fsGroup !== undefined) files.set(source.path, { ...file, mode: 0o600 });
  else if (user !== undefined) files.set(source.path, { ...file, mode: 0o600, uid: user });
  else files.set(source.path, file);
}

/** The user that all containers of a pod run as, when they name the same one. */
function onlyUser(pod: Shared<Pod>): number | undefined {
  const users = new Set(
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(
      (container) => container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser,
    ),
  );
  return users.size === 1 ? [...users][0] : undefined;
}
