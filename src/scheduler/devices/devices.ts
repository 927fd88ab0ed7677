/** What the scheduler knows of devices (dynamic resource allocation): offers, classes and claims, one for all profiles. */
import type { Shared } from '../../api/kind.ts';
import { DeviceClass } from '../../api/resource/device-class.ts';
import { ResourceSlice } from '../../api/resource/resource-slice.ts';
import type { InformerSet } from '../../client/informer.ts';
import { ClaimTracker } from './claim-tracker.ts';
import { SliceIndex } from './slice-index.ts';

/** Classes without a resource name of their own can be asked for by this one followed by the class's name (KEP-5004). */
const implicitPrefix = 'deviceclass.resource.kubernetes.io/';

export interface Devices {
  readonly claims: ClaimTracker;
  readonly slices: SliceIndex;
  classOf(name: string): Shared<DeviceClass> | undefined;
  /** The class whose devices serve requests for an extended resource, where a node has no such resource itself. */
  classForResource(resource: string): Shared<DeviceClass> | undefined;
  stop(): void;
}

/** Follows the API's objects. */
export function watchDevices(informers: InformerSet): Devices {
  const claims = new ClaimTracker(informers);
  const slices = new SliceIndex();
  const classes = informers.informer(DeviceClass);
  let byResource: Map<string, Shared<DeviceClass>> | undefined;
  const forget = () => {
    byResource = undefined;
  };
  const removers = [
    informers.informer(ResourceSlice).addHandler({
      onAdd: (slice) => slices.set(slice),
      onUpdate: (slice) => slices.set(slice),
      onDelete: (slice) => slices.remove(slice),
    }),
    classes.addHandler({ onAdd: forget, onUpdate: forget, onDelete: forget }),
  ];
  const classOf = (name: string) => classes.get(undefined, name);
  return {
    claims,
    slices,
    classOf,
    classForResource(resource) {
      if (resource.startsWith(implicitPrefix)) return classOf(resource.slice(implicitPrefix.length));
      if (!byResource) {
        byResource = new Map();
        // Of several classes for one resource the youngest serves, of equally old ones the first by name.
        for (const one of classes.list().toSorted(youngestLast))
          if (one.spec.extendedResourceName) byResource.set(one.spec.extendedResourceName, one);
      }
      return byResource.get(resource);
    },
    stop() {
      claims.stop();
      for (const remove of removers) remove();
    },
  };
}

function youngestLast({ metadata: a }: Shared<DeviceClass>, { metadata: b }: Shared<DeviceClass>): number {
  if (a.creationTimestamp !== b.creationTimestamp) return a.creationTimestamp < b.creationTimestamp ? -1 : 1;
  return a.name < b.name ? 1 : -1;
}
