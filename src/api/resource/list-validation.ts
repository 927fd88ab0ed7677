/** Checks of lists, sets and maps; one that is too large is not looked into. */
import { at, duplicate, type FieldError, tooMany } from '../machinery/field-error.ts';

type Validate<T> = (element: T, path: string) => FieldError[];

/** At most `max` elements, and each of them. */
export function validateList<T>(
  list: readonly T[] | undefined,
  path: string,
  { max, validate }: { readonly max?: number; readonly validate: Validate<T> },
): FieldError[] {
  const elements = list ?? [];
  if (max !== undefined && elements.length > max) return [tooMany(path, elements.length, max)];
  return elements.flatMap((element, i) => validate(element, at(path, i)));
}

/** As {@link validateList}, and no two elements have the same key. */
export function validateSet<T>(
  list: readonly T[] | undefined,
  path: string,
  options: { readonly max?: number; readonly validate: Validate<T>; readonly key: (element: T) => string },
): FieldError[] {
  const errors = validateList(list, path, options);
  if (options.max !== undefined && (list?.length ?? 0) > options.max) return errors;
  const seen = new Set<string>();
  for (const [i, element] of (list ?? []).entries()) {
    const key = options.key(element);
    if (seen.has(key)) errors.push(duplicate(at(path, i), key));
    seen.add(key);
  }
  return errors;
}

/** At most `max` entries, each name and each value. Names longer than `shownLength` are shortened in paths. */
export function validateMap<T>(
  map: Readonly<Record<string, T>> | undefined,
  path: string,
  {
    max,
    shownLength,
    validateName,
    validate,
  }: {
    readonly max?: number;
    readonly shownLength: number;
    readonly validateName: Validate<string>;
    readonly validate: Validate<T>;
  },
): FieldError[] {
  const entries = Object.entries(map ?? {});
  if (max !== undefined && entries.length > max) return [tooMany(path, entries.length, max)];
  return entries.flatMap(([name, value]) => [
    ...validateName(name, path),
    ...validate(value, at(path, shortened(name, shownLength))),
  ]);
}

function shortened(name: string, length: number): string {
  if (name.length <= length) return name;
  const remaining = length - 3;
  return `${name.slice(0, Math.trunc((remaining + 1) / 2))}...${name.slice(name.length - Math.trunc(remaining / 2))}`;
}
