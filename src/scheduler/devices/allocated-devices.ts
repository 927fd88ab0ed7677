/** The devices that claims hold. */
import type { Shared } from '../../api/kind.ts';
import type { AllocationResult } from '../../api/types/resource-v1.ts';
import type { Capacities } from './capacity.ts';
import { quantityOf } from './quantities.ts';

/** Identifies a device among all drivers' devices. */
export const deviceKey = (driver: string, pool: string, device: string): string => `${driver}/${pool}/${device}`;

/** Sums over allocations: devices that are one claim's, and shares of devices that several claims use. */
export class AllocatedDevices {
  readonly #whole = new Map<string, number>();
  readonly #shares = new Map<string, Map<string, Capacities>>();

  add(allocation: Shared<AllocationResult>): void {
    for (const result of allocation.devices.results ?? []) {
      // An administrator's access takes nothing from others.
      if (result.adminAccess) continue;
      const key = deviceKey(result.driver, result.pool, result.device);
      if (result.shareID === undefined) {
        this.#whole.set(key, (this.#whole.get(key) ?? 0) + 1);
        continue;
      }
      const consumed = Object.entries(result.consumedCapacity ?? {});
      const share: Capacities = new Map(consumed.map(([name, amount]) => [name, quantityOf(amount)]));
      const shares = this.#shares.get(key);
      if (shares) shares.set(result.shareID, share);
      else this.#shares.set(key, new Map([[result.shareID, share]]));
    }
  }

  remove(allocation: Shared<AllocationResult>): void {
    for (const result of allocation.devices.results ?? []) {
      if (result.adminAccess) continue;
      const key = deviceKey(result.driver, result.pool, result.device);
      if (result.shareID === undefined) {
        const left = (this.#whole.get(key) ?? 0) - 1;
        if (left > 0) this.#whole.set(key, left);
        else this.#whole.delete(key);
        continue;
      }
      const shares = this.#shares.get(key);
      shares?.delete(result.shareID);
      if (shares?.size === 0) this.#shares.delete(key);
    }
  }

  /** Whether a claim holds the whole device. */
  isTaken(key: string): boolean {
    return this.#whole.has(key);
  }

  /** What the claims that share a device have taken of it. */
  sharesOf(key: string): readonly Capacities[] {
    const shares = this.#shares.get(key);
    return shares ? [...shares.values()] : [];
  }
}
