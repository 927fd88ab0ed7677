/** x-kubernetes-list-type, -list-map-keys and -map-type: what schemas must say for lists and maps to be merged. */
import {
  child,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../../../api/machinery/field-error.ts';
import { itemsOf, type Schema } from '../schema-types.ts';

const listTypes: readonly string[] = ['atomic', 'set', 'map'];
const mapTypes: readonly string[] = ['atomic', 'granular'];

/** Problems of one schema, not of those below it. */
export function validateListAndMap(schema: Schema, path: string, requireAtomicSets: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const listType = schema['x-kubernetes-list-type'];
  const mapType = schema['x-kubernetes-map-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const mustBe = (type: string, name: string) => {
    const detail = `must be ${type} if ${name} is specified`;
    const where = child(path, 'type');
    if (schema.type !== type) errors.push(schema.type ? invalid(where, schema.type, detail) : required(where, detail));
  };
  if (mapType !== undefined) {
    mustBe('object', 'x-kubernetes-map-type');
    if (!mapTypes.includes(mapType)) errors.push(notSupported(child(path, 'x-kubernetes-map-type'), mapType, mapTypes));
  }
  const listPath = child(path, 'x-kubernetes-list-type');
  if (listType !== undefined) {
    mustBe('array', 'x-kubernetes-list-type');
    if (!listTypes.includes(listType)) errors.push(notSupported(listPath, listType, listTypes));
  }
  if (requireAtomicSets && schema.type === 'array') errors.push(...setProblems(schema, path));
  if (keys.length && listType !== 'map') {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(listType ? invalid(listPath, listType, detail) : required(listPath, detail));
  }
  if (listType === 'map') errors.push(...mapProblems(schema, path));
  return errors;
}

/** Items of a set that could be merged: nobody could say which item a part belongs to. */
function setProblems(schema: Schema, path: string): FieldError[] {
  const items = itemsOf(schema);
  if (schema['x-kubernetes-list-type'] !== 'set' || !items) return [];
  const wrong = (name: 'x-kubernetes-list-type' | 'x-kubernetes-map-type') =>
    invalid(
      child(child(path, 'items'), name),
      items[name],
      'must be atomic as item of a list with x-kubernetes-list-type=set',
    );
  if (items.type === 'array' && (items['x-kubernetes-list-type'] ?? 'atomic') !== 'atomic')
    return [wrong('x-kubernetes-list-type')];
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') return [wrong('x-kubernetes-map-type')];
  return [];
}

function mapProblems(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keysPath = child(path, 'x-kubernetes-list-map-keys');
  const itemsPath = child(path, 'items');
  if (keys.length === 0) errors.push(required(keysPath, 'must not be empty if x-kubernetes-list-type is map'));
  const items = itemsOf(schema);
  if (!items) {
    errors.push(
      schema.items
        ? invalid(itemsPath, schema.items, 'must only have a single schema if x-kubernetes-list-type is map')
        : required(itemsPath, 'must have a schema if x-kubernetes-list-type is map'),
    );
    return errors;
  }
  if (items.type !== 'object') {
    const detail = "must be object if parent array's x-kubernetes-list-type is map";
    return [...errors, invalid(child(itemsPath, 'type'), items.type ?? '', detail)];
  }
  for (const [i, key] of keys.entries()) {
    const property = items.properties && Object.hasOwn(items.properties, key) ? items.properties[key] : undefined;
    if (!property) errors.push(invalid(keysPath, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object')
      errors.push(
        invalid(
          `${itemsPath}.properties[${key}].type`,
          items.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    if (keys.indexOf(key) !== i) errors.push(invalid(keysPath, keys, 'must not contain duplicate entries'));
  }
  return errors;
}

/** Items of sets and keyed lists cannot be null, and every item of a keyed list has its keys. */
export function validateListKeys(schema: Schema, path: string): FieldError[] {
  const items = itemsOf(schema);
  const listType = schema['x-kubernetes-list-type'];
  if (!items || (listType !== 'set' && listType !== 'map')) return [];
  const errors: FieldError[] = [];
  const itemsPath = child(path, 'items');
  if (items.nullable)
    errors.push(
      forbidden(child(itemsPath, 'nullable'), `cannot be nullable when x-kubernetes-list-type is ${listType}`),
    );
  for (const key of listType === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : []) {
    const property = items.properties && Object.hasOwn(items.properties, key) ? items.properties[key] : undefined;
    if (!property) continue;
    const where = `${itemsPath}.properties[${key}]`;
    const subject = 'this property is in x-kubernetes-list-map-keys, so it';
    if (!items.required?.includes(key) && (property.default ?? undefined) === undefined)
      errors.push(required(child(where, 'default'), `${subject} must have a default or be a required property`));
    if (property.nullable) errors.push(forbidden(child(where, 'nullable'), `${subject} cannot be nullable`));
  }
  return errors;
}
