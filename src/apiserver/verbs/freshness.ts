/** Reads that must not be older than a revision. */
import { StatusError } from '../../api/machinery/status.ts';
import { StoreError } from '../../store/store.ts';
import type { ApiContext } from '../context.ts';
import { statusOfStoreError } from '../registry/commit.ts';

const waitMs = 3000;

/**
 * Brings the cache to a revision that a client has seen elsewhere; throws 504 with the cause `ResourceVersionTooLarge`
 * when it does not get there.
 */
export async function waitForRevision(api: ApiContext, revision: number): Promise<void> {
  if (api.cache.revision >= revision) return;
  try {
    await api.cache.waitFor(revision, waitMs);
  } catch {
    throw new StatusError(
      'Timeout',
      `Timeout: Too large resource version: ${revision}, current: ${api.cache.revision}`,
      {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    );
  }
}

/**
 * Brings the cache to every write that was acknowledged before the call, by whichever of the servers on a shared store;
 * throws 503 when the store cannot be asked.
 */
export async function readConsistently(api: ApiContext): Promise<void> {
  try {
    await api.cache.makeConsistent();
  } catch (error) {
    throw error instanceof StoreError ? statusOfStoreError(error) : error;
  }
}
