/** Counters that a pool's devices draw on together: partitions of one device exclude one another by them (KEP-4815). */
import type { Shared } from '../../api/kind.ts';
import type { Quantity } from '../../api/machinery/quantity.ts';
import type { Device } from '../../api/types/resource-v1.ts';
import { type AllocatedDevices, deviceKey } from './allocated-devices.ts';
import { quantityOf } from './quantities.ts';
import type { Pool } from './slice-index.ts';

/** What is left of a pool's counters beside the devices that are allocated; devices are tried and put back. */
export class PoolCounters {
  readonly #left = new Map<string, Map<string, Quantity>>();

  constructor(pool: Pool, allocated: AllocatedDevices) {
    for (const [set, counters] of pool.counterSets) this.#left.set(set, new Map(counters));
    for (const { spec } of pool.allSlices)
      for (const device of spec.devices ?? []) {
        const key = deviceKey(pool.driver, pool.name, device.name);
        if (allocated.isTaken(key) || allocated.sharesOf(key).length > 0) this.#change(device, (a, b) => a.sub(b));
      }
  }

  /** Takes what a device consumes, if there is enough of everything. */
  take(device: Shared<Device>): boolean {
    this.#change(device, (left, consumed) => left.sub(consumed));
    const enough = (device.consumesCounters ?? []).every(({ counterSet, counters }) =>
      Object.keys(counters ?? {}).every((name) => this.#left.get(counterSet)!.get(name)!.sign() >= 0),
    );
    if (!enough) this.putBack(device);
    return enough;
  }

  putBack(device: Shared<Device>): void {
    this.#change(device, (left, consumed) => left.add(consumed));
  }

  #change(device: Shared<Device>, by: (left: Quantity, consumed: Quantity) => Quantity): void {
    for (const { counterSet, counters } of device.consumesCounters ?? []) {
      const left = this.#left.get(counterSet);
      for (const [name, { value }] of Object.entries(counters ?? {})) {
        const before = left?.get(name);
        if (before) left!.set(name, by(before, quantityOf(value)));
      }
    }
  }
}
