/** Defaults must be what a client could have written: pruned, valid, and fit for the metadata that they are in. */
import { CelBudget } from '../../../api/cel/budget.ts';
import { at, child, type FieldError, fieldErrorMessage, invalid } from '../../../api/machinery/field-error.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';
import { compileEmbedded } from '../values/embedded-resources.ts';
import { compileRules, runRules } from '../values/rules.ts';
import { validateValue } from '../values/validate-value.ts';

type Loose = Record<string, unknown>;

const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const typeMeta: readonly string[] = ['apiVersion', 'kind', 'metadata'];

interface Place {
  readonly path: string;
  /** Definitions that had defaults with unknown fields may keep them. */
  readonly requirePruned: boolean;
  /** Where the default is in the metadata of an embedded resource: the resource, and that with the default in it. */
  readonly within: { readonly resource: Schema; readonly wrap: (value: unknown) => unknown; readonly meta: boolean };
}

/** What is wrong with the defaults of a structural schema; those of map values are not looked at, as upstream. */
export function validateDefaults(schema: Schema, path: string, requirePruned: boolean): FieldError[] {
  const errors: FieldError[] = [];
  walk(schema, { path, requirePruned, within: resource(schema) }, errors);
  return errors;
}

const resource = (schema: Schema): Place['within'] => ({
  resource: { ...schema, 'x-kubernetes-embedded-resource': true },
  wrap: (value) => ({ apiVersion: 'validation/v1', kind: 'Validation', ...(value as Loose) }),
  meta: false,
});

function walk(schema: Schema, place: Place, errors: FieldError[]): void {
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const within = embedded ? resource(schema) : place.within;
  if (schema.default !== undefined && schema.default !== null)
    errors.push(...checkDefault(schema, { ...place, within }));
  const items = itemsOf(schema);
  if (items)
    walk(
      items,
      { ...place, path: child(place.path, 'items'), within: { ...within, wrap: (value) => within.wrap([value]) } },
      errors,
    );
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const meta = within.meta || (embedded && typeMeta.includes(name));
    const wrap = (value: unknown) => within.wrap({ [name]: value });
    walk(
      property,
      { ...place, path: at(child(place.path, 'properties'), name), within: { ...within, wrap, meta } },
      errors,
    );
  }
}

function checkDefault(schema: Schema, { path, requirePruned, within }: Place): FieldError[] {
  const value: unknown = schema.default;
  const where = child(path, 'default');
  if (within.meta) {
    const problems = compileEmbedded(within.resource)?.(within.wrap(value), '') ?? [];
    if (problems.length) {
      const said = problems.map(fieldErrorMessage);
      const text = said.length > 1 ? `[${said.join(', ')}]` : said[0];
      return [invalid(where, value, `must result in valid metadata: ${text}`)];
    }
    return validateValue(schema, value, where);
  }
  const errors: FieldError[] = [];
  if (requirePruned && !isPruned(schema, value)) errors.push(invalid(where, value, 'must not have unknown fields'));
  const problems = compileEmbedded(schema)?.(value, where) ?? [];
  if (problems.length) return [...errors, ...problems];
  const wrong = validateValue(schema, value, where);
  if (wrong.length) return [...errors, ...wrong];
  const rules = compileRules(schema, [], '', schema['x-kubernetes-embedded-resource'] === true);
  return rules ? [...errors, ...runRules(rules, { value, path: where }, new CelBudget()).errors] : errors;
}

/** Whether any default of a schema has fields that would be dropped. */
export function hasUnprunedDefaults(schema: Schema): boolean {
  const value: unknown = schema.default;
  if (value !== undefined && value !== null && !isPruned(schema, value)) return true;
  const items = itemsOf(schema);
  return (items ? [items, ...Object.values(schema.properties ?? {})] : Object.values(schema.properties ?? {})).some(
    hasUnprunedDefaults,
  );
}

function isPruned(schema: Schema | undefined, value: unknown): boolean {
  if (Array.isArray(value)) {
    const items = schema && itemsOf(schema);
    return value.every((item) => isPruned(items, item));
  }
  if (!isObject(value)) return true;
  const preserve = schema?.['x-kubernetes-preserve-unknown-fields'] === true;
  const values = schema && valuesOf(schema);
  return Object.keys(value).every((key) => {
    if (schema?.['x-kubernetes-embedded-resource'] && typeMeta.includes(key)) return true;
    const properties = schema?.properties ?? {};
    if (Object.hasOwn(properties, key)) return isPruned(properties[key], value[key]);
    if (values) return values === true || isPruned(values, value[key]);
    return preserve;
  });
}
