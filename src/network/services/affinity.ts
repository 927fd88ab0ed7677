/** Session affinity: forgetting clients whose endpoint is gone, so that they are balanced anew. */
import type { NftObject, NftRunner } from '../../nft/nft-runner.ts';
import { type TableRef, Transaction } from '../../nft/transaction.ts';
import { type Family, familyOf } from './ruleset.ts';

/** Keys of an affinity map, as nft writes them, whose data is one of the targets (`10.42.0.5 . 8080`). */
export function clientsOf(listed: readonly NftObject[], targets: ReadonlySet<string>): string[] {
  const keys: string[] = [];
  for (const object of listed) {
    const elements = object['map']?.['elem'];
    if (!Array.isArray(elements)) continue;
    for (const [key, data] of elements as [unknown, unknown][]) {
      if (targets.has(joined(data))) keys.push(joined(key));
    }
  }
  return keys;
}

function joined(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { concat, elem } = value as { concat?: unknown[]; elem?: { val: unknown } };
  return elem ? joined(elem.val) : (concat ?? []).map(joined).join(' . ');
}

/** Removes the clients of endpoints that are gone from the affinity maps of a table. */
export async function forgetClients(nft: NftRunner, table: TableRef, gone: ReadonlySet<string>): Promise<void> {
  const families = new Set<Family>([...gone].map((target) => familyOf(target)));
  for (const family of families) {
    const set = `affinity${family}`;
    for (const key of clientsOf(await nft.list(['list', 'map', table.family, table.name, set]), gone)) {
      // One transaction each: an element that expired meanwhile must not keep the others.
      await nft.apply(new Transaction(table).deleteElement({ set, key }).toString()).catch(() => {});
    }
  }
}
