import { PersistentVolume } from '../../api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import type { Shared } from '../../api/kind.ts';
import { labelSelectorMatcher } from '../../api/machinery/selectors.ts';
import { CSIDriver } from '../../api/storage/csi-driver.ts';
import { CSIStorageCapacity } from '../../api/storage/csi-storage-capacity.ts';
import { StorageClass } from '../../api/storage/storage-class.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import { defineSchedulerPlugin, skip, unresolvable, unschedulable } from '../framework.ts';
import { termMatches } from '../node-selector.ts';
import { quantityNumber } from '../resources.ts';
import { claimNames, isBound, isClaimOf, requestedStorage } from '../volumes/claims.ts';
import { nodeMayUse, smallestMatch } from '../volumes/static-match.ts';

const name = 'VolumeBinding';
const selectedNode = 'volume.kubernetes.io/selected-node';
const noProvisioner = 'kubernetes.io/no-provisioner';
const pollMs = 1000;

/** How a node would serve the pod's unbound claims. */
interface Plan {
  readonly bindings: readonly { readonly claim: Shared<PersistentVolumeClaim>; readonly volume: string }[];
  readonly toProvision: readonly Shared<PersistentVolumeClaim>[];
}

interface State {
  readonly bound: readonly Shared<PersistentVolumeClaim>[];
  readonly waiting: readonly Shared<PersistentVolumeClaim>[];
  readonly plans: Map<string, Plan>;
  startedMs: number | undefined;
}

