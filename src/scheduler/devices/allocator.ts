/**
 * The search for devices that serve claims on a node: claim by claim, request by request, device by device, the first
 * full answer wins (upstream's structured allocator, KEP-4381). Of devices for one request the order is of no account, so
 * that each set of them is tried once.
 */
import type { Shared } from '../../api/kind.ts';
import type { Node } from '../../api/types/core-v1.ts';
import type { AllocationResult, DeviceClass, ResourceClaim } from '../../api/types/resource-v1.ts';
import type { AllocatedDevices } from './allocated-devices.ts';
import { allocationResult, type ChosenDevice } from './allocation-result.ts';
import { hasRoomFor } from './capacity.ts';
import { type Constraint, compileConstraints } from './constraints.ts';
import { PoolCounters } from './counters.ts';
import { canBeMet } from './demand.ts';
import {
  type CandidateDevice,
  claimName,
  type DeviceWish,
  isRepelled,
  NodeAllocationError,
  wishesOf,
} from './device-request.ts';
import type { Pool } from './slice-index.ts';

/** Devices that one claim may be given (AllocationResultsMaxSize). */
const maxDevices = 32;
/** Steps between looks at the clock, and how many a search may take: all that waits is the whole scheduler. */
const stepsPerLook = 1024;
const maxSteps = 200_000;

export interface AllocationQuestion {
  readonly node: Shared<Node>;
  readonly claims: readonly Shared<ResourceClaim>[];
  readonly pools: readonly Pool[];
  readonly allocated: AllocatedDevices;
  readonly classOf: (name: string) => Shared<DeviceClass> | undefined;
  /** Whether the search has taken too long. */
  readonly isLate: () => boolean;
  readonly newShareId: () => string;
}

/**
 * An allocation for each claim, or undefined when the node has not the devices for all of them.
 * Throws NodeAllocationError when this node cannot be judged now, and an Error when a claim or its class is at fault.
 */
export function allocateDevices(question: AllocationQuestion): AllocationResult[] | undefined {
  return new Search(question).run();
}

/** `tooMany`: more devices than a claim can hold; trying others for the same request is of no use. */
type Outcome = 'found' | 'none' | 'tooMany';

interface ClaimPlan {
  readonly claim: Shared<ResourceClaim>;
  /** Alternatives by request. */
  readonly requests: readonly (readonly DeviceWish[])[];
  readonly constraints: readonly Constraint[];
  readonly chosen: ChosenDevice[];
}

class Search {
  readonly #question: AllocationQuestion;
  readonly #plans: readonly ClaimPlan[];
  /** Claims that were given a device in this search. */
  readonly #takenBy = new Map<string, Set<ClaimPlan>>();
  readonly #shared = new Map<string, ChosenDevice[]>();
  readonly #counters = new Map<Pool, PoolCounters>();
  #steps = 0;

