/** What a version's schema may say (apiextensions validation: validateCustomResourceDefinitionValidation). */
import {
  child,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  omittedValue,
} from '../../../api/machinery/field-error.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';
import { validateListAndMap, validateListKeys } from './list-rules.ts';
import { validateRulePrograms, validateRuleTexts } from './rule-definitions.ts';
import { validateStructural } from './structural.ts';
import { validateDefaults } from './validate-defaults.ts';

/** What is asked of a schema: less on update, where the definition has been stored with what is asked now. */
export interface SchemaDemands {
  /** A status subresource takes the status' schema for itself, which only some fields at the root survive. */
  readonly hasStatus: boolean;
  readonly prunedDefaults: boolean;
  /** Items of sets must be atomic. */
  readonly atomicSets: boolean;
  /** Keys of lists must be there, and neither they nor items of sets and such lists be null. */
  readonly soundListKeys: boolean;
  /** Each rule for itself must be cheap; false for a schema that is as it was stored. */
  readonly cheapRules: boolean;
}

/** Of a new definition. */
export const newSchemaDemands: SchemaDemands = {
  hasStatus: false,
  prunedDefaults: true,
  atomicSets: true,
  soundListKeys: true,
  cheapRules: true,
};

/** Everything that is wrong with the schema of a version; `path` leads to openAPIV3Schema. */
export function validateSchema(schema: Schema, path: string, demands = newSchemaDemands): FieldError[] {
  const errors: FieldError[] = [];
  if (demands.hasStatus) checkRoot(schema, path, errors);
  if (schema.nullable) errors.push(forbidden(child(path, 'nullable'), 'nullable cannot be true at the root'));
  const structural = validateStructural(schema, path);
  errors.push(...(structural.length ? structural : validateDefaults(schema, path, demands.prunedDefaults)));
  walk(schema, path, { errors, demands, root: true, inMetadata: undefined });
  return errors.length ? errors : validateRulePrograms(schema, path, demands.cheapRules);
}

const allowedAtRoot = {
  description: 'Description',
  type: 'Type',
  format: 'Format',
  title: 'Title',
  maximum: 'Maximum',
  exclusiveMaximum: 'ExclusiveMaximum',
  minimum: 'Minimum',
  exclusiveMinimum: 'ExclusiveMinimum',
  maxLength: 'MaxLength',
  minLength: 'MinLength',
  pattern: 'Pattern',
  maxItems: 'MaxItems',
  minItems: 'MinItems',
  uniqueItems: 'UniqueItems',
  multipleOf: 'MultipleOf',
  required: 'Required',
  items: 'Items',
  properties: 'Properties',
  externalDocs: 'ExternalDocs',
  example: 'Example',
  'x-kubernetes-preserve-unknown-fields': 'XPreserveUnknownFields',
  'x-kubernetes-validations': 'XValidations',
};

function checkRoot(schema: Schema, path: string, errors: FieldError[]): void {
  const subject = 'at the root of the schema if the status subresource is enabled';
  if (schema.type && schema.type !== 'object')
    errors.push(invalid(child(path, 'type'), schema.type, `only "object" is allowed as the type ${subject}`));
  const others = Object.entries(schema).filter(
    ([name, value]) => value !== undefined && value !== false && !Object.hasOwn(allowedAtRoot, name),
  );
  if (others.length)
    errors.push(
      invalid(path, omittedValue, `only [${Object.values(allowedAtRoot).join(' ')}] fields are allowed ${subject}`),
    );
}

interface Walk {
  readonly errors: FieldError[];
  readonly demands: SchemaDemands;
  readonly root: boolean;
  /** Within the type or metadata of an object; with the reason why defaults may not stand there, if they may not. */
  readonly inMetadata: { readonly noDefaults?: string } | undefined;
}

const types: readonly string[] = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const typeMeta: readonly string[] = ['metadata', 'kind', 'apiVersion'];
const unsupported = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'] as const;

function walk(schema: Schema, path: string, { errors, demands, root, inMetadata }: Walk): void {
  checkForbidden(schema, path, { errors, demands, root, inMetadata });
  errors.push(...validateListAndMap(schema, path, demands.atomicSets));
  if (demands.soundListKeys) errors.push(...validateListKeys(schema, path));
  errors.push(...validateRuleTexts(schema, path));
  const next = (inner: Schema, name: string, metadata = inMetadata) =>
    walk(inner, child(path, name), { errors, demands, root: false, inMetadata: metadata });
  const values = valuesOf(schema);
  if (values && values !== true)
    next(
      values,
      'additionalProperties',
      inMetadata && { noDefaults: 'inside additionalProperties applying to object metadata' },
    );
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const enters = (root || schema['x-kubernetes-embedded-resource']) && typeMeta.includes(name);
    const entered = root ? { noDefaults: `in top-level ${name}` } : {};
    next(property, `properties[${name}]`, enters ? entered : inMetadata);
  }
  if (schema.not) next(schema.not, 'not');
  for (const name of ['allOf', 'oneOf', 'anyOf'] as const)
    for (const [i, each] of (schema[name] ?? []).entries()) next(each, `${name}[${i}]`);
  const items = itemsOf(schema);
  if (items) next(items, 'items');
}

function checkForbidden(schema: Schema, path: string, { errors, inMetadata }: Walk): void {
  const { type } = schema;
  if (type && !types.includes(type)) errors.push(notSupported(child(path, 'type'), type, types));
  if ((schema.default ?? undefined) !== undefined && inMetadata?.noDefaults)
    errors.push(forbidden(child(path, 'default'), `must not be set ${inMetadata.noDefaults}`));
  for (const name of unsupported)
    if (schema[name] !== undefined) errors.push(forbidden(child(path, name), `${name} is not supported`));
  if (type === 'null')
    errors.push(forbidden(child(path, 'type'), 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(schema.items))
    errors.push(forbidden(child(path, 'items'), 'items must be a schema object and not an array'));
  if (inMetadata && schema['x-kubernetes-embedded-resource'])
    errors.push(forbidden(child(path, 'x-kubernetes-embedded-resource'), 'must not be used inside of resource meta'));
  if (schema.uniqueItems)
    errors.push(
      forbidden(
        child(path, 'uniqueItems'),
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  const extra = schema.additionalProperties;
  if (extra !== undefined && extra !== true && Object.keys(schema.properties ?? {}).length)
    errors.push(
      forbidden(child(path, 'additionalProperties'), 'additionalProperties and properties are mutual exclusive'),
    );
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    errors.push(invalid(child(path, 'x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined'));
}
