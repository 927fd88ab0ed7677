/** The types of the values that expressions see, and how JSON becomes such values. */
import type { StructSchema, TypeSchema } from '../schema/schema.ts';

export type CelScalar =
  | 'dyn'
  | 'bool'
  | 'int'
  | 'double'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'null'
  | 'intOrString'
  | 'quantity'
  | 'authorizer'
  | 'resourceCheck';

/** A value's type; objects list the fields that may be selected, others are errors when the expression is compiled. */
export type CelType =
  | CelScalar
  | { readonly list: CelType }
  | { readonly map: CelType }
  /** A variable that may have no value: `oldSelf.hasValue()`. */
  | { readonly optional: CelType }
  | { readonly object: string; readonly fields: Readonly<Record<string, CelType>> }
  /** A type that needs itself: looked up when it is first needed. */
  | (() => CelType);

/** The type itself, for one that is given by a function. */
export const resolveType = (type: CelType): Exclude<CelType, () => CelType> => {
  let resolved = type;
  while (typeof resolved === 'function') resolved = resolved();
  return resolved;
};

const keywords: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/**
 * A property's name as expressions write it (KEP-2876): `foo-bar` is `foo__dash__bar`, `namespace` is
 * `__namespace__`. undefined when it cannot be written at all.
 */
export function escapePropertyName(name: string): string | undefined {
  if (keywords.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_.\-/][\w.\-/]*$/.test(name)) return undefined;
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}

const builtinTypes = new Map<string, CelType>();

/** The type of a built-in struct: `core/v1.Pod` and everything below it. */
export function structType(struct: StructSchema): CelType {
  const known = builtinTypes.get(struct.id);
  if (known) return known;
  let made: CelType | undefined;
  const lazy: CelType = () => {
    made ??= { object: struct.id, fields: structFields(struct) };
    return made;
  };
  builtinTypes.set(struct.id, lazy);
  return lazy;
}

function structFields(struct: StructSchema): Record<string, CelType> {
  const fields: Record<string, CelType> = {};
  for (const [name, field] of struct.byName) {
    const escaped = escapePropertyName(name);
    if (escaped) fields[escaped] = typeOfSchema(field.type);
  }
  return fields;
}

function typeOfSchema(type: TypeSchema): CelType {
  if (type.kind === 'list') return { list: typeOfSchema(type.of) };
  if (type.kind === 'map') return { map: typeOfSchema(type.of) };
  if (type.kind === 'struct') return structType(type.struct);
  if (type.kind !== 'scalar') return 'dyn';
  switch (type.scalar) {
    case 'string':
    case 'Quantity':
      return 'string';
    case 'bool':
      return 'bool';
    case 'int32':
    case 'int64':
    case 'uint32':
      return 'int';
    case 'float64':
      return 'double';
    case 'bytes':
      return 'bytes';
    case 'Time':
    case 'MicroTime':
      return 'timestamp';
    case 'Duration':
      return 'duration';
    case 'IntOrString':
      return 'intOrString';
    default:
      return 'dyn';
  }
}
