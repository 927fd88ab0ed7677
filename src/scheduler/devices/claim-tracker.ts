/** Claims as the scheduler has to reckon with them: what the API says, and what it has decided but not yet seen come back. */
import type { Shared } from '../../api/kind.ts';
import { ResourceClaim } from '../../api/resource/resource-claim.ts';
import type { AllocationResult } from '../../api/types/resource-v1.ts';
import type { InformerSet } from '../../client/informer.ts';
import { AllocatedDevices } from './allocated-devices.ts';

type Claim = Shared<ResourceClaim>;

const keyOf = (claim: Claim) => `${claim.metadata.namespace}/${claim.metadata.name}`;

/** Keeps the sums of the devices that are allocated, decided or written. */
export class ClaimTracker {
  readonly allocated: AllocatedDevices = new AllocatedDevices();
  /** What each claim adds to the sums, by the claim's UID. */
  readonly #counted = new Map<string, Shared<AllocationResult>>();
  /** Versions that this scheduler wrote and the informer may not have brought yet, by namespace/name. */
  readonly #written = new Map<string, Claim>();
  /** Allocations that were decided and are being written, by the claim's UID. */
  readonly #pending = new Map<string, { readonly claim: Claim; readonly allocation: Shared<AllocationResult> }>();
  readonly #claims;
  readonly #removeHandler: () => void;
  /** Told when a decided allocation was given up: its devices are free again. */
  onReleased: (claim: Claim, allocated: Claim) => void = () => {};

  constructor(informers: InformerSet) {
    this.#claims = informers.informer(ResourceClaim);
    this.#removeHandler = this.#claims.addHandler({
      onAdd: (claim) => this.#seen(claim),
      onUpdate: (claim) => this.#seen(claim),
      onDelete: (claim) => {
        this.#written.delete(keyOf(claim));
        this.#count(claim.metadata.uid, undefined);
      },
    });
  }

  get(namespace: string, name: string): Claim | undefined {
    return this.#written.get(`${namespace}/${name}`) ?? this.#claims.get(namespace, name);
  }

  list(namespace: string): readonly Claim[] {
    return this.#claims.list(namespace);
  }

  /** Whether an allocation of the claim is being written. */
  isPending(uid: string): boolean {
    return this.#pending.has(uid);
  }

  /** Counts an allocation that is about to be written. */
  decide(claim: Claim, allocation: Shared<AllocationResult>): void {
    this.#pending.set(claim.metadata.uid, { claim, allocation });
    this.#count(claim.metadata.uid, allocation);
  }

  /** The decision about a claim became the given version of the claim. */
  written(uid: string, claim: Claim): void {
    this.#pending.delete(uid);
    if (uid !== claim.metadata.uid) this.#count(uid, undefined);
    this.#written.set(keyOf(claim), claim);
    const informed = this.#claims.get(claim.metadata.namespace, claim.metadata.name);
    if (informed && isAtLeast(informed, claim)) this.#seen(informed);
    else this.#count(claim.metadata.uid, claim.status.allocation);
  }

  /** Takes a decision back that could not be written. */
  release(uid: string): void {
    const pending = this.#pending.get(uid);
    if (!pending) return;
    this.#pending.delete(uid);
    const { claim, allocation } = pending;
    const now = this.get(claim.metadata.namespace, claim.metadata.name);
    this.#count(uid, now?.metadata.uid === uid ? now.status.allocation : undefined);
    this.onReleased(claim, { ...claim, status: { ...claim.status, allocation } });
  }

  stop(): void {
    this.#removeHandler();
  }

  #seen(claim: Claim): void {
    const key = keyOf(claim);
    const written = this.#written.get(key);
    if (written && !isAtLeast(claim, written)) return;
    this.#written.delete(key);
    if (!this.#pending.has(claim.metadata.uid)) this.#count(claim.metadata.uid, claim.status.allocation);
  }

  #count(uid: string, allocation: Shared<AllocationResult> | undefined): void {
    const before = this.#counted.get(uid);
    if (before) this.allocated.remove(before);
    if (allocation) {
      this.allocated.add(allocation);
      this.#counted.set(uid, allocation);
    } else this.#counted.delete(uid);
  }
}

/** Whether a version is as new as another; of different objects of one name the informer's is the newer. */
const isAtLeast = (informed: Claim, other: Claim): boolean =>
  informed.metadata.uid !== other.metadata.uid ||
  Number(informed.metadata.resourceVersion) >= Number(other.metadata.resourceVersion);
