/** Objects within objects (x-kubernetes-embedded-resource) have a type and metadata as those outside have. */
import { mixedCase } from '../../../api/apiextensions/names-validation.ts';
import { at, child, type FieldError, invalid, required } from '../../../api/machinery/field-error.ts';
import { dns1035Label, pathSegmentName } from '../../../api/machinery/names.ts';
import { validateObjectMeta } from '../../../api/machinery/object-meta.ts';
import type { ObjectMeta } from '../../../api/types/meta-v1.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';

type Loose = Record<string, unknown>;

/** What is wrong with the types and metadata of embedded resources; undefined for a schema that has none. */
export type EmbeddedCheck = (value: unknown, path: string) => FieldError[];

/** Compiles a schema to the check of its embedded resources: subtrees without cost nothing. */
export function compileEmbedded(schema: Schema): EmbeddedCheck | undefined {
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const check = compileEmbedded(property);
    return check ? [{ name, check }] : [];
  });
  const items = itemsOf(schema);
  const ofItems = items && compileEmbedded(items);
  const values = valuesOf(schema);
  const ofValues = values && values !== true ? compileEmbedded(values) : undefined;
  if (!embedded && properties.length === 0 && !ofItems && !ofValues) return undefined;

  return (value, path) => {
    if (Array.isArray(value)) return ofItems ? value.flatMap((item, i) => ofItems(item, at(path, i))) : [];
    if (typeof value !== 'object' || value === null) return [];
    const object = value as Loose;
    const errors = embedded ? checkResource(object, path) : [];
    for (const { name, check } of properties) errors.push(...check(object[name], child(path, name)));
    if (ofValues) for (const key of Object.keys(object)) errors.push(...ofValues(object[key], at(path, key)));
    return errors;
  };
}

function checkResource(object: Loose, path: string): FieldError[] {
  const { apiVersion, kind, metadata } = object;
  const errors: FieldError[] = [];
  const versionPath = child(path, 'apiVersion');
  if (apiVersion === undefined || apiVersion === '') errors.push(required(versionPath));
  else if (typeof apiVersion !== 'string') errors.push(invalid(versionPath, apiVersion, 'must be a string'));
  else if (apiVersion.split('/').length > 2)
    errors.push(invalid(versionPath, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  const kindPath = child(path, 'kind');
  if (kind === undefined || kind === '') errors.push(required(kindPath));
  else if (typeof kind !== 'string') errors.push(invalid(kindPath, kind, 'must be a string'));
  else {
    const problems = dns1035Label(kind.toLowerCase());
    if (problems.length) errors.push(invalid(kindPath, kind, mixedCase + problems.join(',')));
  }
  if (typeof metadata === 'object' && metadata !== null) {
    const meta = { ...metadata } as ObjectMeta;
    meta.name ||= 'fakename';
    errors.push(
      ...validateObjectMeta(meta, {
        namespaced: Boolean(meta.namespace),
        validateName: pathSegmentName,
        path: child(path, 'metadata'),
      }),
    );
  }
  return errors;
}