  constructor(question: AllocationQuestion) {
    this.#question = question;
    this.#plans = question.claims.map((claim) => ({
      claim,
      requests: (claim.spec.devices.requests ?? []).map((request) => wishesOf(claim, request, question)),
      constraints: compileConstraints(claim.spec.devices.constraints, claimName(claim)),
      chosen: [],
    }));
    for (const { claim, requests } of this.#plans) {
      const least = requests.reduce((sum, wishes) => sum + Math.min(...wishes.map((wish) => wish.count)), 0);
      if (least > maxDevices)
        throw new Error(
          `claim ${claimName(claim)}: number of requested devices ${least} exceeds the claim limit of ${maxDevices}`,
        );
    }
  }

  run(): AllocationResult[] | undefined {
    const requests = this.#plans.flatMap((plan) => plan.requests);
    if (!canBeMet(requests) || this.#request(0, 0) !== 'found') {
      if (this.#question.pools.some((pool) => pool.invalid))
        throw new NodeAllocationError('invalid resource pools were encountered');
      return undefined;
    }
    return this.#plans.map(({ claim, chosen }) => allocationResult(claim, chosen, this.#question.node));
  }

  #request(claimIndex: number, requestIndex: number): Outcome {
    const plan = this.#plans[claimIndex];
    if (!plan) return 'found';
    const request = plan.requests[requestIndex];
    if (!request) {
      const outcome = this.#request(claimIndex + 1, 0);
      // Another choice of alternatives here may leave the next claim what it needs.
      return outcome === 'tooMany' ? 'none' : outcome;
    }
    let overall: Outcome = 'tooMany';
    for (const wish of request) {
      const outcome = this.#devices({ claimIndex, requestIndex, wish }, 0, 0);
      if (outcome === 'found') return outcome;
      if (outcome === 'none') overall = 'none';
    }
    return overall;
  }

  #devices(
    at: { readonly claimIndex: number; readonly requestIndex: number; readonly wish: DeviceWish },
    given: number,
    from: number,
  ): Outcome {
    const { claimIndex, requestIndex, wish } = at;
    if (++this.#steps % stepsPerLook === 0 && (this.#steps > maxSteps || this.#question.isLate()))
      throw new NodeAllocationError('timed out trying to allocate devices');
    const plan = this.#plans[claimIndex]!;
    const { candidates, count, all, shareable } = wish;
    if (all && count === 0) return 'none';
    if (given === count) return this.#request(claimIndex, requestIndex + 1);
    if (plan.chosen.length + count - given > maxDevices) return 'tooMany';
    if (candidates.length - from < count - given && !shareable) return 'none';
    for (let i = from; i < candidates.length; i++) {
      const candidate = candidates[i]!;
      const undo = this.#take(plan, wish, candidate);
      if (undo) {
        // A device that is shared may serve one request more than once.
        const outcome = this.#devices(at, given + 1, candidate.consumes && shareable ? i : i + 1);
        if (outcome === 'found') return outcome;
        undo();
        if (outcome === 'tooMany') return outcome;
      }
      if (all) return 'none';
    }
    return 'none';
  }

  /** Gives a device to a claim if that is possible beside all that was chosen before; returns how to take it back. */
  #take(plan: ClaimPlan, wish: DeviceWish, candidate: CandidateDevice): (() => void) | undefined {
    const { key, device, pool, consumes } = candidate;
    const { names, adminAccess, all, tolerations } = wish;
    const { allocated } = this.#question;
    const takers = this.#takenBy.get(key);
    if (adminAccess ? takers?.has(plan) : takers?.size || allocated.isTaken(key)) return undefined;
    if (all && isRepelled(device, tolerations)) return undefined;
    const shares = this.#shared.get(key) ?? [];
    const alreadyShared = shares.length > 0 || allocated.sharesOf(key).length > 0;
    if (consumes && !adminAccess) {
      const taken = [...allocated.sharesOf(key), ...shares.map((share) => share.consumes!)];
      if (!hasRoomFor(consumes, device, taken)) return undefined;
    }
    const counters =
      device.consumesCounters?.length && !(consumes && alreadyShared) ? this.#countersOf(pool) : undefined;
    if (counters && !counters.take(device)) return undefined;
    for (const [i, constraint] of plan.constraints.entries()) {
      if (constraint.add(names, pool.driver, device)) continue;
      for (const earlier of plan.constraints.slice(0, i)) earlier.removeLast(names);
      counters?.putBack(device);
      if (all)
        throw new Error(
          `claim ${claimName(plan.claim)}, request ${names.alternative ?? names.request}: cannot add device ${key} because a claim constraint would not be satisfied`,
        );
      return undefined;
    }
    const chosen: ChosenDevice = { ...candidate, wish, shareId: consumes ? this.#question.newShareId() : undefined };
    plan.chosen.push(chosen);
    if (consumes) {
      shares.push(chosen);
      this.#shared.set(key, shares);
    } else if (takers) takers.add(plan);
    else this.#takenBy.set(key, new Set([plan]));
    return () => {
      plan.chosen.pop();
      if (consumes) shares.pop();
      else this.#takenBy.get(key)!.delete(plan);
      for (const constraint of plan.constraints) constraint.removeLast(names);
      counters?.putBack(device);
    };
  }

  #countersOf(pool: Pool): PoolCounters {
    let counters = this.#counters.get(pool);
    if (!counters) {
      counters = new PoolCounters(pool, this.#question.allocated);
      this.#counters.set(pool, counters);
    }
    return counters;
  }
}
