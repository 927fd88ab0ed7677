import { Node } from '../../api/core/node.ts';
import { PersistentVolume } from '../../api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { Pod } from '../../api/core/pod.ts';
import { storageClassOf } from '../../api/core/storage-class-name.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import { StorageClass } from '../../api/storage/storage-class.ts';
import type { PersistentVolumeClaimStatus, PersistentVolumeStatus } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import {
  type ControllerContext,
  defineController,
  keyOf,
  type ReconcileResult,
  watches,
} from '../../client/reconcile.ts';
import { isPodTerminal } from '../pods/state.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { defaultClass, hasStorageClass, isDefaultClass } from './default-class.ts';
import {
  bindCompleted,
  boundByController,
  type Claim,
  findVolume,
  isForClaim,
  mismatch,
  provisionedBy,
  selectedNode,
  type Volume,
} from './matching.ts';
import { claimsOf } from './protection.ts';

const volumePrefix = 'pv:';
const provisionerAnnotation = 'volume.kubernetes.io/storage-provisioner';
const betaProvisionerAnnotation = 'volume.beta.kubernetes.io/storage-provisioner';
const noProvisioner = 'kubernetes.io/no-provisioner';

/** Binds claims to volumes, asks provisioners for new ones, and follows volumes whose claims are gone. */
export const persistentVolumeBinder = defineController<PersistentVolumeClaim>({
  name: 'persistent-volume-binder',
  for: PersistentVolumeClaim,
  // Two claims must not choose the same volume at the same time.
  concurrency: 1,
  reads: [Node, Pod],
  watches: [
    watches<PersistentVolumeClaim>({
      kind: PersistentVolumeClaim,
      keys: (claim) => (claim.spec.volumeName ? [volumePrefix + claim.spec.volumeName] : []),
    }),
    watches<PersistentVolume>({
      kind: PersistentVolume,
      keys(volume, context) {
        const ref = volume.spec.claimRef;
        if (ref) return [volumePrefix + volume.metadata.name, `${ref.namespace}/${ref.name}`];
        const waiting = context
          .lister(PersistentVolumeClaim)
          .list()
          .filter((claim) => !claim.spec.volumeName);
        return [volumePrefix + volume.metadata.name, ...waiting.map(keyOf)];
      },
    }),
    watches<StorageClass>({
      kind: StorageClass,
      keys: (storageClass, context) =>
        context
          .lister(PersistentVolumeClaim)
          .list()
          .filter(
            (claim) =>
              !claim.spec.volumeName &&
              (hasStorageClass(claim)
                ? storageClassOf(claim) === storageClass.metadata.name
                : isDefaultClass(storageClass)),
          )
          .map(keyOf),
    }),
  ],
  rbac: [
    allow('get list watch update create delete', '', 'persistentvolumes'),
    allow('update', '', 'persistentvolumes/status persistentvolumeclaims/status'),
    allow('get list watch update', '', 'persistentvolumeclaims'),
    allow('list watch get create delete', '', 'pods'),
    allow('get list watch', 'storage.k8s.io', 'storageclasses'),
    allow('list watch', '', 'nodes'),
    recordEvents,
  ],
  async reconcile(key, context) {
    if (key.startsWith(volumePrefix)) {
      const volume = context.lister(PersistentVolume).byKey(key.slice(volumePrefix.length));
      return volume ? new VolumeLook(volume, context).run() : undefined;
    }
    const claim = context.lister(PersistentVolumeClaim).byKey(key);
    return claim && !claim.metadata.deletionTimestamp ? new ClaimLook(claim, context).run() : undefined;
  },
});

class ClaimLook {
  readonly #context: ControllerContext;
  #claim: Claim;

  constructor(claim: Claim, context: ControllerContext) {
    this.#claim = claim;
    this.#context = context;
  }

  run(): Promise<ReconcileResult> {
    return this.#claim.metadata.annotations?.[bindCompleted] === undefined ? this.#bindNew() : this.#checkBound();
  }

