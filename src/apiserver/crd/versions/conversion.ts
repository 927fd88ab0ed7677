/** Conversion between the versions of a custom resource: by name alone, or by a webhook. */
import type { CustomResourceDefinition } from '../../../api/apiextensions/custom-resource-definition.ts';
import type { AnyKind, KubeObject, Shared } from '../../../api/kind.ts';
import type { ConvertObjects } from '../../../api/machinery/apply/versions.ts';
import { deepEqual } from '../../../base/deep.ts';
import type { ApiContext } from '../../context.ts';
import { DerivedEntry, type Entry } from '../../registry/resource.ts';
import { pruned } from '../custom-kind.ts';
import { webhookConverter } from './webhook-converter.ts';

/** Turns objects into another version; the results are owned by the caller. Rejects with a 500 as upstream words it. */
export type Converter = (objects: readonly Shared<KubeObject>[], apiVersion: string) => Promise<KubeObject[]>;

const relabel = (object: Shared<KubeObject>, apiVersion: string): KubeObject => ({
  ...(object as KubeObject),
  apiVersion,
});

/** undefined where only the version's name changes. */
export function converterOf(api: ApiContext, definition: Shared<CustomResourceDefinition>): Converter | undefined {
  const { conversion } = definition.spec;
  const webhook = conversion?.strategy === 'Webhook' ? conversion.webhook : undefined;
  return webhook?.clientConfig && webhookConverter(api, webhook);
}

/** The versions of a definition, served or not, and how objects get from one to another. */
export interface Versions {
  /** By apiVersion. */
  readonly kinds: ReadonlyMap<string, AnyKind>;
  readonly converter: Converter | undefined;
  /** Of the definition: above 1 its schemas may be others than those that objects were stored under. */
  readonly generation: number;
}

/** What managed fields ask for: objects in any version that the definition has. */
export function convertObjects({ kinds, converter }: Versions): ConvertObjects {
  return async (objects, apiVersion) => {
    const kind = kinds.get(apiVersion);
    if (!kind) return undefined;
    const converted = converter
      ? await converter(objects, apiVersion)
      : objects.map((object) => relabel(object, apiVersion));
    return { struct: kind.struct, objects: converted };
  };
}

/** What is kept beside an entry: one form in each version, made under the definition as it was. */
interface Kept {
  readonly generation: number;
  readonly made: Entry;
}

/**
 * Entries of the stored versions in the form of one version, kept beside what is stored. As upstream reads them: what
 * the schema of the stored version no longer knows is dropped, its defaults are set, and what conversion brings that the
 * other version does not know is dropped too.
 */
export function makePresenter(
  kind: AnyKind,
  versions: Versions,
): { one: (entry: Entry) => Entry | Promise<Entry>; all: (entries: readonly Entry[]) => Promise<readonly Entry[]> } {
  const { apiVersion } = kind;
  const { converter, generation } = versions;
  const slot = `as:${apiVersion}`;
  const keep = (entry: Entry, object: Shared<KubeObject>): Entry => {
    const made = object === entry.object ? entry : new DerivedEntry(entry.key, entry.revision, object);
    entry.encodings.set(slot, { generation, made } satisfies Kept);
    return made;
  };
  const keepConverted = (entry: Entry, object: KubeObject) => keep(entry, pruned(kind, object as Shared<KubeObject>));
  /** The entry, where no webhook has to be asked for it. */
  const known = (entry: Entry): Entry | undefined => {
    const same = entry.object.apiVersion === apiVersion;
    if (same && generation === 1) return entry;
    const kept = entry.encodings.get(slot) as Kept | undefined;
    if (kept?.generation === generation) return kept.made;
    if (same) return keep(entry, settled(entry.object, versions));
    if (!converter) return keepConverted(entry, relabel(settled(entry.object, versions), apiVersion));
    return undefined;
  };
  const convert = async (entries: readonly Entry[]): Promise<void> => {
    const objects = await converter!(
      entries.map((entry) => settled(entry.object, versions)),
      apiVersion,
    );
    for (const [i, entry] of entries.entries()) keepConverted(entry, objects[i]!);
  };
  /** Many watchers ask for the same entry at once. */
  const pending = new Map<Entry, Promise<Entry>>();
  return {
    one(entry) {
      const made = known(entry) ?? pending.get(entry);
      if (made) return made;
      const converting = convert([entry])
        .then(() => known(entry)!)
        .finally(() => pending.delete(entry));
      pending.set(entry, converting);
      return converting;
    },
    async all(entries) {
      const foreign = entries.filter((entry) => !known(entry));
      if (foreign.length > 0) await convert(foreign);
      return entries.map((entry) => known(entry)!);
    },
  };
}

/** A stored object as its version's schema has it now; itself when nothing is to be changed. */
function settled(object: Shared<KubeObject>, { kinds, generation }: Versions): Shared<KubeObject> {
  const kind = generation > 1 ? kinds.get(object.apiVersion) : undefined;
  if (!kind) return object;
  const made = pruned(kind, object);
  kind.defaults?.(made);
  return deepEqual(made, object) ? object : (made as Shared<KubeObject>);
}

/** A new object in the version that is stored. */
export function makeStorer(storage: AnyKind, { converter }: Versions) {
  const { apiVersion } = storage;
  return (object: KubeObject): KubeObject | Promise<KubeObject> => {
    if (object.apiVersion === apiVersion) return object;
    const shared = object as Shared<KubeObject>;
    if (!converter) return pruned(storage, relabel(shared, apiVersion) as Shared<KubeObject>);
    return converter([shared], apiVersion).then(([made]) => pruned(storage, made as Shared<KubeObject>));
  };
}
