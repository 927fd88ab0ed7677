/** GET of one object. */
import { notFound } from '../../api/machinery/status.ts';
import type { ApiContext } from '../context.ts';
import { type Entry, keyFor } from '../registry/resource.ts';
import type { Answer, Call } from './call.ts';
import { parseRevision } from './call-options.ts';
import { readConsistently, waitForRevision } from './freshness.ts';

/** The current entry of the call's object; throws 404. */
export function currentEntry(call: Call): Entry {
  const stored = call.resource.stored!;
  const entry = stored.cache.get(keyFor(stored, call.namespace, call.name));
  if (!entry) throw notFound(call.resource.kind, call.name);
  return entry;
}

export function get(api: ApiContext, call: Call): Answer | Promise<Answer> {
  const { resourceVersion } = call.options;
  if (api.sharedStore || (resourceVersion !== undefined && resourceVersion !== '0')) return getFresh(api, call);
  return answer(call, currentEntry(call));
}

async function getFresh(api: ApiContext, call: Call): Promise<Answer> {
  const { resourceVersion } = call.options;
  if (!resourceVersion) await readConsistently(api);
  else await waitForRevision(api, parseRevision(resourceVersion));
  return answer(call, currentEntry(call));
}

function answer(call: Call, entry: Entry): Answer | Promise<Answer> {
  const { present } = call.resource;
  if (!present) return { code: 200, entry };
  const presented = present(entry);
  return presented instanceof Promise
    ? presented.then((made) => ({ code: 200, entry: made }))
    : { code: 200, entry: presented };
}

/** An entry in the form that the call's version has. */
export async function presented(call: Call, entry: Entry): Promise<Entry> {
  return call.resource.present ? call.resource.present(entry) : entry;
}
