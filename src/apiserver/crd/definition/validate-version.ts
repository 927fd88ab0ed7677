/** What a version says beside its schema: deprecation, columns, selectable fields, subresources. */
import type { CustomResourceDefinition } from '../../../api/apiextensions/custom-resource-definition.ts';
import type { Shared } from '../../../api/kind.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  invalid,
  required,
  tooMany,
} from '../../../api/machinery/field-error.ts';
import type { Schema } from '../schema-types.ts';
import { parseFieldPath } from '../values/field-path.ts';

type Version = Shared<CustomResourceDefinition>['spec']['versions'][number];

const maxWarningBytes = 256;

/** `path` leads to the version. */
export function validateDeprecation({ deprecated, deprecationWarning: text }: Version, path: string): FieldError[] {
  const wrong = (detail: string) => invalid(child(path, 'deprecationWarning'), text, detail);
  if (text === undefined) return [];
  if (!deprecated) return [wrong('can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (Buffer.byteLength(text) > maxWarningBytes) errors.push(wrong(`must be <= ${maxWarningBytes} characters long`));
  if (text === '') errors.push(wrong('must not be an empty string'));
  const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(text);
  if (unprintable)
    errors.push(
      wrong(
        `must only contain printable UTF-8 characters; non-printable character found at index ${Buffer.byteLength(text.slice(0, unprintable.index))}`,
      ),
    );
  return errors;
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

/** `path` leads to the columns. */
export function validateColumns({ additionalPrinterColumns = [] }: Version, path: string): FieldError[] {
  return additionalPrinterColumns.flatMap(({ name, type, format, jsonPath }, i) => {
    const where = at(path, i);
    const errors: FieldError[] = [];
    if (!name) errors.push(required(child(where, 'name')));
    const oneOf = `must be one of ${columnTypes.join(',')}`;
    if (!type) errors.push(required(child(where, 'type'), oneOf));
    else if (!columnTypes.includes(type)) errors.push(invalid(child(where, 'type'), type, oneOf));
    if (format && !columnFormats.includes(format))
      errors.push(invalid(child(where, 'format'), format, `must be one of ${columnFormats.join(',')}`));
    if (!jsonPath) errors.push(required(child(where, 'JSONPath')));
    else errors.push(...simplePath(jsonPath, child(where, 'JSONPath')));
    return errors;
  });
}

function simplePath(text: string, path: string): FieldError[] {
  return text.startsWith('.') ? [] : [invalid(path, text, 'must be a simple json path starting with .')];
}

const maxSelectableFields = 8;
const selectableTypes: readonly (string | undefined)[] = ['string', 'boolean', 'integer'];

/** `path` leads to the selectable fields. */
export function validateSelectableFields(
  { selectableFields = [] }: Version,
  schema: Schema,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { jsonPath }] of selectableFields.entries()) {
    const where = child(at(path, i), 'jsonPath');
    if (!jsonPath) {
      errors.push(required(where));
      continue;
    }
    try {
      const found = parseFieldPath(jsonPath, schema, { brackets: false });
      if (found.root === 'metadata') errors.push(invalid(where, jsonPath, 'must not point to fields in metadata'));
      if (!selectableTypes.includes(found.schema?.type))
        errors.push(
          invalid(
            where,
            jsonPath,
            'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
          ),
        );
      if (seen.has(found.path)) errors.push(duplicate(where, jsonPath));
      seen.add(found.path);
    } catch (error) {
      errors.push(invalid(where, jsonPath, `is an invalid path: ${(error as Error).message}`));
    }
  }
  if (seen.size > maxSelectableFields) errors.push(tooMany(path, seen.size, maxSelectableFields));
  return errors;
}

/** `path` leads to the subresources. */
export function validateSubresources({ subresources }: Version, path: string): FieldError[] {
  const { scale } = subresources ?? {};
  if (!scale) return [];
  const under = (name: 'specReplicasPath' | 'statusReplicasPath', parent: string): FieldError[] => {
    const value = scale[name];
    const where = `${path}.scale.${name}`;
    if (!value) return [required(where)];
    const problems = simplePath(value, where);
    if (problems.length || value.startsWith(`${parent}.`)) return problems;
    return [invalid(where, value, `should be a json path under ${parent}`)];
  };
  const errors = [...under('specReplicasPath', '.spec'), ...under('statusReplicasPath', '.status')];
  const { labelSelectorPath: selector } = scale;
  if (!selector) return errors;
  const where = `${path}.scale.labelSelectorPath`;
  const problems = simplePath(selector, where);
  if (!problems.length && !/^\.(spec|status)\./.test(selector))
    problems.push(invalid(where, selector, 'should be a json path under either .spec or .status'));
  return [...errors, ...problems];
}
