/** LIST: selectors, chunks, and the semantics of resourceVersion. */

import { invalid } from '../../api/machinery/field-error.ts';
import { expired, invalidObject } from '../../api/machinery/status.ts';
import type { Snapshot } from '../../store/cache-api.ts';
import type { ApiContext } from '../context.ts';
import { type Entry, keyPrefix } from '../registry/resource.ts';
import type { Answer, Call, ListAnswer } from './call.ts';
import { checkListOptions, parseRevision } from './call-options.ts';
import { decodeContinue, ExpiredContinueError, encodeContinue } from './continue-token.ts';
import { readConsistently, waitForRevision } from './freshness.ts';
import { parseSelection } from './selection.ts';

type Objects = Snapshot<Entry['object']>;

export async function list(api: ApiContext, call: Call): Promise<Answer> {
  const found = await listEntries(api, call);
  const { presentAll, present } = call.resource;
  if (presentAll) return { code: 200, list: { ...found, entries: await presentAll(found.entries) } };
  if (present) return { code: 200, list: { ...found, entries: await Promise.all(found.entries.map(present)) } };
  return { code: 200, list: found };
}

/** The entries as they are stored. */
export async function listEntries(api: ApiContext, call: Call): Promise<ListAnswer> {
  const { options, resource } = call;
  checkListOptions(options);
  const stored = resource.stored!;
  const selection = parseSelection(resource.hub, options);
  const prefix = keyPrefix(stored, call.namespace || (selection.namespace ?? ''));
  const start = await startOf(api, call);
  const { snapshot, revision } = start;
  const limit = options.limit && options.limit > 0 ? options.limit : Number.POSITIVE_INFINITY;
  const after = start.after === undefined ? undefined : keyPrefix(stored, call.namespace) + start.after;

  // Custom resources are selected by what clients of their version see.
  const { present, presentAll } = resource;
  const asSeen = selection.readsContent && resource.custom ? present : undefined;
  if (asSeen && presentAll) await presentAll([...snapshot.range(prefix, after)]);
  const entries: Entry[] = [];
  let more: string | undefined;
  const single = selection.name && after === undefined && (!stored.kind.namespaced || prefix !== stored.prefix);
  for (const entry of single ? named(snapshot, prefix + selection.name) : snapshot.range(prefix, after)) {
    if (selection.matches && !selection.matches((asSeen ? await asSeen(entry) : entry).object)) continue;
    if (entries.length >= limit) {
      more = entries.at(-1)!.key;
      break;
    }
    entries.push(entry);
  }
  const answer = { kind: resource.kind, entries, resourceVersion: String(Math.max(1, snapshot.revision, revision)) };
  if (more === undefined) return answer;
  const continueToken = encodeContinue({
    revision: revision || Number(answer.resourceVersion),
    after: more.slice(keyPrefix(stored, call.namespace).length),
  });
  return selection.matches
    ? { ...answer, continueToken }
    : { ...answer, continueToken, remainingItemCount: snapshot.count(prefix, more) };
}

/** The snapshot to read, the revision the list is to carry (0: the snapshot's own), and where to go on. */
async function startOf(api: ApiContext, call: Call): Promise<{ snapshot: Objects; revision: number; after?: string }> {
  const { options } = call;
  const { cache } = call.resource.stored!;
  if (options.continue) {
    if (options.resourceVersion && options.resourceVersion !== '0')
      throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [
        invalid(
          'resourceVersion',
          options.resourceVersion,
          'specifying resource version is not allowed when using continue',
        ),
      ]);
    const { revision, after } = decodeContinue(options.continue);
    if (revision < 0) return { snapshot: cache.snapshot(), revision: 0, after };
    await waitForRevision(api, revision);
    const snapshot = cache.snapshotAt(revision);
    if (!snapshot) throw new ExpiredContinueError(after);
    return { snapshot, revision, after };
  }
  const revision = parseRevision(options.resourceVersion);
  if (revision === 0) {
    if (api.sharedStore && options.resourceVersion !== '0') await readConsistently(api);
    return { snapshot: cache.snapshot(), revision: 0 };
  }
  await waitForRevision(api, revision);
  const exact =
    options.resourceVersionMatch === 'Exact' ||
    (options.resourceVersionMatch === undefined && (options.limit ?? 0) > 0);
  if (!exact) return { snapshot: cache.snapshot(), revision: 0 };
  const snapshot = cache.snapshotAt(revision);
  if (!snapshot) throw expired('The resourceVersion for the provided list is too old.');
  return { snapshot, revision };
}

/** One name in one namespace needs no walk over the others. */
function* named(snapshot: Objects, key: string): Generator<Entry> {
  for (const entry of snapshot.range(key)) if (entry.key === key) return yield entry;
}
