/** DELETE of a collection: each object of a list, one by one, as upstream: not atomic. */
import { isNotFound } from '../../api/machinery/status.ts';
import type { ApiContext } from '../context.ts';
import type { Answer, Call } from './call.ts';
import { deleteObject, deleteOptions } from './delete.ts';
import { listEntries } from './list.ts';

const workers = 16;

export async function deleteCollection(api: ApiContext, call: Call): Promise<Answer> {
  const options = deleteOptions(call);
  const { limit: _, ...selection } = call.options;
  const found = await listEntries(api, { ...call, options: call.options.continue ? call.options : selection });
  const queue = [...found.entries];
  let failure: unknown;
  const work = async () => {
    for (let entry = queue.shift(); entry && failure === undefined; entry = queue.shift()) {
      const { name, namespace } = entry.object.metadata;
      try {
        const one: Call = { ...call, name, namespace: namespace ?? '', annotate: call.annotate.bind(call) };
        await deleteObject(api, one, options);
      } catch (error) {
        if (!isNotFound(error)) failure ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, queue.length) }, work));
  if (failure !== undefined) throw failure;
  const { presentAll, present } = call.resource;
  const entries = presentAll
    ? await presentAll(found.entries)
    : present
      ? await Promise.all(found.entries.map(present))
      : found.entries;
  return { code: 200, list: { ...found, entries } };
}
