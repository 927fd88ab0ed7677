import { createHash } from 'node:crypto';
import { Node } from '../../api/core/node.ts';
import { PersistentVolume } from '../../api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { isAlreadyExists, isNotFound } from '../../api/machinery/status.ts';
import { CSIDriver } from '../../api/storage/csi-driver.ts';
import { VolumeAttachment } from '../../api/storage/volume-attachment.ts';
import { deepEqual } from '../../base/deep.ts';
import { type ControllerContext, defineController, type ObjectKey, watches } from '../../client/reconcile.ts';
import { isConditionTrue } from '../conditions.ts';
import { isPodTerminal } from '../pods/state.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { indexByNode, podsOnNode } from '../service-pods.ts';
import { outOfServiceTaint } from '../taints.ts';
import { claimsOf } from './protection.ts';

/** A volume that a node in trouble still reports as in use is detached by force after this long, as upstream. */
const maxUnmountWaitMs = 360_000;
const states = new WeakMap<ControllerContext, State>();

interface State {
  /** Since when a detachment is waited for, by UID of the attachment. */
  readonly waitingSince: Map<string, number>;
  /** What nodes last said to use: one that is gone may still run. */
  readonly lastInUse: Map<string, readonly string[]>;
  /** Where volumes were sent lately: the node, by volume, until the cache shows the attachment. */
  readonly sent: Map<string, string>;
  /** Attachments that another node is in the way of, and that were told of. */
  readonly refused: Set<string>;
}

interface Attachable {
  readonly volume: Shared<PersistentVolume>;
  /** How nodes name it: `kubernetes.io/csi/DRIVER^HANDLE`. */
  readonly name: string;
}

