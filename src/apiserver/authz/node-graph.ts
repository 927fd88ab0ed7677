/** Which objects the pods of a node need: the relation that the node authorizer decides by. */
import { PersistentVolume } from '../../api/core/persistent-volume.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { VolumeAttachment } from '../../api/storage/volume-attachment.ts';
import type { InformerSet } from '../../client/informer.ts';

/** What a node may be related to. */
export type NodeObject =
  | 'secrets'
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'persistentvolumes'
  | 'resourceclaims'
  | 'serviceaccounts'
  | 'volumeattachments'
  | 'pods';

export interface NodeGraph {
  /** Whether the node needs the object because of its pods. */
  isRelated(nodeName: string, type: NodeObject, namespace: string, name: string): boolean;
  whenSynced(): Promise<void>;
}

const mirrorAnnotation = 'kubernetes.io/config.mirror';

type References = Readonly<
  Record<'secrets' | 'configmaps' | 'persistentvolumeclaims' | 'resourceclaims', ReadonlySet<string>>
>;

/** The names in its own namespace that a pod refers to. */
export function podReferences(pod: Shared<Pod>): References {
  const secrets = new Set<string>();
  const configmaps = new Set<string>();
  const persistentvolumeclaims = new Set<string>();
  const resourceclaims = new Set<string>();
  const add = (set: Set<string>, name: string | undefined) => {
    if (name) set.add(name);
  };
  const { spec } = pod;
  for (const ref of spec.imagePullSecrets ?? []) add(secrets, ref.name);
  for (const container of [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])]) {
    for (const env of container.env ?? []) {
      add(secrets, env.valueFrom?.secretKeyRef?.name);
      add(configmaps, env.valueFrom?.configMapKeyRef?.name);
    }
    for (const from of container.envFrom ?? []) {
      add(secrets, from.secretRef?.name);
      add(configmaps, from.configMapRef?.name);
    }
  }
  for (const volume of spec.volumes ?? []) {
    add(secrets, volume.secret?.secretName);
    add(configmaps, volume.configMap?.name);
    add(persistentvolumeclaims, volume.persistentVolumeClaim?.claimName);
    if (volume.ephemeral) persistentvolumeclaims.add(`${pod.metadata.name}-${volume.name}`);
    for (const source of volume.projected?.sources ?? []) {
      add(secrets, source.secret?.name);
      add(configmaps, source.configMap?.name);
    }
    for (const inline of [volume.csi?.nodePublishSecretRef, volume.cephfs?.secretRef, volume.flexVolume?.secretRef]) {
      add(secrets, inline?.name);
    }
    for (const inline of [volume.iscsi?.secretRef, volume.rbd?.secretRef, volume.scaleIO?.secretRef]) {
      add(secrets, inline?.name);
    }
    add(secrets, volume.azureFile?.secretName);
    add(secrets, volume.storageos?.secretRef?.name);
  }
  for (const claim of spec.resourceClaims ?? []) add(resourceclaims, claim.resourceClaimName);
  for (const status of pod.status?.resourceClaimStatuses ?? []) add(resourceclaims, status.resourceClaimName);
  return { secrets, configmaps, persistentvolumeclaims, resourceclaims };
}

/** The secrets that mounting a volume needs, as `namespace/name`. */
function volumeSecrets(volume: Shared<PersistentVolume>): string[] {
  const { spec } = volume;
  const claimNamespace = spec.claimRef?.namespace ?? '';
  const refs = [
    spec.csi?.nodePublishSecretRef,
    spec.csi?.nodeStageSecretRef,
    spec.csi?.controllerPublishSecretRef,
    spec.csi?.nodeExpandSecretRef,
    spec.cephfs?.secretRef,
    spec.flexVolume?.secretRef,
    spec.iscsi?.secretRef,
    spec.rbd?.secretRef,
    spec.scaleIO?.secretRef,
    spec.storageos?.secretRef,
    spec.azureFile && { name: spec.azureFile.secretName, namespace: spec.azureFile.secretNamespace },
  ];
  return refs.flatMap((ref) => (ref?.name ? [`${ref.namespace || claimNamespace}/${ref.name}`] : []));
}

/** Watches pods, volumes and attachments. A node's pods are few, so they are looked through on each question. */
export function createNodeGraph(informers: InformerSet): NodeGraph {
  const pods = informers.informer(Pod);
  const volumes = informers.informer(PersistentVolume);
  const attachments = informers.informer(VolumeAttachment);
  pods.addIndex('node-graph', (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []));
  volumes.addIndex('node-graph', ({ spec: { claimRef } }) =>
    claimRef ? [`${claimRef.namespace ?? ''}/${claimRef.name ?? ''}`] : [],
  );
  const references = new WeakMap<Shared<Pod>, References>();

  function referencesOf(pod: Shared<Pod>): References {
    let known = references.get(pod);
    if (!known) {
      known = podReferences(pod);
      references.set(pod, known);
    }
    return known;
  }

  /** The volumes bound to the claims of the node's pods. */
  function* volumesOf(nodePods: readonly Shared<Pod>[]): Generator<Shared<PersistentVolume>> {
    for (const pod of nodePods) {
      for (const claim of referencesOf(pod).persistentvolumeclaims) {
        yield* volumes.byIndex('node-graph', `${pod.metadata.namespace}/${claim}`);
      }
    }
  }

  return {
    whenSynced: async () => {
      await Promise.all([pods.whenSynced(), volumes.whenSynced(), attachments.whenSynced()]);
    },
    isRelated(nodeName, type, namespace, name) {
      if (type === 'volumeattachments') return attachments.get(undefined, name)?.spec.nodeName === nodeName;
      if (type === 'pods') return pods.get(namespace, name)?.spec.nodeName === nodeName;
      // A mirror pod is written by the node itself: it gives no access to anything.
      const nodePods = pods
        .byIndex('node-graph', nodeName)
        .filter((pod) => pod.metadata.annotations?.[mirrorAnnotation] === undefined);
      if (type === 'persistentvolumes') return volumesOf(nodePods).some((volume) => volume.metadata.name === name);
      const here = nodePods.filter((pod) => pod.metadata.namespace === namespace);
      if (type === 'serviceaccounts') return here.some((pod) => pod.spec.serviceAccountName === name);
      if (here.some((pod) => referencesOf(pod)[type].has(name))) return true;
      return type === 'secrets' && volumesOf(nodePods).some((v) => volumeSecrets(v).includes(`${namespace}/${name}`));
    },
  };
}