  async #bindNew(): Promise<ReconcileResult> {
    const { lister } = this.#context;
    const claim = this.#claim;
    if (claim.spec.volumeName) {
      const volume = lister(PersistentVolume).get(undefined, claim.spec.volumeName);
      if (volume && (!volume.spec.claimRef || isForClaim(volume, claim))) {
        const why = mismatch(volume, claim);
        if (!why) return this.#bind(volume);
        this.#event('Warning', 'VolumeMismatch', `Cannot bind to requested volume "${volume.metadata.name}": ${why}`);
      } else if (volume) {
        const message = `volume ${JSON.stringify(volume.metadata.name)} already bound to a different claim.`;
        this.#event('Warning', 'FailedBinding', message);
      }
      return this.#setPhase('Pending');
    }
    const storageClass = lister(StorageClass).get(undefined, storageClassOf(claim));
    const node = claim.metadata.annotations?.[selectedNode];
    const volumes = lister(PersistentVolume).list();
    const waits = storageClass?.volumeBindingMode === 'WaitForFirstConsumer' && node === undefined;
    const candidates = waits ? volumes.filter((volume) => isForClaim(volume, claim)) : volumes;
    const found = findVolume(claim, candidates, node === undefined ? undefined : lister(Node).get(undefined, node));
    if (found) return this.#bind(found);
    if (await this.#assignDefaultClass()) return undefined;
    if (waits) {
      this.#sayWhoIsWaitedFor();
    } else if (storageClass) await this.#askProvisioner(storageClass);
    else if (storageClassOf(claim)) {
      this.#event('Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${storageClassOf(claim)}" not found`);
    } else {
      this.#event(
        'Normal',
        'FailedBinding',
        'no persistent volumes available for this claim and no storage class is set',
      );
    }
    return this.#setPhase('Pending');
  }

  /** A claim that names no class gets the default one, also when that comes later than the claim. */
  async #assignDefaultClass(): Promise<boolean> {
    const claim = this.#claim;
    const chosen = hasStorageClass(claim) ? undefined : defaultClass(this.#context.lister(StorageClass).list());
    if (!chosen) return false;
    await this.#updateClaim({ ...claim, spec: { ...claim.spec, storageClassName: chosen.metadata.name } });
    return true;
  }

  #sayWhoIsWaitedFor(): void {
    const key = keyOf(this.#claim);
    const waiting = this.#context
      .lister(Pod)
      .list(this.#claim.metadata.namespace)
      .filter((pod) => !pod.spec.nodeName && !isPodTerminal(pod) && claimsOf(pod).includes(key))
      .map((pod) => pod.metadata.name)
      .sort();
    if (waiting.length === 0)
      this.#event('Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
    else {
      const pods = waiting.length === 1 ? `pod ${waiting[0]}` : `pods ${waiting.join(',')}`;
      this.#event('Normal', 'WaitForPodScheduled', `waiting for ${pods} to be scheduled`);
    }
  }

  async #askProvisioner({ provisioner }: Shared<StorageClass>): Promise<void> {
    if (provisioner === noProvisioner) {
      const message = 'no persistent volumes available for this claim and its storage class has no provisioner';
      this.#event('Normal', 'FailedBinding', message);
      return;
    }
    const { annotations } = this.#claim.metadata;
    if (annotations?.[provisionerAnnotation] !== provisioner) {
      const more = { [betaProvisionerAnnotation]: provisioner, [provisionerAnnotation]: provisioner };
      await this.#updateClaim({
        ...this.#claim,
        metadata: { ...this.#claim.metadata, annotations: { ...annotations, ...more } },
      });
    }
    const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    this.#event('Normal', 'ExternalProvisioning', message);
  }

  async #checkBound(): Promise<ReconcileResult> {
    const claim = this.#claim;
    if (!claim.spec.volumeName) {
      return this.#lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
    }
    const volume =
      this.#context.lister(PersistentVolume).get(undefined, claim.spec.volumeName) ??
      (await this.#context.client.find(PersistentVolume, { name: claim.spec.volumeName }));
    if (!volume) {
      return this.#lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
    }
    if (!volume.spec.claimRef || isForClaim(volume, claim)) return this.#bind(volume);
    return this.#lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
  }

  /** Ties both ends to each other: the volume first, because it is what others may want. */
  async #bind(volume: Volume): Promise<ReconcileResult> {
    const { client } = this.#context;
    const { namespace, name, uid, resourceVersion } = this.#claim.metadata;
    let bound = volume;
    if (volume.spec.claimRef?.uid !== uid) {
      const annotations = volume.spec.claimRef
        ? volume.metadata.annotations
        : { ...volume.metadata.annotations, [boundByController]: 'yes' };
      bound = await client.update(PersistentVolume, {
        ...volume,
        metadata: { ...volume.metadata, ...(annotations ? { annotations } : {}) },
        spec: {
          ...volume.spec,
          claimRef: { kind: 'PersistentVolumeClaim', namespace, name, uid, apiVersion: 'v1', resourceVersion },
        },
      });
    }
    if (bound.status.phase !== 'Bound') await writeVolumePhase(bound, 'Bound', this.#context);
    const { annotations } = this.#claim.metadata;
    const marks = {
      [bindCompleted]: 'yes',
      ...(this.#claim.spec.volumeName ? {} : { [boundByController]: 'yes' }),
    };
    if (!this.#claim.spec.volumeName || annotations?.[bindCompleted] === undefined) {
      await this.#updateClaim({
        ...this.#claim,
        metadata: { ...this.#claim.metadata, annotations: { ...annotations, ...marks } },
        spec: { ...this.#claim.spec, volumeName: volume.metadata.name },
      });
    }
    const before = this.#claim.status;
    const accessModes = volume.spec.accessModes;
    const volumeAttributesClass = volume.spec.volumeAttributesClassName;
    await this.#updateStatus({
      ...before,
      phase: 'Bound',
      ...(accessModes ? { accessModes } : {}),
      // Growing a volume is told by its resizer; at first the volume's own size counts.
      ...(before.phase === 'Bound' && before.capacity
        ? {}
        : { capacity: { storage: volume.spec.capacity?.['storage'] ?? '0' } }),
      ...(volumeAttributesClass ? { currentVolumeAttributesClassName: volumeAttributesClass } : {}),
    });
    return undefined;
  }

  async #lost(reason: string, message: string): Promise<ReconcileResult> {
    if (this.#claim.status.phase !== 'Lost') this.#event('Warning', reason, message);
    const { capacity: _, accessModes: __, ...rest } = this.#claim.status;
    await this.#updateStatus({ ...rest, phase: 'Lost' });
    return undefined;
  }

  async #setPhase(phase: string): Promise<ReconcileResult> {
    await this.#updateStatus({ ...this.#claim.status, phase });
    return undefined;
  }

  async #updateClaim(next: Claim): Promise<void> {
    this.#claim = await this.#context.client.update(PersistentVolumeClaim, next);
  }

  async #updateStatus(status: Shared<PersistentVolumeClaimStatus>): Promise<void> {
    if (deepEqual(status, this.#claim.status)) return;
    try {
      this.#claim = await this.#context.client.updateStatus(PersistentVolumeClaim, { ...this.#claim, status });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.events.event(this.#claim, type, reason, message);
  }
}

class VolumeLook {
  readonly #context: ControllerContext;
  #volume: Volume;

  constructor(volume: Volume, context: ControllerContext) {
    this.#volume = volume;
    this.#context = context;
  }

  async run(): Promise<ReconcileResult> {
    const ref = this.#volume.spec.claimRef;
    if (!ref?.uid) return this.#setPhase('Available');
    const where = { namespace: ref.namespace ?? '', name: ref.name ?? '' };
    const { lister, client } = this.#context;
    let claim = lister(PersistentVolumeClaim).get(where.namespace, where.name);
    // A claim is only taken for gone when the server says so.
    if (claim?.metadata.uid !== ref.uid) claim = await client.find(PersistentVolumeClaim, where);
    if (claim?.metadata.uid !== ref.uid) return this.#release();
    if (!claim.spec.volumeName) return undefined;
    if (claim.spec.volumeName === this.#volume.metadata.name) return this.#setPhase('Bound');
    return this.#unbind();
  }

  async #release(): Promise<ReconcileResult> {
    if (this.#volume.status.phase !== 'Released' && this.#volume.status.phase !== 'Failed') {
      await this.#setPhase('Released');
    }
    const policy = this.#volume.spec.persistentVolumeReclaimPolicy;
    const external = this.#volume.metadata.annotations?.[provisionedBy] ?? this.#volume.spec.csi?.driver;
    // Deleting is the provisioner's part, which watches for the phase.
    if (policy !== 'Retain' && !external && this.#volume.status.phase !== 'Failed') {
      const recycles = policy === 'Recycle';
      const message = recycles
        ? `No recycler plugin found for the volume!`
        : `error getting deleter volume plugin for volume "${this.#volume.metadata.name}": no volume plugin matched`;
      this.#context.events.event(
        this.#volume,
        'Warning',
        recycles ? 'VolumeFailedRecycle' : 'VolumeFailedDelete',
        message,
      );
      await writeVolumePhase(this.#volume, 'Failed', this.#context, message);
    }
    return undefined;
  }

  /** The claim took another volume: this one is free again, or goes when it was made for the claim. */
  async #unbind(): Promise<ReconcileResult> {
    const { annotations = {} } = this.#volume.metadata;
    if (annotations[provisionedBy] && this.#volume.spec.persistentVolumeReclaimPolicy === 'Delete')
      return this.#release();
    const { claimRef, ...spec } = this.#volume.spec;
    const { [boundByController]: byController, ...kept } = annotations;
    const { uid: _, resourceVersion: __, ...reserved } = claimRef!;
    this.#volume = await this.#context.client.update(PersistentVolume, {
      ...this.#volume,
      metadata: { ...this.#volume.metadata, annotations: kept },
      spec: byController === undefined ? { ...spec, claimRef: reserved as typeof claimRef & object } : spec,
    });
    return this.#setPhase('Available');
  }

  async #setPhase(phase: string): Promise<ReconcileResult> {
    if (this.#volume.status.phase !== phase) this.#volume = await writeVolumePhase(this.#volume, phase, this.#context);
    return undefined;
  }
}

async function writeVolumePhase(
  volume: Volume,
  phase: string,
  { client, clock }: ControllerContext,
  message?: string,
): Promise<Volume> {
  const { message: _, ...before } = volume.status;
  const status: Shared<PersistentVolumeStatus> = {
    ...before,
    phase,
    ...(message ? { message } : {}),
    lastPhaseTransitionTime: formatTime(clock.now()),
  };
  return client.updateStatus(PersistentVolume, { ...volume, status });
}
