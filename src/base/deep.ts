/** Open string unions are written `'A' | (string & {})`, which would count as an object. */
type Primitive = string | number | boolean | bigint | symbol | null | undefined;

/** T with every property read-only at every depth: what caches and informers hand out. */
export type DeepReadonly<T> = T extends Primitive
  ? T
  : T extends (infer E)[]
    ? readonly DeepReadonly<E>[]
    : T extends Uint8Array
      ? T
      : T extends object
        ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
        : T;

/** T with every property optional at every depth: what a caller gives before defaults are set. */
export type DeepPartial<T> = T extends Primitive
  ? T
  : T extends (infer E)[]
    ? DeepPartial<E>[]
    : T extends Uint8Array
      ? T
      : T extends object
        ? { [K in keyof T]?: DeepPartial<T[K]> }
        : T;

/** A mutable copy of a shared object, for changing and sending back. */
export function mutableCopy<T>(value: T): Mutable<T> {
  return copyValue(value) as Mutable<T>;
}

/** The inverse of {@link DeepReadonly}. */
export type Mutable<T> = T extends Primitive
  ? T
  : T extends readonly (infer E)[]
    ? Mutable<E>[]
    : T extends Uint8Array
      ? T
      : T extends object
        ? { -readonly [K in keyof T]: Mutable<T[K]> }
        : T;

function copyValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyValue);
  if (value !== null && typeof value === 'object') {
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const copy = copyValue((value as Record<string, unknown>)[key]);
      // Assigning to __proto__ would set the prototype instead of a property.
      if (key === '__proto__')
        Object.defineProperty(out, key, { value: copy, enumerable: true, writable: true, configurable: true });
      else out[key] = copy;
    }
    return out;
  }
  return value;
}

/** Freezes a JSON-like value at every depth and returns it. */
export function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value) && !ArrayBuffer.isView(value)) {
    Object.freeze(value);
    for (const key of Object.keys(value)) deepFreeze((value as Record<string, unknown>)[key]);
  }
  return value;
}

/** Whether two JSON-like values are equal; an absent property equals an undefined one. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((element, i) => deepEqual(element, b[i]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of Object.keys(left)) if (!deepEqual(left[key], right[key])) return false;
  for (const key of Object.keys(right)) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}
