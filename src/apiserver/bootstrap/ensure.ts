import type { KindRef, KubeObject } from '../../api/kind.ts';
import { isAlreadyExists } from '../../api/machinery/status.ts';
import type { Client, Draft } from '../../client/client.ts';

/** Creates an object unless it is there, by whomever and however it was made. */
export async function ensure<T extends KubeObject>(client: Client, kind: KindRef<T>, draft: Draft<T>): Promise<void> {
  const { name, namespace } = (draft as { metadata: { name: string; namespace?: string } }).metadata;
  if (await client.find(kind, { name, ...(namespace ? { namespace } : {}) })) return;
  try {
    await client.create(kind, draft);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
