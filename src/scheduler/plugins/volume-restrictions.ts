import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { type CycleState, defineSchedulerPlugin, skip, unschedulable } from '../framework.ts';
import { claimNames } from '../volumes/claims.ts';
import { disksClash, hasDisks } from '../volumes/disks.ts';

const name = 'VolumeRestrictions';

interface State {
  /** Claims of the pod that one pod alone may use, as namespace/name. */
  readonly exclusive: ReadonlySet<string>;
  /** How many other pods use them. */
  users: number;
}

/** Keeps a second pod from a claim with ReadWriteOncePod (KEP-2485); a pod of higher priority may take it over. */
export const volumeRestrictions = defineSchedulerPlugin({
  name,
  order: 90,
  enabledByDefault: true,
  events: [
    { kind: 'Pod', actions: ['delete'] },
    { kind: 'PersistentVolumeClaim', actions: ['add', 'update'] },
    { kind: 'Node', actions: ['add'] },
  ],
  create({ informers, cache }) {
    const claims = informers.informer(PersistentVolumeClaim);
    const uses = ({ exclusive }: State, pod: Shared<Pod>) =>
      claimNames(pod).filter((claim) => exclusive.has(`${pod.metadata.namespace}/${claim}`)).length;
    const stateOf = (cycle: CycleState) => cycle.get(name) as State;
    return {
      helps(event, pod) {
        if (event.kind === 'Node') return true;
        if (event.object.metadata.namespace !== pod.metadata.namespace) {
          return event.kind === 'Pod' && hasDisks(pod) && hasDisks(event.object as unknown as Shared<Pod>);
        }
        if (event.kind === 'PersistentVolumeClaim') return claimNames(pod).includes(event.object.metadata.name);
        const gone = event.object as unknown as Shared<Pod>;
        const freed = new Set(claimNames(gone));
        return claimNames(pod).some((claim) => freed.has(claim)) || (hasDisks(pod) && hasDisks(gone));
      },
      preFilter(cycle, pod) {
        const exclusive = new Set<string>();
        for (const claim of claimNames(pod))
          if (claims.get(pod.metadata.namespace, claim)?.spec.accessModes?.includes('ReadWriteOncePod'))
            exclusive.add(`${pod.metadata.namespace}/${claim}`);
        if (exclusive.size === 0 && !hasDisks(pod)) return skip(name);
        const state: State = { exclusive, users: 0 };
        if (exclusive.size > 0)
          for (const node of cache.nodes())
            for (const info of node.pods.values())
              if (info.pod.spec.volumes?.length) state.users += uses(state, info.pod);
        cycle.set(name, state);
        return undefined;
      },
      addPod(cycle, _pod, added) {
        stateOf(cycle).users += uses(stateOf(cycle), added);
      },
      removePod(cycle, _pod, removed) {
        stateOf(cycle).users -= uses(stateOf(cycle), removed);
      },
      filter(cycle, pod, node) {
        if (hasDisks(pod))
          for (const { pod: other } of node.pods.values())
            if (hasDisks(other) && disksClash(pod, other)) return unschedulable(name, 'node(s) had no available disk');
        if (stateOf(cycle).users === 0) return undefined;
        const why = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';
        return unschedulable(name, why);
      },
    };
  },
});
