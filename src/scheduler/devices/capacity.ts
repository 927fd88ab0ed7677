/** Shares of a device that several claims may use at once: how much a request takes (KEP-5075). */
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import type { CapacityRequestPolicyRange, Device, DeviceCapacity } from '../../api/types/resource-v1.ts';
import { quantityOf } from './quantities.ts';

/** By the name that the device gives the capacity. */
export type Capacities = ReadonlyMap<string, Quantity>;

/**
 * What a request takes of each of a device's capacities, rounded up to what the device allows. undefined when the device
 * lacks a capacity that is asked for, or its policy allows no such amount.
 */
export function consumption(
  requested: Readonly<Record<string, string>> | undefined,
  driver: string,
  device: Shared<Device>,
): Capacities | undefined {
  const offered = device.capacity ?? {};
  const wanted = new Map<string, Quantity>();
  for (const [name, amount] of Object.entries(requested ?? {})) {
    const own = nameAt(name, driver, offered);
    if (own === undefined) return undefined;
    wanted.set(own, quantityOf(amount));
  }
  const consumed = new Map<string, Quantity>();
  for (const [name, capacity] of Object.entries(offered)) {
    const amount = roundUp(wanted.get(name), capacity);
    if (!isAllowed(amount, capacity)) return undefined;
    consumed.set(name, amount);
  }
  return consumed;
}

/** A capacity's name on a device: with or without the driver's domain, which is implied. */
function nameAt(name: string, driver: string, offered: Readonly<Record<string, unknown>>): string | undefined {
  const other = name.startsWith(`${driver}/`) ? name.slice(driver.length + 1) : `${driver}/${name}`;
  return [name, other].find((candidate) => Object.hasOwn(offered, candidate));
}

function roundUp(wanted: Quantity | undefined, { value, requestPolicy }: Shared<DeviceCapacity>): Quantity {
  if (!wanted) return quantityOf(requestPolicy?.default ?? value);
  const { validRange, validValues } = requestPolicy ?? {};
  if (validRange?.min !== undefined) return roundUpToRange(wanted, validRange);
  const enough = validValues?.map(quantityOf).filter((valid) => valid.cmp(wanted) >= 0);
  return enough?.toSorted((a, b) => a.cmp(b))[0] ?? wanted;
}

function roundUpToRange(wanted: Quantity, { min, step }: Shared<CapacityRequestPolicyRange>): Quantity {
  const least = quantityOf(min!);
  if (wanted.cmp(least) < 0) return least;
  if (step === undefined) return wanted;
  const one = quantityOf(step).value();
  const steps = Math.ceil((wanted.value() - least.value()) / one);
  const rounded = least.value() + one * steps;
  return rounded === wanted.value() ? wanted : Quantity.of(rounded);
}

function isAllowed(amount: Quantity, { requestPolicy }: Shared<DeviceCapacity>): boolean {
  const { validRange, validValues } = requestPolicy ?? {};
  if (validRange) {
    const { min, max, step } = validRange;
    if (min !== undefined && amount.cmp(quantityOf(min)) < 0) return false;
    if (max !== undefined && amount.cmp(quantityOf(max)) > 0) return false;
    if (step === undefined) return true;
    return (amount.value() - (min === undefined ? 0 : quantityOf(min).value())) % quantityOf(step).value() === 0;
  }
  return !validValues?.length || validValues.some((valid) => quantityOf(valid).cmp(amount) === 0);
}

/** Whether a device has room for one more share beside what is taken of it already. */
export function hasRoomFor(consumed: Capacities, device: Shared<Device>, taken: readonly Capacities[]): boolean {
  for (const [name, { value }] of Object.entries(device.capacity ?? {})) {
    let sum = consumed.get(name)!;
    for (const other of taken) {
      const part = other.get(name);
      if (part) sum = sum.add(part);
    }
    if (sum.cmp(quantityOf(value)) > 0) return false;
  }
  return true;
}
