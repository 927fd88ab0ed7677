/** How large values of a schema may be in one request: what the estimates of rules' costs start from. */
import { escapePropertyName } from '../../../api/cel/types.ts';
import type { ValueSize } from '../../../api/cel/worst-case.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';

const maxRequestBytes = 3 * 1024 * 1024;
/** Without the brackets or quotes around it. */
const maxContent = maxRequestBytes - 2;

/** Lengths of the strings of a format, as JSON has them. */
const formats: Readonly<Record<string, { readonly least: number; readonly most: number }>> = {
  duration: { least: 3, most: 32 },
  date: { least: 12, most: 12 },
  'date-time': { least: 21, most: 32 },
};

const text: Schema = { type: 'string' };

/** The largest sizes of a value and of everything in it. `resource`: it has a type and metadata whatever it says. */
export function sizeOf(schema: Schema, resource = schema['x-kubernetes-embedded-resource'] === true): ValueSize {
  if (schema['x-kubernetes-int-or-string']) return { max: stringSize({ ...schema, format: undefined } as Schema) };
  switch (schema.type) {
    case 'string':
      return { max: stringSize(schema) };
    case 'array': {
      const items = itemsOf(schema);
      if (!items) return { max: Number(schema.maxItems ?? maxContent) };
      const max = Number(schema.maxItems ?? Math.floor(maxContent / (leastBytes(items) + 1)));
      return { max, items: sizeOf(items) };
    }
    case 'object': {
      const values = valuesOf(schema);
      if (values && values !== true) {
        const max = Number(schema.maxProperties ?? Math.floor(maxContent / (leastBytes(values) + 6)));
        return { max, items: sizeOf(values) };
      }
      const fields: Record<string, ValueSize> = {};
      for (const [name, property] of Object.entries(schema.properties ?? {})) {
        const escaped = escapePropertyName(name);
        if (escaped) fields[escaped] = sizeOf(property);
      }
      if (resource) {
        const string = sizeOf(text);
        Object.assign(fields, { kind: string, apiVersion: string });
        fields['metadata'] = { max: 0, fields: { name: string, generateName: string } };
      }
      return { max: 0, fields };
    }
    default:
      return { max: 0 };
  }
}

function stringSize(schema: Schema): number {
  const format = formats[schema.format ?? ''];
  if (format) return format.most;
  if (schema.maxLength !== undefined) return Math.max(0, Number(schema.maxLength)) * (schema.format === 'byte' ? 1 : 4);
  const values = schema.enum?.filter((value) => typeof value === 'string') as readonly string[] | undefined;
  return values?.length ? Math.max(...values.map((value) => Buffer.byteLength(value))) : maxContent;
}

/** The fewest bytes that a value can have in JSON. */
function leastBytes(schema: Schema): number {
  if (schema['x-kubernetes-int-or-string']) return 1;
  switch (schema.type) {
    case 'string':
      return formats[schema.format ?? '']?.least ?? 2;
    case 'boolean':
      return 4;
    case 'array':
      return 2;
    case 'object': {
      let bytes = 2;
      for (const name of schema.required ?? []) {
        const property = schema.properties?.[name];
        if (property && property.default === undefined) bytes += name.length + leastBytes(property) + 4;
      }
      return bytes;
    }
    default:
      return 1;
  }
}

/** How many values of a schema one request can have at most, wherever they are. */
export function mostInRequest(schema: Schema): number {
  return Math.floor(maxRequestBytes / (leastBytes(schema) + 1));
}
