/** Who wants which elements in a table's sets and maps, and what has to change in the kernel for that. */
import type { ElementRef, Transaction } from './transaction.ts';

interface Slot {
  readonly set: string;
  readonly key: string;
  /** Wishes in order of arrival; the first one is what the kernel holds. */
  readonly wishes: { readonly owner: string; readonly data: string | undefined }[];
}

/** An element that an owner wants and does not get, because another owner came first with different data. */
export interface ElementConflict {
  readonly element: ElementRef;
  readonly owner: string;
  readonly holder: string;
}

/**
 * Remembers the elements of each owner (a service, a pod) and turns a new list of an owner's elements into the few
 * additions and deletions that are needed. Several owners may want one element; it goes when the last one gives it up.
 */
export class ElementLedger {
  readonly #slots = new Map<string, Slot>();
  readonly #owned = new Map<string, Set<string>>();
  /** What the kernel holds of the slots that changed since the last {@link write}; undefined data: a set's element. */
  readonly #before = new Map<string, { set: string; key: string; held: { data: string | undefined } | undefined }>();

  /** Replaces the elements of an owner; an empty list forgets it. Returns the wishes that another owner stands in the way of. */
  assign(owner: string, elements: readonly ElementRef[]): ElementConflict[] {
    const conflicts: ElementConflict[] = [];
    const next = new Set<string>();
    const previous = this.#owned.get(owner);
    for (const element of elements) {
      const id = `${element.set} ${element.key}`;
      if (next.has(id)) continue;
      next.add(id);
      const holder = this.#want(id, owner, element);
      if (holder !== undefined) conflicts.push({ element, owner, holder });
    }
    if (previous) for (const id of previous) if (!next.has(id)) this.#giveUp(id, owner);
    if (next.size > 0) this.#owned.set(owner, next);
    else this.#owned.delete(owner);
    return conflicts;
  }

  /** Whether any change is waiting to be written. */
  get dirty(): boolean {
    return this.#before.size > 0;
  }

  /** Adds the waiting changes to a transaction, deletions first, and considers them done. */
  write(transaction: Transaction): void {
    const additions: ElementRef[] = [];
    const deletions: ElementRef[] = [];
    for (const [id, { set, key, held }] of this.#before) {
      const wish = this.#slots.get(id)?.wishes[0];
      if (held && wish && held.data === wish.data) continue;
      if (held) deletions.push({ set, key });
      if (wish) additions.push(wish.data === undefined ? { set, key } : { set, key, data: wish.data });
    }
    this.#before.clear();
    for (const element of bySet(deletions)) transaction.deleteElement(element);
    for (const element of bySet(additions)) transaction.addElement(element);
  }

  /** Adds every element to a transaction that has just created or emptied the sets. */
  writeAll(transaction: Transaction): void {
    this.#before.clear();
    const all: ElementRef[] = [];
    for (const { set, key, wishes } of this.#slots.values()) {
      const data = wishes[0]!.data;
      all.push(data === undefined ? { set, key } : { set, key, data });
    }
    for (const element of bySet(all)) transaction.addElement(element);
  }

  #want(id: string, owner: string, element: ElementRef): string | undefined {
    let slot = this.#slots.get(id);
    if (!slot) {
      this.#touch(id, element, undefined);
      slot = { set: element.set, key: element.key, wishes: [] };
      this.#slots.set(id, slot);
    }
    const at = slot.wishes.findIndex((wish) => wish.owner === owner);
    if (at >= 0 && slot.wishes[at]!.data !== element.data) {
      if (at === 0) this.#touch(id, element, { data: slot.wishes[0]!.data });
      slot.wishes[at] = { owner, data: element.data };
    } else if (at < 0) slot.wishes.push({ owner, data: element.data });
    const first = slot.wishes[0]!;
    return first.owner !== owner && first.data !== element.data ? first.owner : undefined;
  }

  #giveUp(id: string, owner: string): void {
    const slot = this.#slots.get(id);
    if (!slot) return;
    const at = slot.wishes.findIndex((wish) => wish.owner === owner);
    if (at < 0) return;
    if (at === 0) this.#touch(id, slot, { data: slot.wishes[0]!.data });
    slot.wishes.splice(at, 1);
    if (slot.wishes.length === 0) this.#slots.delete(id);
  }

  #touch(id: string, { set, key }: { set: string; key: string }, held: { data: string | undefined } | undefined): void {
    if (!this.#before.has(id)) this.#before.set(id, { set, key, held });
  }
}

function bySet(elements: ElementRef[]): ElementRef[] {
  return elements.sort((a, b) => (a.set < b.set ? -1 : a.set > b.set ? 1 : 0));
}