/** Sees that a pod's claims can be served on its node, and has those bound that waited for it (WaitForFirstConsumer). */
export const volumeBinding = defineSchedulerPlugin({
  name,
  order: 94,
  enabledByDefault: true,
  events: [
    { kind: 'PersistentVolumeClaim', actions: ['add', 'update'] },
    { kind: 'PersistentVolume', actions: ['add', 'update'] },
    { kind: 'StorageClass', actions: ['add', 'update'] },
    { kind: 'CSIStorageCapacity', actions: ['add', 'update'] },
    { kind: 'CSIDriver', actions: ['update'] },
    { kind: 'CSINode', actions: ['add', 'update'] },
    { kind: 'Node', actions: ['add', 'update'] },
  ],
  create({ informers, client, clock, args }) {
    const claims = informers.informer(PersistentVolumeClaim);
    const volumes = informers.informer(PersistentVolume);
    const classes = informers.informer(StorageClass);
    const drivers = informers.informer(CSIDriver);
    const capacities = informers.informer(CSIStorageCapacity);
    const timeoutMs = ((args['bindTimeoutSeconds'] as number | undefined) ?? 600) * 1000;
    /** Volumes promised to claims whose binding is under way, with the claim's UID. */
    const assumed = new Map<string, string>();

    const takenFor = (claim: Shared<PersistentVolumeClaim>, also: ReadonlySet<string>) => {
      const taken = new Set(also);
      for (const [volume, uid] of assumed) if (uid !== claim.metadata.uid) taken.add(volume);
      return taken;
    };

    /** Whether a driver that reports its capacity has room for a claim at a node (KEP-1472). */
    function hasRoom(
      claim: Shared<PersistentVolumeClaim>,
      storageClass: Shared<StorageClass>,
      node: Shared<Node>,
    ): boolean {
      const driver = drivers.get(undefined, storageClass.provisioner);
      if (!driver?.spec.storageCapacity) return true;
      const wanted = requestedStorage(claim);
      return capacities.list().some((capacity) => {
        const size = capacity.maximumVolumeSize ?? capacity.capacity;
        return (
          capacity.storageClassName === storageClass.metadata.name &&
          size !== undefined &&
          quantityNumber('storage', String(size)) >= wanted &&
          capacity.nodeTopology !== undefined &&
          labelSelectorMatcher(capacity.nodeTopology).matches(node.metadata.labels ?? {})
        );
      });
    }

    return {
      helps(event, pod) {
        const { kind, object, old } = event;
        if (kind === 'PersistentVolumeClaim') return isClaimOf(pod, object);
        if (kind === 'CSIDriver') {
          const reports = (driver: unknown) => (driver as CSIDriver | undefined)?.spec.storageCapacity === true;
          return reports(old) && !reports(object);
        }
        if (kind === 'Node') return !old || !deepEqual(object.metadata.labels, old.metadata.labels);
        return true;
      },
      preFilter(cycle, pod) {
        const names = claimNames(pod);
        if (names.length === 0) return skip(name);
        const bound: Shared<PersistentVolumeClaim>[] = [];
        const waiting: Shared<PersistentVolumeClaim>[] = [];
        for (const claimName of names) {
          const claim = claims.get(pod.metadata.namespace, claimName);
          const isEphemeral = pod.spec.volumes?.some(
            (v) => v.ephemeral && claimName === `${pod.metadata.name}-${v.name}`,
          );
          if (!claim) {
            const why = isEphemeral
              ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${claimName}"`
              : `persistentvolumeclaim "${claimName}" not found`;
            return unresolvable(name, why);
          }
          if (isEphemeral && !claim.metadata.ownerReferences?.some((o) => o.controller && o.uid === pod.metadata.uid)) {
            const { namespace } = pod.metadata;
            const why = `PVC ${namespace}/${claimName} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`;
            return unresolvable(name, why);
          }
          if (claim.metadata.deletionTimestamp)
            return unresolvable(name, `persistentvolumeclaim "${claimName}" is being deleted`);
          if (claim.status.phase === 'Lost')
            return unresolvable(
              name,
              `persistentvolumeclaim "${claimName}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ''}"`,
            );
          if (isBound(claim)) {
            bound.push(claim);
            continue;
          }
          const storageClass = classes.get(undefined, claim.spec.storageClassName ?? '');
          const waits = storageClass?.volumeBindingMode === 'WaitForFirstConsumer' && !claim.spec.volumeName;
          if (!waits) return unresolvable(name, 'pod has unbound immediate PersistentVolumeClaims');
          waiting.push(claim);
        }
        const state: State = { bound, waiting, plans: new Map(), startedMs: undefined };
        cycle.set(name, state);
        return undefined;
      },
      filter(cycle, _pod, { node, name: nodeName }) {
        const state = cycle.get(name) as State;
        for (const claim of state.bound) {
          const volume = volumes.get(undefined, claim.spec.volumeName!);
          if (!volume)
            return unresolvable(name, 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)');
          if (!nodeMayUse(volume, node))
            return unresolvable(name, "node(s) didn't match PersistentVolume's node affinity");
        }
        const bindings: { claim: Shared<PersistentVolumeClaim>; volume: string }[] = [];
        const toProvision: Shared<PersistentVolumeClaim>[] = [];
        const taken = new Set<string>();
        for (const claim of state.waiting) {
          const chosen = claim.metadata.annotations?.[selectedNode];
          if (chosen) {
            if (chosen !== nodeName)
              return unresolvable(name, "node(s) didn't find available persistent volumes to bind");
            toProvision.push(claim);
            continue;
          }
          const volume = smallestMatch(claim, node, { volumes: volumes.list(), taken: takenFor(claim, taken) });
          if (volume) {
            taken.add(volume.metadata.name);
            bindings.push({ claim, volume: volume.metadata.name });
            continue;
          }
          const storageClass = classes.get(undefined, claim.spec.storageClassName ?? '');
          const allowed = storageClass?.allowedTopologies;
          if (!storageClass?.provisioner || storageClass.provisioner === noProvisioner)
            return unresolvable(name, "node(s) didn't find available persistent volumes to bind");
          const here =
            !allowed?.length ||
            allowed.some((term) =>
              termMatches(
                {
                  matchExpressions: (term.matchLabelExpressions ?? []).map((e) => ({
                    key: e.key,
                    operator: 'In',
                    values: [...e.values],
                  })),
                },
                node,
              ),
            );
          if (!here) return unresolvable(name, "node(s) didn't find available persistent volumes to bind");
          if (!hasRoom(claim, storageClass, node))
            return unschedulable(name, 'node(s) did not have enough free storage');
          toProvision.push(claim);
        }
        state.plans.set(nodeName, { bindings, toProvision });
        return undefined;
      },
      reserve(cycle, _pod, nodeName) {
        const plan = (cycle.get(name) as State | undefined)?.plans.get(nodeName);
        for (const { claim, volume } of plan?.bindings ?? []) assumed.set(volume, claim.metadata.uid);
        return undefined;
      },
      unreserve(cycle, _pod, nodeName) {
        const plan = (cycle.get(name) as State | undefined)?.plans.get(nodeName);
        for (const { volume } of plan?.bindings ?? []) assumed.delete(volume);
      },
      async preBind(cycle, _pod, nodeName) {
        const state = cycle.get(name) as State | undefined;
        const plan = state?.plans.get(nodeName);
        if (!state || !plan || plan.bindings.length + plan.toProvision.length === 0) return undefined;
        if (state.startedMs === undefined) {
          state.startedMs = clock.monotonic();
          for (const { claim, volume } of plan.bindings) {
            const { namespace, name: claimName, uid, resourceVersion } = claim.metadata;
            const claimRef = {
              kind: 'PersistentVolumeClaim',
              apiVersion: 'v1',
              namespace,
              name: claimName,
              uid,
              resourceVersion,
            };
            await client.patch(
              PersistentVolume,
              { name: volume },
              {
                metadata: { annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' } },
                spec: { claimRef },
              },
              { type: 'merge' },
            );
          }
          for (const claim of plan.toProvision)
            if (claim.metadata.annotations?.[selectedNode] !== nodeName)
              await client.patch(
                PersistentVolumeClaim,
                claim.metadata,
                { metadata: { annotations: { [selectedNode]: nodeName } } },
                { type: 'merge' },
              );
        }
        const open = state.waiting.filter(({ metadata }) => {
          const now = claims.get(metadata.namespace, metadata.name);
          return !now || !isBound(now);
        });
        if (open.length === 0) {
          for (const { volume } of plan.bindings) assumed.delete(volume);
          return undefined;
        }
        const provisioning = plan.toProvision.length > 0;
        const dropped = open.some(({ metadata }) => {
          const now = claims.get(metadata.namespace, metadata.name);
          // The provisioner takes the choice back when it cannot serve the node: another one is looked for.
          return (
            !now ||
            (provisioning &&
              plan.toProvision.some((c) => c.metadata.uid === metadata.uid) &&
              clock.monotonic() - state.startedMs! > pollMs &&
              now.metadata.annotations?.[selectedNode] === undefined)
          );
        });
        if (dropped) return unschedulable(name, 'provisioning failed: the selected node was taken back');
        if (clock.monotonic() - state.startedMs > timeoutMs)
          return unschedulable(name, 'binding volumes: context deadline exceeded');
        return { code: 'Wait', plugin: name, reasons: ['waiting for volumes to be bound'], timeoutMs: pollMs };
      },
    };
  },
});
