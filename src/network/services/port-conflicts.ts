/** Node ports that another Timonel cluster on the same machine serves already: only one of them can have the packets. */
import type { NftRunner } from '../../nft/nft-runner.ts';
import type { TableRef } from '../../nft/transaction.ts';

/** The clusters by node port (`tcp . 30080`), of all clusters on the machine but the one whose table is given. */
export async function foreignNodePorts(nft: NftRunner, own: TableRef): Promise<Map<string, string>> {
  const taken = new Map<string, string>();
  for (const object of await nft.list(['list', 'tables', own.family])) {
    const name = object['table']?.['name'];
    if (typeof name !== 'string' || !name.startsWith('timonel-') || name.includes('.') || name === own.name) continue;
    for (const map of ['np4', 'np6']) {
      for (const listed of await nft.list(['list', 'map', own.family, name, map])) {
        const elements = listed['map']?.['elem'];
        if (!Array.isArray(elements)) continue;
        for (const element of elements as unknown[]) {
          const concat = (Array.isArray(element) ? (element[0] as { concat?: unknown[] }) : undefined)?.concat;
          if (concat) taken.set(concat.join(' . '), name.slice('timonel-'.length));
        }
      }
    }
  }
  return taken;
}
