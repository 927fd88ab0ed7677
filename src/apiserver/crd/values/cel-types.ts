/** The types that CEL rules of a structural schema see. */
import { type CelType, escapePropertyName } from '../../../api/cel/types.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';

const objectMeta: CelType = { object: 'ObjectMeta', fields: { name: 'string', generateName: 'string' } };

/** The type of a schema's values. The root, and embedded resources, show their type and name whatever the schema says. */
export function celTypeOf(schema: Schema, name = 'self', resource = false): CelType {
  if (schema['x-kubernetes-int-or-string']) return 'intOrString';
  switch (schema.type) {
    case 'string':
      return stringType(schema.format);
    case 'boolean':
      return 'bool';
    case 'integer':
      return 'int';
    case 'number':
      return 'double';
    case 'array': {
      const items = itemsOf(schema);
      return { list: items ? celTypeOf(items, `${name}_items`) : 'dyn' };
    }
    case 'object':
      return objectType(schema, name, resource || schema['x-kubernetes-embedded-resource'] === true);
    default:
      return 'dyn';
  }
}

function stringType(format: string | undefined): CelType {
  switch (format) {
    case 'byte':
      return 'bytes';
    case 'duration':
      return 'duration';
    case 'date':
    case 'date-time':
      return 'timestamp';
    default:
      return 'string';
  }
}

function objectType(schema: Schema, name: string, resource: boolean): CelType {
  const values = valuesOf(schema);
  if (values !== undefined && !schema.properties)
    return { map: values === true ? 'dyn' : celTypeOf(values, `${name}_values`) };
  if (!schema.properties && !resource && schema['x-kubernetes-preserve-unknown-fields']) return 'dyn';
  const fields: Record<string, CelType> = {};
  if (resource) {
    fields['apiVersion'] = 'string';
    fields['kind'] = 'string';
    fields['metadata'] = objectMeta;
  }
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const escaped = escapePropertyName(key);
    if (escaped === undefined || (resource && escaped in fields)) continue;
    fields[escaped] = celTypeOf(property, `${name}_${key}`);
  }
  return { object: name, fields };
}
