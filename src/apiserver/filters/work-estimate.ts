/** How many seats a request takes: what it costs, in requests of one object (KEP-1040, width of a request). */

import type { Registry } from '../registry/registry.ts';
import { keyPrefix } from '../registry/resource.ts';
import type { RequestInfo } from './request-info.ts';

const objectsPerSeat = 100;
const maxSeats = 10;

/** One for most; lists, and watches that begin with what is there, by the number of objects that they go through. */
export function estimateSeats(registry: Registry, info: RequestInfo): number {
  if (info.verb !== 'list' && info.verb !== 'watch') return 1;
  const params = info.query === '' ? undefined : new URLSearchParams(info.query);
  if (info.name !== '' || (info.verb === 'watch' && !beginsWithAll(params))) return 1;
  const stored = registry.resolve(info.group, info.version, info.plural)?.stored;
  if (!stored) return 1;
  const count = stored.cache.snapshot().count(keyPrefix(stored, info.namespace));
  const selective = params?.has('labelSelector') || params?.has('fieldSelector');
  const limit = Number(params?.get('limit') ?? 0);
  const objects = limit > 0 && info.verb === 'list' && !selective ? Math.min(limit, count) : count;
  return Math.min(maxSeats, Math.max(1, Math.ceil(objects / objectsPerSeat)));
}

/** Whether a watch sends the objects that exist before it sends changes. */
function beginsWithAll(params: URLSearchParams | undefined): boolean {
  const asked = params?.get('sendInitialEvents');
  if (asked !== undefined && asked !== null) return asked !== 'false' && asked !== '0';
  const version = params?.get('resourceVersion') ?? '';
  return version === '' || version === '0';
}
