/** A quick look whether there can be enough devices at all, before they are searched for in every combination. */
import type { DeviceWish } from './device-request.ts';

/**
 * Whether each device that requests want could be a different one of those that match. Constraints, counters and
 * devices that may be shared or watched are left to the search.
 * @param requests the alternatives of each request
 */
export function canBeMet(requests: readonly (readonly DeviceWish[])[]): boolean {
  const wants: string[][] = [];
  for (const wishes of requests) {
    if (wishes.some((wish) => wish.shareable || wish.adminAccess || wish.all)) continue;
    const keys = [...new Set(wishes.flatMap(({ candidates }) => candidates.map(({ key }) => key)))];
    const least = Math.min(...wishes.map(({ count }) => count));
    for (let i = 0; i < least; i++) wants.push(keys);
  }
  const takenBy = new Map<string, number>();
  const place = (want: number, tried: Set<string>): boolean => {
    for (const key of wants[want]!) {
      if (tried.has(key)) continue;
      tried.add(key);
      const other = takenBy.get(key);
      if (other !== undefined && !place(other, tried)) continue;
      takenBy.set(key, want);
      return true;
    }
    return false;
  };
  return wants.every((_, want) => place(want, new Set()));
}
