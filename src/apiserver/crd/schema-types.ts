/** What a structural schema says of a field's type, in the form that decoding and merging work with. */
import type { FieldSchema, Scalar, StructSchema, TypeSchema } from '../../api/schema/schema.ts';
import { structSchema } from '../../api/schema/schema.ts';
import type { JSONSchemaProps } from '../../api/types/apiextensions-v1.ts';
import type { DeepReadonly } from '../../base/deep.ts';

export type Schema = DeepReadonly<JSONSchemaProps>;

const scalars: Readonly<Record<string, Scalar>> = {
  string: 'string',
  boolean: 'bool',
  integer: 'int64',
  number: 'float64',
};

/** The schema of a list's items; the array form is not allowed in CRDs. */
export function itemsOf(schema: Schema): Schema | undefined {
  return Array.isArray(schema.items) ? undefined : (schema.items as Schema | undefined);
}

/** The schema of a map's values; `true` means anything. */
export function valuesOf(schema: Schema): Schema | true | undefined {
  const extra = schema.additionalProperties;
  if (extra === undefined || extra === false) return undefined;
  return extra === true ? true : (extra as Schema);
}

/** The type of a value with this schema. */
export function typeOfSchema(schema: Schema, name: string): TypeSchema {
  if (schema['x-kubernetes-int-or-string']) return { kind: 'scalar', scalar: 'IntOrString' };
  if (schema.type === 'array') {
    const items = itemsOf(schema);
    const listType = schema['x-kubernetes-list-type'] as 'map' | 'set' | 'atomic' | undefined;
    const keys = schema['x-kubernetes-list-map-keys'];
    return {
      kind: 'list',
      of: items ? typeOfSchema(items, `${name}[]`) : { kind: 'any' },
      listType: listType ?? 'atomic',
      ...(keys ? { keys } : {}),
    };
  }
  if (schema.type === 'object' || schema.properties) {
    const values = valuesOf(schema);
    const atomic = schema['x-kubernetes-map-type'] === 'atomic';
    const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true;
    if (values !== undefined && !schema.properties)
      return {
        kind: 'map',
        of: values === true ? { kind: 'any' } : typeOfSchema(values, `${name}{}`),
        ...(atomic ? { atomic } : {}),
      };
    if (!schema.properties && preserve && !schema['x-kubernetes-embedded-resource'])
      return { kind: 'struct', struct: dynamicStruct(schema, name), ...(atomic ? { atomic } : {}) };
    return { kind: 'struct', struct: dynamicStruct(schema, name), ...(atomic ? { atomic } : {}) };
  }
  const scalar = schema.type ? scalars[schema.type] : undefined;
  return scalar ? { kind: 'scalar', scalar } : { kind: 'any' };
}

function field(name: string, type: TypeSchema, fallback?: unknown): FieldSchema {
  return {
    name,
    number: undefined,
    type,
    pointer: true,
    inline: false,
    omitEmpty: true,
    optional: true,
    default: fallback ?? undefined,
    listType: undefined,
    listMapKeys: [],
    mapType: undefined,
    structType: undefined,
    patchStrategy: [],
    patchMergeKey: undefined,
    featureGate: undefined,
    unionDiscriminator: false,
  };
}

const text: TypeSchema = { kind: 'scalar', scalar: 'string' };

/** A struct of the declared properties, with type and metadata where it is an object of its own. */
function dynamicStruct(
  schema: Schema,
  name: string,
  embedded = schema['x-kubernetes-embedded-resource'] === true,
): StructSchema {
  const fields: FieldSchema[] = [];
  if (embedded) {
    fields.push(
      field('kind', text),
      field('apiVersion', text),
      field('metadata', { kind: 'struct', struct: structSchema('meta/v1.ObjectMeta') }),
    );
  }
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (embedded && (key === 'kind' || key === 'apiVersion' || key === 'metadata')) continue;
    fields.push(field(key, typeOfSchema(property, `${name}.${key}`), property.default));
  }
  return {
    id: name,
    name: name.slice(name.lastIndexOf('.') + 1),
    openapiName: name,
    cluster: false,
    structType: schema['x-kubernetes-map-type'] === 'atomic' ? 'atomic' : undefined,
    union: false,
    dynamic: true,
    preserveUnknown: schema['x-kubernetes-preserve-unknown-fields'] === true,
    fields,
    byName: new Map(fields.map((each) => [each.name, each])),
  };
}

/** The struct of a custom resource: its schema, with type and metadata whatever the schema says of them. */
export function customStruct(
  definition: { readonly group: string; readonly version: string; readonly kind: string },
  schema: Schema | undefined,
): StructSchema {
  const { group, version, kind } = definition;
  const openapiName = `${group.split('.').reverse().join('.')}.${version}.${kind}`;
  const struct = dynamicStruct(
    schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    openapiName,
    true,
  );
  return { ...struct, id: `${group}/${version}.${kind}`, name: kind };
}
