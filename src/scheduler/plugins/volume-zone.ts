import { PersistentVolume } from '../../api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { deepEqual } from '../../base/deep.ts';
import { defineSchedulerPlugin, skip, unresolvable } from '../framework.ts';
import { claimNames, isClaimOf } from '../volumes/claims.ts';

const name = 'VolumeZone';
const topologyLabels = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
];
/** A volume in several zones names them with this between. */
const separator = '__';

interface Topology {
  readonly key: string;
  readonly values: ReadonlySet<string>;
}

/** Keeps pods in the zones of their volumes, by the volumes' labels. */
export const volumeZone = defineSchedulerPlugin({
  name,
  order: 96,
  enabledByDefault: true,
  events: [
    { kind: 'PersistentVolumeClaim', actions: ['add', 'update'] },
    { kind: 'PersistentVolume', actions: ['add', 'update'] },
    { kind: 'StorageClass', actions: ['add'] },
    { kind: 'Node', actions: ['add', 'update'] },
  ],
  create({ informers }) {
    const claims = informers.informer(PersistentVolumeClaim);
    const volumes = informers.informer(PersistentVolume);
    return {
      helps(event, pod) {
        if (event.kind === 'PersistentVolumeClaim') return isClaimOf(pod, event.object);
        return event.action === 'add' || !deepEqual(event.object.metadata.labels, event.old?.metadata.labels);
      },
      preFilter(state, pod) {
        const topologies: Topology[] = [];
        for (const claimName of claimNames(pod)) {
          const volumeName = claims.get(pod.metadata.namespace, claimName)?.spec.volumeName;
          const labels = volumeName ? volumes.get(undefined, volumeName)?.metadata.labels : undefined;
          for (const key of topologyLabels) {
            const value = labels?.[key];
            if (value !== undefined) topologies.push({ key, values: new Set(value.split(separator)) });
          }
        }
        if (topologies.length === 0) return skip(name);
        state.set(name, topologies);
        return undefined;
      },
      filter(state, _pod, { node }) {
        for (const { key, values } of state.get(name) as readonly Topology[]) {
          const value =
            node.metadata.labels?.[key] ?? node.metadata.labels?.[key.replace('failure-domain.beta', 'topology')];
          if (value === undefined || !values.has(value))
            return unresolvable(name, 'node(s) had no available volume zone');
        }
        return undefined;
      },
    };
  },
});
