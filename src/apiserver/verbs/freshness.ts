/** Reads that must not be older than a revision. */
import { StatusError } from '../../api/machinery/status.ts';
import type { ApiContext } from '../context.ts';

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
