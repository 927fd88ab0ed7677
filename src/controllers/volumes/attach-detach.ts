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
import { isPodTerminal } from '../pods/state.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { indexByNode, podsOnNode } from '../service-pods.ts';
import { outOfServiceTaint } from '../taints.ts';
import { claimsOf } from './protection.ts';

/** A volume that its node still reports as in use is detached by force after this long, as upstream. */
const maxUnmountWaitMs = 360_000;
const waitingSince = new WeakMap<ControllerContext, Map<string, number>>();

interface Attachable {
  readonly volume: Shared<PersistentVolume>;
  /** How nodes name it: `kubernetes.io/csi/DRIVER^HANDLE`. */
  readonly name: string;
}

/** Attaches CSI volumes to the nodes whose pods want them, and detaches them when nobody uses them any more. */
export const attachDetachController = defineController<Node>({
  name: 'attachdetach-controller',
  for: Node,
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
    watches<VolumeAttachment>({ kind: VolumeAttachment, keys: (attachment) => [attachment.spec.nodeName] }),
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
    waitingSince.set(context, new Map());
    const { informers } = context;
    indexByNode(informers.informer(Pod));
    informers.informer(VolumeAttachment).addIndex('attachments-by-node', (attachment) => [attachment.spec.nodeName]);
    return undefined;
  },
  async reconcile(key, context) {
    const { client, informers, lister } = context;
    const attachments = informers.informer(VolumeAttachment).byIndex('attachments-by-node', key);
    const node = lister(Node).byKey(key);
    const wanted = new Map(
      wantedOn(key, context).map((attachable) => [attachmentName(attachable.volume, key), attachable]),
    );
    if (wanted.size + attachments.length === 0) return undefined;
    for (const [name, { volume }] of wanted) {
      if (attachments.some((attachment) => attachment.metadata.name === name) || !node) continue;
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
    const { ready, waitMs } = detachable(leaving, node, context);
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

/** Those that may go now: the node does not use them any more, or had long enough to stop. */
function detachable(
  leaving: readonly Attachment[],
  node: Shared<Node> | undefined,
  context: ControllerContext,
): { ready: Attachment[]; waitMs: number | undefined } {
  const since = waitingSince.get(context)!;
  const now = context.clock.monotonic();
  const ready: Attachment[] = [];
  let waitMs: number | undefined;
  const lost = node === undefined || (node.spec.taints ?? []).some(({ key }) => key === outOfServiceTaint);
  for (const attachment of leaving) {
    const name = volumeOf(attachment, context);
    const used = !lost && name !== undefined && (node.status.volumesInUse ?? []).includes(name);
    const start = since.get(attachment.metadata.uid) ?? now;
    const left = start + maxUnmountWaitMs - now;
    if (!used || left <= 0) {
      since.delete(attachment.metadata.uid);
      ready.push(attachment);
      continue;
    }
    since.set(attachment.metadata.uid, start);
    waitMs = Math.min(waitMs ?? left, left);
  }
  return { ready, waitMs };
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
