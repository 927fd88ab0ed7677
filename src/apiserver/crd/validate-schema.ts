/** Whether a schema is structural (KEP-1979), and what else CRD schemas must and must not say. */
import {
  at,
  child,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../../api/machinery/field-error.ts';
import { checkRuleCosts } from './rule-costs.ts';
import { compileRules, type RuleProblem, type RuleTree } from './rules.ts';
import { itemsOf, type Schema, valuesOf } from './schema-types.ts';
import { validateValue } from './validate-value.ts';

const types = ['object', 'array', 'string', 'integer', 'number', 'boolean'];

/** Everything that is wrong with the schema of a version; `path` leads to openAPIV3Schema. */
export function validateSchema(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!schema.type) errors.push(required(child(path, 'type'), 'must not be empty at the root'));
  else if (schema.type !== 'object')
    errors.push(invalid(child(path, 'type'), schema.type, 'must be object at the root'));
  if (schema.nullable) errors.push(forbidden(child(path, 'nullable'), 'nullable cannot be true at the root'));
  checkMetadata(schema, path, errors);
  walk(schema, path, { errors, root: true, level: 'field' });
  if (errors.length) return errors;
  const problems: RuleProblem[] = [];
  const rules = compileRules(schema, problems);
  if (rules) {
    checkTransitions(rules, path, errors);
    errors.push(...checkRuleCosts(rules, path));
  }
  for (const problem of problems) errors.push(invalid(child(path, problem.path), problem.value, problem.detail));
  return errors;
}

