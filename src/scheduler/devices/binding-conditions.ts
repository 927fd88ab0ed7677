/** Devices that are made ready only once they are allocated: their drivers say so in the claim's status (KEP-5007). */
import type { Shared } from '../../api/kind.ts';
import type { ResourceClaim } from '../../api/types/resource-v1.ts';
import { parseTime } from '../../base/clock.ts';

type Claim = Shared<ResourceClaim>;

export const hasBindingConditions = ({ status }: Claim): boolean =>
  status.allocation?.devices.results?.some((result) => result.bindingConditions?.length) ?? false;

/** Whether all devices of a claim are ready, or why one of them never will be. */
export function readiness({ metadata, status }: Claim): 'ready' | 'waiting' | { readonly failure: string } {
  for (const result of status.allocation?.devices.results ?? []) {
    if (!result.bindingConditions?.length) continue;
    const device = status.devices?.find(
      (one) => one.device === result.device && one.driver === result.driver && one.pool === result.pool,
    );
    const isTrue = (type: string) => device?.conditions.find((c) => c.type === type && c.status === 'True');
    for (const type of result.bindingFailureConditions ?? []) {
      const failed = isTrue(type);
      if (failed)
        return {
          failure: `claim ${metadata.name} binding failed: reason=${failed.reason}, message=${JSON.stringify(failed.message)}`,
        };
    }
    if (!result.bindingConditions.every(isTrue)) return 'waiting';
  }
  return 'ready';
}

/** Whether a claim's devices have been waited for long enough. */
export function isOverdue(claim: Claim, nowMs: number, timeoutMs: number): boolean {
  const since = claim.status.allocation?.allocationTimestamp;
  return since !== undefined && hasBindingConditions(claim) && parseTime(since) + timeoutMs < nowMs;
}
