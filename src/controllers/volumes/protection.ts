import { PersistentVolume } from '../../api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { VolumeAttributesClass } from '../../api/storage/volume-attributes-class.ts';
import { defineController, type ObjectKey, watches } from '../../client/reconcile.ts';
import { isPodTerminal } from '../pods/state.ts';
import { allow, recordEvents } from '../rbac-rules.ts';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';
const classFinalizer = 'kubernetes.io/vac-protection';

/** The claims that a pod uses: named ones, and those made for its ephemeral volumes. */
export function claimsOf(pod: Shared<Pod>): ObjectKey[] {
  const keys: ObjectKey[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    const name =
      volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : '');
    if (name) keys.push(`${pod.metadata.namespace}/${name}`);
  }
  return keys;
}

const isUsing = (pod: Shared<Pod>, claim: ObjectKey): boolean =>
  pod.spec.nodeName !== undefined && !isPodTerminal(pod) && claimsOf(pod).includes(claim);

/** Keeps claims from going while a pod uses them. */
export const claimProtectionController = defineController<PersistentVolumeClaim>({
  name: 'pvc-protection-controller',
  for: PersistentVolumeClaim,
  watches: [
    watches<Pod>({
      kind: Pod,
      changed: (pod, old) => isPodTerminal(pod) !== isPodTerminal(old),
      keys: claimsOf,
    }),
  ],
  rbac: [
    allow('get list watch update', '', 'persistentvolumeclaims'),
    allow('list watch get', '', 'pods'),
    recordEvents,
  ],
  async reconcile(key, { client, lister }) {
    const claim = lister(PersistentVolumeClaim).byKey(key);
    if (!claim) return undefined;
    const { finalizers = [], namespace, deletionTimestamp } = claim.metadata;
    const has = finalizers.includes(claimFinalizer);
    if (!deletionTimestamp) {
      if (has) return undefined;
      const metadata = { ...claim.metadata, finalizers: [...finalizers, claimFinalizer] };
      await client.update(PersistentVolumeClaim, { ...claim, metadata });
      return undefined;
    }
    if (
      !has ||
      lister(Pod)
        .list(namespace)
        .some((pod) => isUsing(pod, key))
    )
      return undefined;
    // A pod that uses it may have been scheduled a moment ago: the server is asked before the claim is let go.
    const { items } = await client.list(Pod, { namespace });
    if (items.some((pod) => isUsing(pod, key))) return undefined;
    const left = finalizers.filter((name) => name !== claimFinalizer);
    await client.update(PersistentVolumeClaim, { ...claim, metadata: { ...claim.metadata, finalizers: left } });
    return undefined;
  },
});

/** Keeps volumes from going while they are bound. */
export const volumeProtectionController = defineController<PersistentVolume>({
  name: 'pv-protection-controller',
  for: PersistentVolume,
  rbac: [allow('get list watch update', '', 'persistentvolumes'), recordEvents],
  async reconcile(key, { client, lister }) {
    const volume = lister(PersistentVolume).byKey(key);
    if (!volume) return undefined;
    const { finalizers = [], deletionTimestamp } = volume.metadata;
    const has = finalizers.includes(volumeFinalizer);
    if (has === !deletionTimestamp || (deletionTimestamp && volume.status.phase === 'Bound')) return undefined;
    const next = has ? finalizers.filter((name) => name !== volumeFinalizer) : [...finalizers, volumeFinalizer];
    await client.update(PersistentVolume, { ...volume, metadata: { ...volume.metadata, finalizers: next } });
    return undefined;
  },
});

/** Keeps volume attributes classes from going while a claim or volume names them. */
export const attributesClassProtectionController = defineController<VolumeAttributesClass>({
  name: 'volumeattributesclass-protection-controller',
  for: VolumeAttributesClass,
  watches: [
    watches<PersistentVolumeClaim>({ kind: PersistentVolumeClaim, keys: (claim, _, old) => classesOf(claim, old) }),
    watches<PersistentVolume>({
      kind: PersistentVolume,
      keys: ({ spec }, _, old) =>
        [spec.volumeAttributesClassName, old?.spec.volumeAttributesClassName].filter((name) => name !== undefined),
    }),
  ],
  rbac: [
    allow('list watch get', '', 'persistentvolumeclaims persistentvolumes'),
    allow('get list watch update', 'storage.k8s.io', 'volumeattributesclasses'),
    recordEvents,
  ],
  async reconcile(key, { client, lister }) {
    const attributes = lister(VolumeAttributesClass).byKey(key);
    if (!attributes) return undefined;
    const { finalizers = [], deletionTimestamp } = attributes.metadata;
    const has = finalizers.includes(classFinalizer);
    if (has === !deletionTimestamp) return undefined;
    const used =
      lister(PersistentVolumeClaim)
        .list()
        .some((claim) => classesOf(claim, undefined).includes(key)) ||
      lister(PersistentVolume)
        .list()
        .some(({ spec }) => spec.volumeAttributesClassName === key);
    if (deletionTimestamp && used) return undefined;
    const next = has ? finalizers.filter((name) => name !== classFinalizer) : [...finalizers, classFinalizer];
    await client.update(VolumeAttributesClass, {
      ...attributes,
      metadata: { ...attributes.metadata, finalizers: next },
    });
    return undefined;
  },
});

type Claim = Shared<PersistentVolumeClaim>;

function classesOf(claim: Claim, old: Claim | undefined): string[] {
  const names = [claim, ...(old ? [old] : [])].flatMap(({ spec, status }) => [
    spec.volumeAttributesClassName,
    status.currentVolumeAttributesClassName,
    status.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ]);
  return [...new Set(names.filter((name) => name !== undefined && name !== ''))] as string[];
}
