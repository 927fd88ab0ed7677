/**
 * Managers own fields of the version that they wrote in (structured-merge-diff's Converter). Steps that may need an
 * object in another version are generators that ask for it: where there is one version only they run through at once,
 * and where a webhook converts they wait for it.
 */
import type { KubeObject, Shared } from '../../kind.ts';
import type { StructSchema } from '../../schema/schema.ts';

type Objects = readonly Shared<KubeObject>[];

/** Objects in one version, with the schema that they have there. */
export interface Versioned {
  readonly struct: StructSchema;
  readonly objects: Objects;
}

/** The objects in another version; undefined where there is no such version any more. */
export type ConvertObjects = (objects: Objects, apiVersion: string) => Promise<Versioned | undefined>;

/** A computation that asks for other versions of objects on its way. */
export type Converting<T> = Generator<
  { readonly objects: Objects; readonly apiVersion: string },
  T,
  Versioned | undefined
>;

/** Asks for one object in another version. */
export function* inVersion(
  object: Shared<KubeObject>,
  apiVersion: string,
): Converting<{ struct: StructSchema; object: Shared<KubeObject> } | undefined> {
  const found = yield { objects: [object], apiVersion };
  return found && { struct: found.struct, object: found.objects[0]! };
}

/** Runs a computation on a kind whose versions are stored as one: its objects are the same in all of them. */
export function inOneVersion<T>(struct: StructSchema, steps: Converting<T>): T {
  let step = steps.next();
  while (!step.done) step = steps.next({ struct, objects: step.value.objects });
  return step.value;
}

/** Runs a computation; a promise only when something has to be converted. Throws and rejects as `convert` does. */
export function inManyVersions<T>(convert: ConvertObjects, steps: Converting<T>): T | Promise<T> {
  const first = steps.next();
  if (first.done) return first.value;
  const run = async (): Promise<T> => {
    let step: typeof first | ReturnType<typeof steps.next> = first;
    while (!step.done) step = steps.next(await convert(step.value.objects, step.value.apiVersion));
    return step.value;
  };
  return run();
}
