/** The devices that drivers offer, by the nodes that can reach them. */
import type { Shared } from '../../api/kind.ts';
import type { Quantity } from '../../api/machinery/quantity.ts';
import type { Node, NodeSelector } from '../../api/types/core-v1.ts';
import type { Device, ResourceSlice } from '../../api/types/resource-v1.ts';
import { nodeSelectorMatches } from '../node-selector.ts';
import { quantityOf } from './quantities.ts';

/** Counters of a pool's counter sets, by set and name. */
export type CounterSets = ReadonlyMap<string, ReadonlyMap<string, Quantity>>;

/** A driver's pool as a node sees it. */
export interface Pool {
  readonly driver: string;
  readonly name: string;
  /** The driver is about to publish the rest. */
  readonly incomplete: boolean;
  /** Why its devices cannot be told apart or counted. */
  readonly invalid: string | undefined;
  /** Slices with devices that the node may reach; none of an incomplete or invalid pool. */
  readonly slices: readonly Shared<ResourceSlice>[];
  readonly counterSets: CounterSets;
  /** The slices of the newest generation, for other nodes too. */
  readonly allSlices: readonly Shared<ResourceSlice>[];
}

type PoolView = Omit<Pool, 'slices'> & { readonly bindsLate: boolean };

interface PoolSlices {
  readonly driver: string;
  readonly name: string;
  readonly slices: Map<string, Shared<ResourceSlice>>;
  /** Nodes in whose list the pool is. */
  readonly nodeNames: Set<string>;
  view: PoolView | undefined;
}

/** Whether a node is among those that a slice or a device is for. */
export function reaches(
  where: { readonly nodeName?: string; readonly allNodes?: boolean; readonly nodeSelector?: Shared<NodeSelector> },
  node: Shared<Node>,
): boolean {
  if (where.nodeName) return where.nodeName === node.metadata.name;
  if (where.allNodes) return true;
  return where.nodeSelector !== undefined && nodeSelectorMatches(where.nodeSelector, node);
}

/** Slices by pool, and pools by node, kept current. */
export class SliceIndex {
  readonly #pools = new Map<string, PoolSlices>();
  readonly #ofNode = new Map<string, Set<PoolSlices>>();
  /** Pools with slices that are not one node's. */
  readonly #anywhere = new Set<PoolSlices>();

  set(slice: Shared<ResourceSlice>): void {
    const { driver, pool, nodeName } = slice.spec;
    const key = poolKey(driver, pool.name);
    let known = this.#pools.get(key);
    if (!known) {
      known = { driver, name: pool.name, slices: new Map(), nodeNames: new Set(), view: undefined };
      this.#pools.set(key, known);
    }
    known.slices.set(slice.metadata.name, slice);
    known.view = undefined;
    if (!nodeName) this.#anywhere.add(known);
    else if (!known.nodeNames.has(nodeName)) {
      known.nodeNames.add(nodeName);
      const pools = this.#ofNode.get(nodeName);
      if (pools) pools.add(known);
      else this.#ofNode.set(nodeName, new Set([known]));
    }
  }

  remove(slice: Shared<ResourceSlice>): void {
    const key = poolKey(slice.spec.driver, slice.spec.pool.name);
    const known = this.#pools.get(key);
    if (!known?.slices.delete(slice.metadata.name)) return;
    known.view = undefined;
    if (known.slices.size > 0) return;
    this.#pools.delete(key);
    this.#anywhere.delete(known);
    for (const nodeName of known.nodeNames) {
      const pools = this.#ofNode.get(nodeName);
      pools?.delete(known);
      if (pools?.size === 0) this.#ofNode.delete(nodeName);
    }
  }

  /** The pools that a node reaches devices of, by driver and name; those whose devices bind late come last. */
  poolsOf(node: Shared<Node>): Pool[] {
    const found: { pool: Pool; bindsLate: boolean }[] = [];
    const seen = new Set<PoolSlices>();
    for (const pools of [this.#ofNode.get(node.metadata.name) ?? [], this.#anywhere]) {
      for (const known of pools) {
        if (seen.has(known)) continue;
        seen.add(known);
        known.view ??= viewOf(known);
        const { view } = known;
        const slices = view.allSlices.filter((slice) => offersDevices(slice, node));
        if (slices.length === 0) continue;
        const usable = !view.incomplete && !view.invalid;
        found.push({ pool: { ...view, slices: usable ? slices : [] }, bindsLate: view.bindsLate });
      }
    }
    return found
      .sort(
        (a, b) =>
          Number(a.bindsLate) - Number(b.bindsLate) ||
          compare(a.pool.driver, b.pool.driver) ||
          compare(a.pool.name, b.pool.name),
      )
      .map(({ pool }) => pool);
  }
}

const poolKey = (driver: string, name: string) => `${driver}/${name}`;
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function offersDevices({ spec }: Shared<ResourceSlice>, node: Shared<Node>): boolean {
  if (spec.sharedCounters?.length || !spec.devices?.length) return false;
  return spec.perDeviceNodeSelection ? spec.devices.some((device) => reaches(device, node)) : reaches(spec, node);
}

/** The newest generation of a pool: older slices are about to be deleted by the driver. */
function viewOf({ driver, name, slices }: PoolSlices): PoolView {
  let generation = Number.NEGATIVE_INFINITY;
  for (const { spec } of slices.values()) generation = Math.max(generation, spec.pool.generation);
  const allSlices = [...slices.values()]
    .filter(({ spec }) => spec.pool.generation === generation)
    .sort((a, b) => compare(a.metadata.name, b.metadata.name));
  const counterSets = new Map<string, ReadonlyMap<string, Quantity>>();
  let invalid: string | undefined;
  for (const { spec } of allSlices)
    for (const { name: set, counters } of spec.sharedCounters ?? []) {
      if (counterSets.has(set)) invalid ??= `duplicate counter set name ${set}`;
      counterSets.set(set, new Map(Object.entries(counters ?? {}).map(([one, { value }]) => [one, quantityOf(value)])));
    }
  const names = new Set<string>();
  let bindsLate = false;
  for (const device of allSlices.flatMap(({ spec }) => spec.devices ?? [])) {
    if (names.has(device.name)) invalid ??= `duplicate device name ${device.name}`;
    names.add(device.name);
    invalid ??= missingCounter(device, counterSets);
    bindsLate ||= Boolean(device.bindingConditions?.length);
  }
  return {
    driver,
    name,
    incomplete: allSlices.length !== allSlices[0]!.spec.pool.resourceSliceCount,
    invalid,
    counterSets,
    allSlices,
    bindsLate,
  };
}

function missingCounter(device: Shared<Device>, counterSets: CounterSets): string | undefined {
  for (const { counterSet, counters } of device.consumesCounters ?? []) {
    const set = counterSets.get(counterSet);
    if (!set) return `counter set ${counterSet} not found`;
    const missing = Object.keys(counters ?? {}).find((counter) => !set.has(counter));
    if (missing !== undefined) return `counter ${missing} not found in counter set ${counterSet}`;
  }
  return undefined;
}