function checkMetadata(schema: Schema, path: string, errors: FieldError[]): void {
  const metadata = schema.properties?.['metadata'];
  if (!metadata) return;
  const where = child(path, 'properties[metadata]');
  const others = Object.keys(metadata.properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName');
  if (others.length)
    errors.push(
      forbidden(
        where,
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    );
}

interface Walk {
  readonly errors: FieldError[];
  readonly root: boolean;
  readonly level: 'field' | 'item';
}

function walk(schema: Schema, path: string, { errors, root, level }: Walk): void {
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (!root && !schema.type && !intOrString && !preserve)
    errors.push(
      required(
        child(path, 'type'),
        `must not be empty for specified ${level === 'item' ? 'array items' : 'object fields'}`,
      ),
    );
  if (schema.type && !types.includes(schema.type)) errors.push(notSupported(child(path, 'type'), schema.type, types));
  if (intOrString && schema.type)
    errors.push(invalid(child(path, 'type'), schema.type, 'must be empty if x-kubernetes-int-or-string is true'));
  checkForbidden(schema, path, errors);
  checkListAndMap(schema, path, errors);
  if (schema['x-kubernetes-embedded-resource']) checkEmbedded(schema, path, errors);
  if (schema.default !== undefined) checkDefault(schema, path, errors);
  checkRuleTexts(schema, path, errors);
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    walk(property, child(path, `properties[${name}]`), { errors, root: false, level: 'field' });
  const items = itemsOf(schema);
  if (items) walk(items, child(path, 'items'), { errors, root: false, level: 'item' });
  const values = valuesOf(schema);
  if (values && values !== true)
    walk(values, child(path, 'additionalProperties'), { errors, root: false, level: 'field' });
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [i, each] of (schema[name] ?? []).entries())
      checkLogical(each, at(child(path, name), i), errors, intOrString);
  if (schema.not) checkLogical(schema.not, child(path, 'not'), errors, false);
}

const unsupported = [
  ['$ref', '$ref is not supported'],
  ['definitions', 'definitions is not supported'],
  ['dependencies', 'dependencies is not supported'],
  ['patternProperties', 'patternProperties is not supported'],
  ['additionalItems', 'additionalItems is not supported'],
  ['id', 'id is not supported'],
  ['$schema', '$schema is not supported'],
] as const;

function checkForbidden(schema: Schema, path: string, errors: FieldError[]): void {
  for (const [name, why] of unsupported) if (schema[name] !== undefined) errors.push(forbidden(child(path, name), why));
  if (schema.uniqueItems)
    errors.push(
      forbidden(
        child(path, 'uniqueItems'),
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  if (Array.isArray(schema.items))
    errors.push(forbidden(child(path, 'items'), 'items must be a schema object and not an array'));
  if (schema.properties && schema.additionalProperties !== undefined)
    errors.push(
      forbidden(child(path, 'additionalProperties'), 'additionalProperties and properties are mutual exclusive'),
    );
  if (schema.additionalProperties === false)
    errors.push(forbidden(child(path, 'additionalProperties'), 'additionalProperties cannot be set to false'));
  if (schema.pattern !== undefined) {
    try {
      new RegExp(schema.pattern.replace(/^\(\?[ims]+\)/, '').replace(/\(\?P</g, '(?<'));
    } catch {
      errors.push(invalid(child(path, 'pattern'), schema.pattern, 'must be a valid regular expression'));
    }
  }
}

function checkListAndMap(schema: Schema, path: string, errors: FieldError[]): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const mapType = schema['x-kubernetes-map-type'];
  const typePath = child(path, 'type');
  if (listType !== undefined) {
    if (schema.type !== 'array')
      errors.push(
        schema.type
          ? invalid(typePath, schema.type, 'must be array if x-kubernetes-list-type is specified')
          : required(typePath, 'must be array if x-kubernetes-list-type is specified'),
      );
    if (!['atomic', 'set', 'map'].includes(listType))
      errors.push(notSupported(child(path, 'x-kubernetes-list-type'), listType, ['atomic', 'set', 'map']));
  }
  if (keys.length && listType !== 'map')
    errors.push(
      listType
        ? invalid(
            child(path, 'x-kubernetes-list-type'),
            listType,
            'must be map if x-kubernetes-list-map-keys is non-empty',
          )
        : required(child(path, 'x-kubernetes-list-type'), 'must be map if x-kubernetes-list-map-keys is non-empty'),
    );
  if (listType === 'map') {
    if (keys.length === 0)
      errors.push(
        required(child(path, 'x-kubernetes-list-map-keys'), 'must not be empty if x-kubernetes-list-type is map'),
      );
    const items = itemsOf(schema);
    for (const [i, key] of keys.entries()) {
      const property = items?.properties?.[key];
      const where = at(child(path, 'x-kubernetes-list-map-keys'), i);
      if (!property) errors.push(invalid(where, key, 'entries must all be names of item properties'));
      else if (property.type === 'object' || property.type === 'array')
        errors.push(
          invalid(
            child(child(path, 'items'), `properties[${key}].type`),
            property.type,
            "must be a scalar type if parent array's x-kubernetes-list-type is map",
          ),
        );
      else if (!items?.required?.includes(key) && property.default === undefined)
        errors.push(
          required(
            child(child(path, 'items'), `properties[${key}].default`),
            'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
          ),
        );
    }
  }
  if (mapType !== undefined) {
    if (schema.type !== 'object')
      errors.push(invalid(typePath, schema.type ?? '', 'must be object if x-kubernetes-map-type is specified'));
    if (!['atomic', 'granular'].includes(mapType))
      errors.push(notSupported(child(path, 'x-kubernetes-map-type'), mapType, ['atomic', 'granular']));
  }
}

function checkEmbedded(schema: Schema, path: string, errors: FieldError[]): void {
  if (schema.type !== 'object')
    errors.push(
      schema.type
        ? invalid(child(path, 'type'), schema.type, 'must be object if x-kubernetes-embedded-resource is true')
        : required(child(path, 'type'), 'must be object if x-kubernetes-embedded-resource is true'),
    );
  if (!schema['x-kubernetes-preserve-unknown-fields'] && Object.keys(schema.properties ?? {}).length === 0)
    errors.push(
      required(
        child(path, 'properties'),
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
}

function checkDefault(schema: Schema, path: string, errors: FieldError[]): void {
  for (const error of validateValue(schema, schema.default, 'default')) {
    const inner = error.path === 'default' ? '' : error.path.slice('default'.length);
    errors.push({ ...error, path: child(path, 'default') + inner });
  }
}

/** What was before is unknown for the items of a list that is no map: `within` is the outermost such list. */
function checkTransitions(tree: RuleTree, path: string, errors: FieldError[], within?: string): void {
  const { schema } = tree;
  for (const { rule, usesOld } of within === undefined ? [] : tree.rules) {
    const index = schema['x-kubernetes-validations']!.indexOf(rule);
    const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${within}`;
    if (usesOld) errors.push(invalid(`${at(child(path, 'x-kubernetes-validations'), index)}.rule`, rule.rule, why));
  }
  for (const [name, property] of tree.properties)
    checkTransitions(property, child(path, `properties[${name}]`), errors, within);
  const known = schema['x-kubernetes-list-type'] === 'map';
  if (tree.items) checkTransitions(tree.items, child(path, 'items'), errors, within ?? (known ? undefined : path));
  if (tree.values) checkTransitions(tree.values, child(path, 'additionalProperties'), errors, within);
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** What rules say beside their expressions, which are looked at when all else is right. */
function checkRuleTexts(schema: Schema, path: string, errors: FieldError[]): void {
  for (const [i, validation] of (schema['x-kubernetes-validations'] ?? []).entries()) {
    const { rule, message, messageExpression, reason, fieldPath } = validation;
    const where = at(child(path, 'x-kubernetes-validations'), i);
    if (!rule.trim()) errors.push(required(child(where, 'rule'), 'rule is not specified'));
    if (message && !message.trim())
      errors.push(invalid(child(where, 'message'), message, 'message must be non-empty if specified'));
    else if (message?.trim().includes('\n'))
      errors.push(invalid(child(where, 'message'), message, 'message must not contain line breaks'));
    else if (!message && !messageExpression && rule.trim().includes('\n'))
      errors.push(required(child(where, 'message'), 'message must be specified if rule contains line breaks'));
    if (messageExpression && !messageExpression.trim())
      errors.push(required(child(where, 'messageExpression'), 'messageExpression must be non-empty if specified'));
    if (reason !== undefined && !reasons.includes(reason))
      errors.push(notSupported(child(where, 'reason'), reason, reasons));
    if (fieldPath && !fieldPath.trim())
      errors.push(invalid(child(where, 'fieldPath'), fieldPath, 'fieldPath must be non-empty if specified'));
    else if (fieldPath?.trim().includes('\n'))
      errors.push(invalid(child(where, 'fieldPath'), fieldPath, 'fieldPath must not contain line breaks'));
  }
}

/** Below allOf and its kin only value validation may stand. */
function checkLogical(schema: Schema, path: string, errors: FieldError[], intOrString: boolean): void {
  if (schema.type && !intOrString) errors.push(forbidden(child(path, 'type'), 'must be empty to be structural'));
  if (schema.default !== undefined)
    errors.push(forbidden(child(path, 'default'), 'must be undefined to be structural'));
  if (schema.description) errors.push(forbidden(child(path, 'description'), 'must be empty to be structural'));
  if (schema.title) errors.push(forbidden(child(path, 'title'), 'must be empty to be structural'));
  if (schema.additionalProperties !== undefined)
    errors.push(forbidden(child(path, 'additionalProperties'), 'must be undefined to be structural'));
  if (schema.nullable) errors.push(forbidden(child(path, 'nullable'), 'must be false to be structural'));
  for (const name of [
    'x-kubernetes-preserve-unknown-fields',
    'x-kubernetes-embedded-resource',
    'x-kubernetes-int-or-string',
  ] as const)
    if (schema[name]) errors.push(forbidden(child(path, name), 'must be false to be structural'));
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    checkLogical(property, child(path, `properties[${name}]`), errors, false);
  const items = itemsOf(schema);
  if (items) checkLogical(items, child(path, 'items'), errors, false);
}
