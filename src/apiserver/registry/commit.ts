/** Writing to the cache, with what goes wrong in the store turned into Status errors: the boundary's one place. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { internalError, StatusError, serviceUnavailable } from '../../api/machinery/status.ts';
import type { ObjectCommit, ObjectWrite } from '../../store/cache-api.ts';
import { StoreError, type StoreErrorCode } from '../../store/store.ts';
import type { ApiContext } from '../context.ts';

type Write = ObjectWrite<Shared<KubeObject>>;

export async function commitWrites(api: ApiContext, writes: readonly Write[]): Promise<ObjectCommit> {
  try {
    return await api.cache.commit(writes);
  } catch (error) {
    throw error instanceof StoreError ? statusOfStoreError(error) : error;
  }
}

const translations: Readonly<Record<StoreErrorCode, (error: StoreError) => StatusError>> = {
  unavailable: (error) => serviceUnavailable(`the store cannot be reached: ${error.message}`),
  closed: () => serviceUnavailable('the server is shutting down'),
  'unknown-outcome': (error) =>
    new StatusError(
      'Timeout',
      `Timeout: the store did not confirm the write, which may have happened: ${error.message}`,
    ),
  'too-large': (error) => new StatusError('RequestEntityTooLarge', `Request entity too large: ${error.message}`),
  'disk-full': (error) => internalError(`the disk of the store is full: ${error.message}`),
  'read-only': (error) => internalError(`the store cannot be written: ${error.message}`),
  locked: (error) => serviceUnavailable(`the store is in use: ${error.message}`),
  corrupt: (error) => internalError(`the store is damaged: ${error.message}`),
  compacted: (error) => internalError(error.message),
  'too-new': (error) => internalError(error.message),
  'wrong-cluster': (error) => internalError(error.message),
};

export function statusOfStoreError(error: StoreError): StatusError {
  return translations[error.code](error);
}
