/**
 * Whether a schema is structural (KEP-1979): every field has a type outside of value validation, what stands below allOf,
 * anyOf, oneOf and not only narrows it, and metadata is left alone (apiextensions schema/validation.go, complete.go).
 */
import { linearRegex, unicodeRegex } from '../../../api/cel/libraries/linear-regex.ts';
import {
  at,
  child,
  type FieldError,
  fieldErrorMessage,
  forbidden,
  invalid,
  required,
} from '../../../api/machinery/field-error.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';

/** Everything that keeps a schema from being structural, sorted by message; `path` leads to the schema. */
export function validateStructural(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  checkInvariants(schema, path, { level: 'root', errors });
  checkComplete(schema, schema, { path, from: path, errors });
  return errors
    .map((error) => ({ error, text: fieldErrorMessage(error) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ error }) => error);
}

type Level = 'root' | 'item' | 'field';

const untyped: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

interface Walk {
  readonly level: Level;
  readonly errors: FieldError[];
}

function checkInvariants(schema: Schema, path: string, { level, errors }: Walk): void {
  const root = level === 'root';
  const items = itemsOf(schema);
  if (schema.type === 'array' && !schema.items) errors.push(required(child(path, 'items'), 'must be specified'));
  if (items) checkInvariants(items, child(path, 'items'), { level: 'item', errors });
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    checkInvariants(property, at(child(path, 'properties'), name), { level: 'field', errors });
  const values = valuesOf(schema);
  const valuesPath = child(path, 'additionalProperties');
  if (schema.additionalProperties !== undefined && root)
    errors.push(forbidden(valuesPath, 'must not be used at the root'));
  if (values && values !== true) checkInvariants(values, valuesPath, { level: 'field', errors });
  checkValueValidation(schema, path, { errors, intOrString: intOrStringPattern(schema) });
  checkType(schema, path, { level, errors });
  if (root || schema['x-kubernetes-embedded-resource']) checkTypeMeta(schema, path, errors);
  if (root && schema.properties?.['metadata']) checkMetadata(schema.properties['metadata'], path, errors);
}

