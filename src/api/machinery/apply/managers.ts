/** The entries of metadata.managedFields: who owns which fields, by what operation (apimachinery util/managedfields). */
import { parseTime } from '../../../base/clock.ts';
import type { DeepReadonly } from '../../../base/deep.ts';
import type { ManagedFieldsEntry } from '../../types/meta-v1.ts';
import { type FieldSet, isEmptySet, parseFieldSet, sortedSet, union } from './field-set.ts';

type Entry = DeepReadonly<ManagedFieldsEntry>;

/** What one manager owns through one operation. */
export interface Managed {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly set: FieldSet;
  /** RFC 3339. */
  readonly time: string | undefined;
  /** The entry it was read from, to be kept as it is while nothing changes. */
  readonly entry?: Entry;
}

/** Owners by identity: an applier is the same in every version, an updater is another in each. */
export type Managers = Map<string, Managed>;

export function identityOf(owner: Pick<Managed, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): string {
  const version = owner.operation === 'Apply' ? '' : owner.apiVersion;
  return JSON.stringify([owner.manager, owner.operation, version, owner.subresource]);
}

/** Field sets that are known to be well-formed: entries are shared from one version of an object to the next. */
const known = new WeakSet<object>();

/** The managers of an object's entries; undefined when one of them cannot be read. */
export function readManagers(entries: readonly Entry[] | undefined): Managers | undefined {
  const managers: Managers = new Map();
  for (const entry of entries ?? []) {
    const { operation, fieldsV1 } = entry;
    if (operation !== 'Apply' && operation !== 'Update') return undefined;
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') return undefined;
    const fields = fieldsV1 ?? {};
    if (!known.has(fields)) {
      if (!parseFieldSet(fields)) return undefined;
      known.add(fields);
    }
    const managed: Managed = {
      manager: entry.manager ?? '',
      operation: operation as Managed['operation'],
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource ?? '',
      set: fields as FieldSet,
      time: entry.time,
      entry,
    };
    managers.set(identityOf(managed), managed);
  }
  return managers;
}

const commonSets = 1000;
let newer = new Map<string, FieldSet>();
let older = new Map<string, FieldSet>();

/** The set that an object before had, where it is the same: what a thousand pods of a deployment share is kept once. */
function commonSet(set: FieldSet): FieldSet {
  const text = JSON.stringify(set);
  const found = newer.get(text) ?? older.get(text) ?? set;
  if (!newer.has(text)) {
    if (newer.size === commonSets) {
      older = newer;
      newer = new Map();
    }
    newer.set(text, found);
  }
  return found;
}

function entryOf({ manager, operation, apiVersion, subresource, set, time, entry }: Managed): Entry {
  if (entry && entry.fieldsV1 === set && entry.time === time && entry.apiVersion === apiVersion) return entry;
  const fieldsV1 = commonSet(sortedSet(set)) as { [key: string]: unknown };
  known.add(fieldsV1);
  return {
    manager,
    operation,
    apiVersion,
    ...(time ? { time } : {}),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource ? { subresource } : {}),
  };
}

const secondsOf = (time: string | undefined) => (time ? Math.floor(parseTime(time) / 1000) : 0);
const byText = (a: string | undefined, b: string | undefined) =>
  (a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0;

/** The entries of all managers in upstream's order; those that own nothing are left out. */
export function writeManagers(managers: Iterable<Managed>): Entry[] {
  return [...managers]
    .filter(({ set }) => !isEmptySet(set))
    .map(entryOf)
    .sort(
      (a, b) =>
        byText(a.operation, b.operation) ||
        secondsOf(a.time) - secondsOf(b.time) ||
        byText(a.manager, b.manager) ||
        byText(a.apiVersion, b.apiVersion) ||
        byText(a.subresource, b.subresource),
    );
}

const maxUpdaters = 10;
const bucketName = 'ancient-changes';

/** Merges the oldest updaters of a version into one, until there are no more than ten. */
export function capUpdaters(managers: Managers): void {
  if (managers.size <= maxUpdaters) return;
  const updaters = [...managers].filter(([, managed]) => managed.operation === 'Update');
  let count = updaters.length;
  if (count <= maxUpdaters) return;
  updaters.sort(([a, x], [b, y]) => secondsOf(x.time) - secondsOf(y.time) || byText(a, b));
  const first = new Map<string, string>();
  for (const [identity, managed] of updaters) {
    if (count <= maxUpdaters) return;
    const earliest = first.get(managed.apiVersion);
    if (earliest === undefined) {
      first.set(managed.apiVersion, identity);
      continue;
    }
    const bucket: Omit<Managed, 'set' | 'time'> = {
      manager: bucketName,
      operation: 'Update',
      apiVersion: managed.apiVersion,
      subresource: '',
    };
    const id = identityOf(bucket);
    const collected = managers.get(id) ?? managers.get(earliest)!;
    if (!managers.has(id)) managers.delete(earliest);
    managers.delete(identity);
    managers.set(id, { ...bucket, set: union(managed.set, collected.set), time: managed.time });
    count--;
  }
}
