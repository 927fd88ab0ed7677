import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { Pod } from '../../api/core/pod.ts';
import { isAlreadyExists } from '../../api/machinery/status.ts';
import type { Draft } from '../../client/client.ts';
import { defineController, keyOf, watches } from '../../client/reconcile.ts';
import { controllerOf, ownerReference } from '../ownership.ts';
import { isNamespaceTerminating } from '../pods/control.ts';
import { allow, recordEvents } from '../rbac-rules.ts';

/** Makes the claims of generic ephemeral volumes, which live as long as their pod. */
export const ephemeralVolumeController = defineController({
  name: 'ephemeral-volume-controller',
  reads: [Pod],
  watches: [
    watches<Pod>({
      kind: Pod,
      changed: () => false,
      keys: (pod) => (pod.spec.volumes?.some((volume) => volume.ephemeral) ? [keyOf(pod)] : []),
    }),
    watches<PersistentVolumeClaim>({
      kind: PersistentVolumeClaim,
      changed: () => false,
      keys(claim) {
        const owner = controllerOf(claim);
        return owner?.kind === 'Pod' ? [`${claim.metadata.namespace}/${owner.name}`] : [];
      },
    }),
  ],
  rbac: [
    allow('get list watch', '', 'pods'),
    allow('update', '', 'pods/finalizers'),
    allow('get list watch create', '', 'persistentvolumeclaims'),
    recordEvents,
  ],
  async reconcile(key, { client, lister, events }) {
    const pod = lister(Pod).byKey(key);
    if (!pod || pod.metadata.deletionTimestamp) return undefined;
    const { namespace } = pod.metadata;
    for (const { name: volume, ephemeral } of pod.spec.volumes ?? []) {
      const template = ephemeral?.volumeClaimTemplate;
      if (!template) continue;
      const name = `${pod.metadata.name}-${volume}`;
      const found = lister(PersistentVolumeClaim).get(namespace, name);
      if (found) {
        if (controllerOf(found)?.uid === pod.metadata.uid) continue;
        throw new Error(`PVC ${namespace}/${name} was not created for pod ${key} (pod is not owner)`);
      }
      const { labels, annotations } = template.metadata;
      const draft: Draft<PersistentVolumeClaim> = {
        metadata: {
          namespace,
          name,
          ...(labels ? { labels: { ...labels } } : {}),
          ...(annotations ? { annotations: { ...annotations } } : {}),
          ownerReferences: [ownerReference(pod, Pod)],
        },
        spec: template.spec as Draft<PersistentVolumeClaim>['spec'] & object,
      };
      try {
        await client.create(PersistentVolumeClaim, draft);
      } catch (error) {
        if (isAlreadyExists(error) || isNamespaceTerminating(error)) continue;
        const message = `ephemeral volume ${volume}: create PVC ${name}: ${(error as Error).message}`;
        events.event(pod, 'Warning', 'FailedCreate', message);
        throw error;
      }
    }
    return undefined;
  },
});
