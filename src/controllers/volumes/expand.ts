import { PersistentVolume } from '../../api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import { defineController } from '../../client/reconcile.ts';
import { allow, recordEvents } from '../rbac-rules.ts';

/** Says who is to enlarge a volume whose claim asks for more than it has: the growing itself is the driver's part. */
export const expandController = defineController<PersistentVolumeClaim>({
  name: 'expand-controller',
  for: PersistentVolumeClaim,
  reads: [PersistentVolume],
  rbac: [
    allow('get list watch update patch', '', 'persistentvolumes'),
    allow('update patch', '', 'persistentvolumeclaims/status'),
    allow('get list watch', '', 'persistentvolumeclaims'),
    recordEvents,
  ],
  async reconcile(key, { lister, events }) {
    const claim = lister(PersistentVolumeClaim).byKey(key);
    if (claim?.status.phase !== 'Bound') return undefined;
    const wanted = Quantity.tryParse(claim.spec.resources.requests?.['storage']);
    const actual = Quantity.tryParse(claim.status.capacity?.['storage']);
    if (!wanted || !actual || wanted.cmp(actual) <= 0) return undefined;
    const resizing = claim.status.conditions?.some(
      ({ type }) => type === 'Resizing' || type === 'FileSystemResizePending',
    );
    if (resizing) return undefined;
    events.event(claim, 'Normal', 'ExternalExpanding', 'waiting for an external controller to expand this PVC');
    return undefined;
  },
});