function checkType(schema: Schema, path: string, { level, errors }: Walk): void {
  const { type } = schema;
  const typePath = child(path, 'type');
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const notBoth = (name: string) =>
    errors.push(invalid(child(path, name), true, 'must be false if x-kubernetes-int-or-string is true'));
  if (intOrString && preserve) notBoth('x-kubernetes-preserve-unknown-fields');
  if (intOrString && embedded) notBoth('x-kubernetes-embedded-resource');
  if (embedded && type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type ? invalid(typePath, type, detail) : required(typePath, detail));
  } else if (!type && !intOrString && !preserve) errors.push(required(typePath, untyped[level]));
  if (level === 'root' && type && type !== 'object') errors.push(invalid(typePath, type, 'must be object at the root'));
  if (!embedded) return;
  if (schema.additionalProperties !== undefined)
    errors.push(
      forbidden(child(path, 'additionalProperties'), 'must not be used if x-kubernetes-embedded-resource is set'),
    );
  if (!preserve && Object.keys(schema.properties ?? {}).length === 0)
    errors.push(
      required(
        child(path, 'properties'),
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
}

/** Where an object has a type and metadata, the schema may only say so. */
function checkTypeMeta({ properties }: Schema, path: string, errors: FieldError[]): void {
  for (const [name, type] of [
    ['kind', 'string'],
    ['apiVersion', 'string'],
    ['metadata', 'object'],
  ] as const) {
    const property = properties?.[name];
    if (property && property.type !== type)
      errors.push(invalid(`${at(child(path, 'properties'), name)}.type`, property.type ?? '', `must be ${type}`));
  }
}

/** At the root metadata is known: a schema may narrow its names and say nothing else of it. */
function checkMetadata(metadata: Schema, path: string, errors: FieldError[]): void {
  const { properties, type: _t, default: _d, ...rest } = metadata;
  const narrowed = Object.keys(properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName');
  const said = Object.entries(rest).filter(([, value]) => value !== undefined && value !== false);
  if (narrowed.length || said.length)
    errors.push(
      forbidden(
        at(child(path, 'properties'), 'metadata'),
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    );
}

/** `anyOf: [{type: integer}, {type: string}]`, by itself or first in an allOf, may name types. */
function intOrStringPattern(schema: Schema): 'anyOf' | 'allOf' | undefined {
  const matches = (anyOf: readonly Schema[] | undefined) =>
    JSON.stringify(anyOf) === '[{"type":"integer"},{"type":"string"}]';
  if (matches(schema.anyOf)) return 'anyOf';
  return matches(schema.allOf?.[0]?.anyOf) ? 'allOf' : undefined;
}

interface Values {
  readonly errors: FieldError[];
  readonly intOrString?: 'anyOf' | 'allOf' | undefined;
}

function checkValueValidation(schema: Schema, path: string, { errors, intOrString }: Values): void {
  if (intOrString !== 'anyOf')
    for (const [i, each] of (schema.anyOf ?? []).entries()) checkNested(each, at(child(path, 'anyOf'), i), { errors });
  for (const [i, each] of (schema.allOf ?? []).entries())
    checkNested(each, at(child(path, 'allOf'), i), {
      errors,
      intOrString: intOrString === 'allOf' && i === 0 ? 'anyOf' : undefined,
    });
  for (const [i, each] of (schema.oneOf ?? []).entries()) checkNested(each, at(child(path, 'oneOf'), i), { errors });
  if (schema.not) checkNested(schema.not, child(path, 'not'), { errors });
  const problem = schema.pattern && patternProblem(schema.pattern);
  if (problem)
    errors.push(
      invalid(child(path, 'pattern'), schema.pattern, `must be a valid regular expression, but isn't: ${problem}`),
    );
}

/** What value validation must not say, and the word for how it is to be. */
const toBeSilent: readonly (readonly [keyof Schema, string])[] = [
  ['type', 'empty'],
  ['additionalProperties', 'undefined'],
  ['default', 'undefined'],
  ['title', 'empty'],
  ['description', 'empty'],
  ['nullable', 'false'],
  ['externalDocs', 'undefined'],
  ['x-kubernetes-preserve-unknown-fields', 'false'],
  ['x-kubernetes-embedded-resource', 'false'],
  ['x-kubernetes-int-or-string', 'false'],
  ['x-kubernetes-list-map-keys', 'empty'],
  ['x-kubernetes-list-type', 'undefined'],
  ['x-kubernetes-map-type', 'undefined'],
  ['x-kubernetes-validations', 'empty'],
];

const saysNothing = (value: unknown) =>
  value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0);

function checkNested(schema: Schema, path: string, values: Values): void {
  const { errors } = values;
  checkValueValidation(schema, path, values);
  const items = itemsOf(schema);
  if (items) checkNested(items, child(path, 'items'), { errors });
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    checkNested(property, at(child(path, 'properties'), name), { errors });
  for (const [name, wanted] of toBeSilent)
    if (name === 'additionalProperties' ? schema[name] !== undefined : !saysNothing(schema[name]))
      errors.push(forbidden(child(path, name), `must be ${wanted} to be structural`));
  if (schema.properties?.['metadata'])
    errors.push(forbidden(at(child(path, 'properties'), 'metadata'), 'must not be specified in a nested context'));
}

interface Completeness {
  /** Where the structure has to say what value validation at `from` speaks of. */
  readonly path: string;
  readonly from: string;
  readonly errors: FieldError[];
}

/** Fields and items that value validation speaks of must be in the structure. */
function checkComplete(validation: Schema, structure: Schema, { path, from, errors }: Completeness): void {
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [i, each] of (validation[name] ?? []).entries())
      checkNestedComplete(each, structure, { path, from: at(child(from, name), i), errors });
  if (validation.not) checkNestedComplete(validation.not, structure, { path, from: child(from, 'not'), errors });
}

function checkNestedComplete(nested: Schema, structure: Schema | undefined, place: Completeness): void {
  const { path, from, errors } = place;
  if (!structure) {
    errors.push(required(path, `because it is defined in ${from}`));
    return;
  }
  checkComplete(nested, structure, place);
  const below = (name: string) => ({ path: child(path, name), from: child(from, name), errors });
  const items = itemsOf(nested);
  if (items) checkNestedComplete(items, itemsOf(structure), below('items'));
  for (const [name, property] of Object.entries(nested.properties ?? {})) {
    const known = structure.properties && Object.hasOwn(structure.properties, name);
    checkNestedComplete(property, known ? structure.properties![name] : undefined, below(`properties[${name}]`));
  }
}

/** What is wrong with a pattern of RE2's syntax. */
function patternProblem(pattern: string): string | undefined {
  const outsideClasses = pattern.replace(/\\\\|\[(?:\\.|[^\]\\])+\]/g, '');
  const perl = /(?<!\\)(\(\?<?[=!]|\\[1-9])/.exec(outsideClasses)?.[1];
  if (perl)
    return perl.startsWith('(')
      ? `error parsing regexp: invalid or unsupported Perl syntax: \`${perl}\``
      : `error parsing regexp: invalid escape sequence: \`${perl}\``;
  try {
    linearRegex(pattern);
    return undefined;
  } catch (error) {
    return unicodeRegex(pattern) ? undefined : `error parsing regexp: ${(error as Error).message}`;
  }
}
