/** Conversion between the versions of a custom resource: by name alone, or by a webhook. */
import type { CustomResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import type { KubeObject, Shared } from '../../api/kind.ts';
import { internalError } from '../../api/machinery/status.ts';
import { deepEqual, mutableCopy } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import { DerivedEntry, type Entry } from '../registry/resource.ts';
import { callWebhook } from './webhook-client.ts';

/** Turns objects into another version; the results are owned by the caller. */
export type Converter = (objects: readonly Shared<KubeObject>[], apiVersion: string) => Promise<KubeObject[]>;

const relabel = (object: Shared<KubeObject>, apiVersion: string): KubeObject => ({
  ...(object as KubeObject),
  apiVersion,
});

/** undefined where only the version's name changes. */
export function converterOf(api: ApiContext, definition: Shared<CustomResourceDefinition>): Converter | undefined {
  const { conversion } = definition.spec;
  const webhook = conversion?.strategy === 'Webhook' ? conversion.webhook : undefined;
  if (!webhook?.clientConfig) return undefined;
  const { clientConfig } = webhook;
  return async (objects, desiredAPIVersion) => {
    const uid = api.random.uuid();
    const review = {
      kind: 'ConversionReview',
      apiVersion: 'apiextensions.k8s.io/v1',
      request: { uid, desiredAPIVersion, objects },
    };
    const why = (text: string) =>
      internalError(`conversion webhook for ${definition.spec.group}/${definition.spec.names.kind} failed: ${text}`);
    let answer: unknown;
    try {
      answer = await callWebhook(api, clientConfig, review);
    } catch (error) {
      throw why(error instanceof Error ? error.message : String(error));
    }
    const { response } = answer as {
      response?: { uid?: string; result?: { status?: string; message?: string }; convertedObjects?: KubeObject[] };
    };
    if (response?.uid !== uid)
      throw why(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response?.uid ?? '')}`);
    if (response.result?.status !== 'Success') throw why(response.result?.message ?? 'no message');
    const converted = response.convertedObjects ?? [];
    if (converted.length !== objects.length)
      throw why(`webhook returned ${converted.length} objects, expected ${objects.length}`);
    return converted.map((object, i) => restoreMeta(object, objects[i]!, { apiVersion: desiredAPIVersion, why }));
  };
}

/** Webhooks may change labels and annotations of the metadata and nothing else. */
function restoreMeta(
  object: KubeObject,
  original: Shared<KubeObject>,
  { apiVersion, why }: { apiVersion: string; why: (text: string) => Error },
): KubeObject {
  if (object.apiVersion !== apiVersion)
    throw why(`invalid converted object: expected apiVersion ${apiVersion}, got ${object.apiVersion}`);
  const { labels, annotations } = object.metadata ?? {};
  const metadata = mutableCopy(original.metadata) as KubeObject['metadata'];
  delete metadata.labels;
  delete metadata.annotations;
  if (labels) metadata.labels = labels;
  if (annotations) metadata.annotations = annotations;
  const { apiVersion: _a, kind: _k, metadata: _m, ...content } = object;
  return { apiVersion, kind: object.kind, metadata, ...content };
}

/**
 * Entries of the stored versions in the form of one version, kept beside what is stored.
 * @param settings fill: sets the defaults that a schema has got since an object was stored; generation: of the definition
 */
export function makePresenter(
  apiVersion: string,
  converter: Converter | undefined,
  settings: { readonly generation: number; readonly fill: ((object: KubeObject) => void) | undefined },
): { one: (entry: Entry) => Entry | Promise<Entry>; all: (entries: readonly Entry[]) => Promise<readonly Entry[]> } {
  const { fill } = settings;
  const slot = `as:${apiVersion}:${settings.generation}`;
  const keep = (entry: Entry, object: KubeObject): Entry => {
    const filled = fill ? filledIn(object, fill) : object;
    const same = filled === (entry.object as unknown);
    const made = same ? entry : new DerivedEntry(entry.key, entry.revision, filled as Shared<KubeObject>);
    entry.encodings.set(slot, made);
    return made;
  };
  const known = (entry: Entry): Entry | undefined =>
    !fill && entry.object.apiVersion === apiVersion ? entry : (entry.encodings.get(slot) as Entry | undefined);
  const asItIs = (entry: Entry) => entry.object.apiVersion === apiVersion;
  return {
    one(entry) {
      const made = known(entry);
      if (made) return made;
      if (asItIs(entry)) return keep(entry, entry.object as KubeObject);
      if (!converter) return keep(entry, relabel(entry.object, apiVersion));
      return converter([entry.object], apiVersion).then(([object]) => keep(entry, object!));
    },
    async all(entries) {
      const foreign: Entry[] = [];
      for (const entry of entries) {
        if (known(entry)) continue;
        if (asItIs(entry)) keep(entry, entry.object as KubeObject);
        else foreign.push(entry);
      }
      if (foreign.length > 0) {
        const objects = converter
          ? await converter(
              foreign.map((entry) => entry.object),
              apiVersion,
            )
          : foreign.map((entry) => relabel(entry.object, apiVersion));
        for (const [i, entry] of foreign.entries()) keep(entry, objects[i]!);
      }
      return entries.map((entry) => known(entry)!);
    },
  };
}

/** The object with defaults set; itself when it has them all. */
function filledIn(object: KubeObject, fill: (object: KubeObject) => void): KubeObject {
  const copy = mutableCopy(object) as KubeObject;
  fill(copy);
  return deepEqual(copy, object) ? object : copy;
}

/** A new object in the version that is stored. */
export function makeStorer(apiVersion: string, converter: Converter | undefined) {
  return (object: KubeObject): KubeObject | Promise<KubeObject> => {
    if (object.apiVersion === apiVersion) return object;
    if (!converter) return relabel(object as Shared<KubeObject>, apiVersion);
    return converter([object as Shared<KubeObject>], apiVersion).then(([made]) => made!);
  };
}
