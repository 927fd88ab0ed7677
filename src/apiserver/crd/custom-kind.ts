/** The kind that a definition adds, in one of its versions: the same hooks as the built-in ones have. */

import type { CustomResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import { CelBudget } from '../../api/cel/budget.ts';
import { type AnyKind, apiVersionOf, type Kind, type KubeObject, type Shared } from '../../api/kind.ts';
import { canonicalize } from '../../api/machinery/decode.ts';
import { type FieldError, type FieldErrorType, invalid } from '../../api/machinery/field-error.ts';
import { badRequest } from '../../api/machinery/status.ts';
import type { CustomResourceDefinitionVersion } from '../../api/types/apiextensions-v1.ts';
import { type DeepReadonly, mutableCopy } from '../../base/deep.ts';
import type { CustomHooks } from '../registry/resource.ts';
import { columnsOf } from './columns.ts';
import { findJsonPath, parseJsonPath } from './json-path.ts';
import { customStruct, type Schema } from './schema-types.ts';
import { compileDefaults, pruneNulls } from './values/defaulting.ts';
import { compileEmbedded } from './values/embedded-resources.ts';
import { validateListTypes } from './values/list-types.ts';
import { compileRules, runRules } from './values/rules.ts';
import { validateScaleValues } from './values/scale-values.ts';
import { validateValue } from './values/validate-value.ts';

type Definition = Shared<CustomResourceDefinition>;
type Version = DeepReadonly<CustomResourceDefinitionVersion>;
type Loose = Record<string, unknown>;

/** The schema without type and metadata at its root: those are checked for every kind alike. */
function contentSchema(schema: Schema): Schema {
  const { apiVersion: _a, kind: _k, metadata: _m, ...properties } = schema.properties ?? {};
  const required = schema.required?.filter((name) => !['apiVersion', 'kind', 'metadata'].includes(name));
  return { ...schema, properties, ...(required ? { required } : {}) };
}

const withoutType = (object: Shared<KubeObject>): Loose => {
  const { apiVersion: _a, kind: _k, metadata: _m, ...content } = object as unknown as Loose;
  return content;
};

/** Names and selection of a custom kind, with the behaviour that its schema gives it. */
export function makeCustomKind(definition: Definition, version: Version): AnyKind {
  const { group, scope } = definition.spec;
  const { plural, singular, shortNames, kind, listKind, categories } = definition.status.acceptedNames.kind
    ? definition.status.acceptedNames
    : definition.spec.names;
  const schema = version.schema?.openAPIV3Schema as Schema | undefined;
  const struct = customStruct({ group, version: version.name, kind }, schema);
  const content = schema ? contentSchema(schema) : undefined;
  const setDefaults = content && compileDefaults(content);
  const validate = validatorOf(version);
  const fieldLabels = Object.fromEntries(
    (version.selectableFields ?? []).map(({ jsonPath }) => {
      const steps = parseJsonPath(jsonPath);
      return [jsonPath.replace(/^\./, ''), (object: Shared<KubeObject>) => textOf(findJsonPath(steps, object)[0])];
    }),
  );
  const { scale, status } = version.subresources ?? {};
  const made: Kind<KubeObject> = {
    group,
    version: version.name,
    kind,
    plural,
    singular: singular ?? kind.toLowerCase(),
    ...(shortNames ? { shortNames } : {}),
    ...(categories ? { categories } : {}),
    scope: scope as 'Namespaced',
    schema: struct.id,
    subresources: { ...(status ? { status: true } : {}), ...(scale ? { scale } : {}) },
    defaults(object) {
      if (!content) return;
      pruneNulls(content, object);
      setDefaults?.(object);
    },
    validateCreate: (object) => validate(object, undefined, 'whole'),
    validateUpdate: (object, old) => validate(object, old, 'whole'),
    validateStatusUpdate: (object, old) => validate(object, old, 'status'),
    warnings: (object) => [...(toldOnly.get(object) ?? [])],
    columns: columnsOf(version.additionalPrinterColumns),
    ...(version.selectableFields?.length ? { fieldLabels } : {}),
    tracksGeneration: true,
    allowCreateOnUpdate: false,
    allowUnconditionalUpdate: false,
    namespaced: scope === 'Namespaced',
    apiVersion: apiVersionOf({ group, version: version.name }),
    listKind: listKind ?? `${kind}List`,
    struct,
  };
  return made;
}

/** Failures of rules on values that an update left as they were: warnings of the update, which asks for them later. */
const toldOnly = new WeakMap<object, readonly string[]>();

/** Errors that leave values without the type that rules rely on. */
const blocking: ReadonlySet<FieldErrorType> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

const uncheckedRules = invalid(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

type Validate = (
  object: Shared<KubeObject>,
  old: Shared<KubeObject> | undefined,
  part: 'whole' | 'status',
) => FieldError[];

/** Validation by a version's schema (upstream's customResourceStrategy): by OpenAPI first, by rules where that allows. */
function validatorOf(version: Version): Validate {
  const schema = version.schema?.openAPIV3Schema as Schema | undefined;
  if (!schema) return () => [];
  const content = contentSchema(schema);
  const rules = compileRules(schema);
  const checkEmbedded = compileEmbedded(content);
  const scale = version.subresources?.scale;
  return (object, old, part) => {
    const value = withoutType(object);
    const before = old && withoutType(old);
    const errors = validateValue(content, value, '', before);
    if (scale) errors.push(...validateScaleValues(scale, value, part));
    if (checkEmbedded) errors.push(...checkEmbedded(value, ''));
    const repeated = validateListTypes(content, value, '');
    // An object that had repeated elements may keep having them.
    if (repeated.length && !(before && validateListTypes(content, before, '').length)) errors.push(...repeated);
    if (!rules) return errors;
    if (errors.some((error) => blocking.has(error.type))) return [...errors, uncheckedRules];
    const found = runRules(rules, { value: object, old, path: '' }, new CelBudget());
    if (found.warnings.length) toldOnly.set(object, found.warnings);
    return [...errors, ...found.errors];
  };
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : String(value as number);
}

/** Pruning of what clients send. */
export function makeCustomHooks(kind: AnyKind, version: Version): CustomHooks {
  return {
    schema: version.schema?.openAPIV3Schema,
    admitRaw(value) {
      const { metadata } = value;
      if (metadata !== undefined && (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)))
        throw badRequest(
          `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: metadata must be an object`,
        );
      const { object, problems } = canonicalize<KubeObject>(
        kind.struct,
        metadata === undefined ? { ...value, metadata: {} } : value,
      );
      return { object: inOrder(object), problems };
    },
  };
}

/** Stored bytes begin with type and metadata, so that a revision can be put into them. */
function inOrder(object: KubeObject): KubeObject {
  const { kind, apiVersion, metadata, ...content } = object;
  return { apiVersion, kind, metadata, ...content };
}

/** An object without what the schema of its version does not know; the argument is left as it is. */
export function pruned(kind: AnyKind, object: Shared<KubeObject>): KubeObject {
  return inOrder(canonicalize<KubeObject>(kind.struct, mutableCopy(object), { validation: 'Ignore' }).object);
}

/** The warning that a deprecated version answers with. */
export function deprecationWarning(kind: AnyKind, version: Version): string | undefined {
  if (!version.deprecated) return undefined;
  return version.deprecationWarning ?? `${kind.apiVersion} ${kind.kind} is deprecated`;
}