/** Attaches CSI volumes to the nodes whose pods want them, and detaches them when nobody uses them any more. */
export const attachDetachController = defineController<Node>({
  name: 'attachdetach-controller',
  for: Node,
  // Two nodes must not be given the same volume.
  concurrency: 1,
  reads: [Pod, PersistentVolume, PersistentVolumeClaim, CSIDriver],
  watches: [
    watches<Pod>({
      kind: Pod,
      changed: (pod, old) => pod.spec.nodeName !== old.spec.nodeName || isPodTerminal(pod) !== isPodTerminal(old),
      keys: (pod) => (pod.spec.nodeName && claimsOf(pod).length ? [pod.spec.nodeName] : []),
    }),
    watches<PersistentVolumeClaim>({
      kind: PersistentVolumeClaim,
      changed: (claim, old) => claim.spec.volumeName !== old.spec.volumeName,
      keys: ({ metadata: { namespace, name } }, context): ObjectKey[] => {
        const pods = context.lister(Pod).list(namespace);
        return pods.flatMap((pod) =>
          pod.spec.nodeName && claimsOf(pod).includes(`${namespace}/${name}`) ? [pod.spec.nodeName] : [],
        );
      },
    }),
    watches<VolumeAttachment>({
      kind: VolumeAttachment,
      keys: (attachment, context) => [attachment.spec.nodeName, ...nodesThatWant(attachment, context)],
    }),
  ],
  rbac: [
    allow('list watch', '', 'persistentvolumes persistentvolumeclaims pods'),
    allow('get list watch', '', 'nodes'),
    allow('patch update', '', 'nodes/status'),
    allow('get create delete list watch', 'storage.k8s.io', 'volumeattachments'),
    allow('get watch list', 'storage.k8s.io', 'csidrivers csinodes'),
    recordEvents,
  ],
  start(context) {
    states.set(context, { waitingSince: new Map(), lastInUse: new Map(), sent: new Map(), refused: new Set() });
    const { informers } = context;
    indexByNode(informers.informer(Pod));
    informers.informer(VolumeAttachment).addIndex('attachments-by-node', (attachment) => [attachment.spec.nodeName]);
    return undefined;
  },
  async reconcile(key, context) {
    const { client, informers, lister } = context;
    const attachments = informers.informer(VolumeAttachment).byIndex('attachments-by-node', key);
    const node = lister(Node).byKey(key);
    const state = states.get(context)!;
    if (node) state.lastInUse.set(key, node.status.volumesInUse ?? []);
    const wanted = new Map(
      wantedOn(key, context).map((attachable) => [attachmentName(attachable.volume, key), attachable]),
    );
    if (wanted.size + attachments.length === 0) {
      if (!node) state.lastInUse.delete(key);
      return undefined;
    }
    for (const [name, { volume }] of wanted) {
      if (attachments.some((attachment) => attachment.metadata.name === name)) {
        state.sent.delete(volume.metadata.name);
        continue;
      }
      if (!node) continue;
      if (isTakenElsewhere(volume, key, context)) {
        if (!state.refused.has(name)) reportTaken(volume, key, context);
        state.refused.add(name);
        continue;
      }
      state.refused.delete(name);
      state.sent.set(volume.metadata.name, key);
      try {
        await client.create(VolumeAttachment, {
          metadata: { name },
          spec: {
            attacher: volume.spec.csi!.driver,
            nodeName: key,
            source: { persistentVolumeName: volume.metadata.name },
          },
        });
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
      }
    }
    const leaving = attachments.filter(({ metadata }) => !wanted.has(metadata.name) && !metadata.deletionTimestamp);
    const { ready, waitMs } = detachable(leaving, key, context);
    // The node must not take a volume for attached that is about to go.
    if (node) await reportAttached(node, { attachments, ready, context });
    for (const attachment of ready) {
      try {
        await client.delete(VolumeAttachment, attachment.metadata, { preconditions: { uid: attachment.metadata.uid } });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    return waitMs === undefined ? undefined : { requeueAfterMs: waitMs };
  },
});

type Attachment = Shared<VolumeAttachment>;

/** The volumes that pods of a node need attached. */
function wantedOn(node: string, context: ControllerContext): Attachable[] {
  const { lister } = context;
  const found: Attachable[] = [];
  for (const pod of podsOnNode(context, node)) {
    if (isPodTerminal(pod)) continue;
    for (const key of claimsOf(pod)) {
      const claim = lister(PersistentVolumeClaim).byKey(key);
      const volume = claim?.spec.volumeName
        ? lister(PersistentVolume).get(undefined, claim.spec.volumeName)
        : undefined;
      const name = volume && nameOnNode(volume);
      if (!volume || !name || volume.spec.claimRef?.uid !== claim?.metadata.uid) continue;
      if (lister(CSIDriver).get(undefined, volume.spec.csi!.driver)?.spec.attachRequired === false) continue;
      found.push({ volume, name });
    }
  }
  return found;
}

const nameOnNode = ({ spec: { csi } }: Shared<PersistentVolume>): string | undefined =>
  csi ? `kubernetes.io/csi/${csi.driver}^${csi.volumeHandle}` : undefined;

/** Upstream's name, by which the kubelet finds the attachment. */
export function attachmentName(volume: Shared<PersistentVolume>, node: string): string {
  const { volumeHandle, driver } = volume.spec.csi!;
  return `csi-${createHash('sha256').update(`${volumeHandle}${driver}${node}`).digest('hex')}`;
}

/**
 * Those that may go now: their node no longer uses them, or is out of service, or is not well and had long enough to stop. A
 * node that is well and still uses a volume keeps it, however long that takes.
 */
function detachable(
  leaving: readonly Attachment[],
  nodeName: string,
  context: ControllerContext,
): { ready: Attachment[]; waitMs: number | undefined } {
  const { waitingSince, lastInUse } = states.get(context)!;
  const now = context.clock.monotonic();
  const ready: Attachment[] = [];
  let waitMs: number | undefined;
  const node = context.lister(Node).byKey(nodeName);
  const isOutOfService = node?.spec.taints?.some(({ key }) => key === outOfServiceTaint) ?? false;
  const isWell = node !== undefined && isConditionTrue(node.status.conditions, 'Ready');
  for (const attachment of leaving) {
    const name = volumeOf(attachment, context);
    const isUsed = !isOutOfService && name !== undefined && (lastInUse.get(nodeName) ?? []).includes(name);
    const start = waitingSince.get(attachment.metadata.uid) ?? now;
    const left = start + maxUnmountWaitMs - now;
    if (!isUsed || (left <= 0 && !isWell)) {
      waitingSince.delete(attachment.metadata.uid);
      ready.push(attachment);
      continue;
    }
    waitingSince.set(attachment.metadata.uid, start);
    // A node that is no longer well wakes this by itself.
    if (left > 0) waitMs = Math.min(waitMs ?? left, left);
  }
  return { ready, waitMs };
}

/** Whether a volume that one node may have at a time is, or is about to be, on another. */
function isTakenElsewhere(volume: Shared<PersistentVolume>, node: string, context: ControllerContext): boolean {
  const modes = volume.spec.accessModes ?? [];
  if (modes.length === 0 || modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')) return false;
  if ((states.get(context)!.sent.get(volume.metadata.name) ?? node) !== node) return true;
  return context
    .lister(VolumeAttachment)
    .list()
    .some(({ spec }) => spec.source.persistentVolumeName === volume.metadata.name && spec.nodeName !== node);
}

const podsWith = ({ spec: { claimRef } }: Shared<PersistentVolume>, { lister }: ControllerContext) =>
  lister(Pod)
    .list(claimRef?.namespace ?? '')
    .filter((pod) => !isPodTerminal(pod) && claimsOf(pod).includes(`${claimRef?.namespace}/${claimRef?.name}`));

function reportTaken(volume: Shared<PersistentVolume>, node: string, context: ControllerContext): void {
  const pods = podsWith(volume, context);
  const others = pods
    .filter(({ spec }) => spec.nodeName && spec.nodeName !== node)
    .map(({ metadata }) => metadata.name);
  const why = others.length
    ? `Volume is already used by pod(s) ${others.sort().join(', ')}`
    : "Volume is already exclusively attached to one node and can't be attached to another";
  const message = `Multi-Attach error for volume ${JSON.stringify(volume.metadata.name)} ${why}`;
  for (const pod of pods)
    if (pod.spec.nodeName === node) context.events.event(pod, 'Warning', 'FailedAttachVolume', message);
}

/** The nodes whose pods want the volume of an attachment: with its going it may be theirs. */
function nodesThatWant({ spec }: Attachment, context: ControllerContext): string[] {
  const volume = context.lister(PersistentVolume).get(undefined, spec.source.persistentVolumeName ?? '');
  return volume ? podsWith(volume, context).flatMap((pod) => pod.spec.nodeName ?? []) : [];
}

function volumeOf({ spec }: Attachment, { lister }: ControllerContext): string | undefined {
  const volume = lister(PersistentVolume).get(undefined, spec.source.persistentVolumeName ?? '');
  return volume && nameOnNode(volume);
}

/** Keeps `status.volumesAttached` of the node to what is attached and stays. */
async function reportAttached(
  node: Shared<Node>,
  {
    attachments,
    ready,
    context,
  }: { attachments: readonly Attachment[]; ready: readonly Attachment[]; context: ControllerContext },
): Promise<void> {
  const present = attachments
    .filter(
      (attachment) =>
        attachment.status.attached && !attachment.metadata.deletionTimestamp && !ready.includes(attachment),
    )
    .map((attachment) => volumeOf(attachment, context))
    .filter((name) => name !== undefined)
    .sort()
    .map((name) => ({ name, devicePath: '' }));
  const before = node.status.volumesAttached ?? [];
  const foreign = before.filter(({ name }) => !name.startsWith('kubernetes.io/csi/'));
  const after = [...foreign, ...present];
  if (deepEqual([...before].sort(byName), [...after].sort(byName))) return;
  const patch = {
    metadata: { resourceVersion: node.metadata.resourceVersion },
    status: { volumesAttached: after.length ? after : null },
  };
  await context.client.patch(Node, node.metadata, patch, { type: 'merge', subresource: 'status' });
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);
