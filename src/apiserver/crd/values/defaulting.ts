/** Fills in the defaults of a structural schema, as upstream's structural-schema defaulting does. */
import { mutableCopy } from '../../../base/deep.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A function that sets defaults in place; undefined when the schema has none. */
export type Defaulter = (value: unknown) => void;

/** Compiles a schema to its defaulter: subtrees without defaults cost nothing. */
export function compileDefaults(schema: Schema): Defaulter | undefined {
  const properties: { name: string; fill: unknown; nullable: boolean; inner: Defaulter | undefined }[] = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const inner = compileDefaults(property);
    const fill = property.default ?? undefined;
    if (inner || fill !== undefined) properties.push({ name, fill, nullable: property.nullable === true, inner });
  }
  const values = valuesOf(schema);
  const ofValues = values && values !== true ? { schema: values, inner: compileDefaults(values) } : undefined;
  const items = itemsOf(schema);
  const ofItems = items ? { schema: items, inner: compileDefaults(items) } : undefined;
  const worksOnValues = ofValues && (ofValues.inner || ofValues.schema.default !== undefined);
  const worksOnItems = ofItems && (ofItems.inner || ofItems.schema.default !== undefined);
  if (properties.length === 0 && !worksOnValues && !worksOnItems) return undefined;

  return (value) => {
    if (isObject(value)) {
      for (const { name, fill, nullable, inner } of properties) {
        const now = value[name];
        // A null that the field may not have counts as absent.
        if (fill !== undefined && (now === undefined || (now === null && !nullable))) value[name] = mutableCopy(fill);
        if (inner && value[name] !== undefined) inner(value[name]);
      }
      if (worksOnValues) {
        const declared = schema.properties ?? {};
        for (const key of Object.keys(value)) {
          if (Object.hasOwn(declared, key)) continue;
          if (value[key] === null && !ofValues.schema.nullable && ofValues.schema.default !== undefined)
            value[key] = mutableCopy(ofValues.schema.default);
          ofValues.inner?.(value[key]);
        }
      }
    } else if (Array.isArray(value) && worksOnItems) {
      for (let i = 0; i < value.length; i++) {
        if (value[i] === null && !ofItems.schema.nullable && ofItems.schema.default !== undefined)
          value[i] = mutableCopy(ofItems.schema.default);
        ofItems.inner?.(value[i]);
      }
    }
  };
}

/**
 * Removes nulls that a schema neither allows nor has a default for (upstream's PruneNonNullableNullsWithoutDefaults):
 * they count as absent. Those with a default are left for the defaulter; elements of lists stay.
 */
export function pruneNulls(schema: Schema, value: unknown): void {
  if (!isObject(value)) {
    const items = itemsOf(schema);
    if (Array.isArray(value) && items) for (const item of value) pruneNulls(items, item);
    return;
  }
  const values = valuesOf(schema);
  for (const key of Object.keys(value)) {
    const declared = schema.properties && Object.hasOwn(schema.properties, key);
    const inner = declared ? schema.properties![key]! : values;
    if (!inner || inner === true) continue;
    if (value[key] !== null) pruneNulls(inner, value[key]);
    else if (!inner.nullable && (inner.default ?? undefined) === undefined) delete value[key];
  }
}
