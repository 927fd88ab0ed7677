import { expect, it } from 'vitest';
import type { Schema } from '../schema-types.ts';
import { validateSchema } from './validate-schema.ts';

const path = 'spec.validation.openAPIV3Schema';
const hint =
  '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';

/** What is wrong with a schema whose `spec.value` has a rule. */
function problems(value: Schema, rule: string, messageExpression?: string): { path: string; detail: string }[] {
  const validations = [{ rule, ...(messageExpression ? { messageExpression } : {}) }];
  const schema = {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { value: { ...value, 'x-kubernetes-validations': validations } } },
    },
  } as Schema;
  return validateSchema(schema, path).map((error) => ({
    path: error.path.replace(`${path}.properties[spec].properties[value].x-kubernetes-validations[0].`, ''),
    detail: error.detail,
  }));
}

const strings = (maxLength?: number, maxItems?: number): Schema => ({
  type: 'array',
  ...(maxItems === undefined ? {} : { maxItems }),
  items: { type: 'string', ...(maxLength === undefined ? {} : { maxLength }) },
});
const contains = "self.all(x, x.contains('gpu'))";

it('refuses a walk over strings without bounds, and says what it did to the whole', () => {
  expect(problems(strings(), contains)).toEqual([
    { path: 'rule', detail: `estimated rule cost exceeds budget by factor of more than 100x ${hint}` },
    {
      path: 'rule',
      detail: 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
    },
    {
      path,
      detail: `x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${hint}`,
    },
  ]);
});

it.each([
  [16, 909_090],
  [63, 333_333],
  [253, 94_339],
  [1024, 24_154],
])('takes strings of %i characters up to %i times, as upstream', (maxLength, maxItems) => {
  expect(problems(strings(maxLength, maxItems), contains)).toEqual([]);
  const [first] = problems(strings(maxLength, maxItems + 1), contains);
  expect(first?.detail).toMatch(/^estimated rule cost exceeds budget by factor of 1\.0\d{5}x /);
});

it('takes one walk over numbers without bounds, not one in another', () => {
  const numbers: Schema = { type: 'array', items: { type: 'integer' } };
  expect(problems(numbers, 'self.all(x, x == 5)')).toEqual([]);
  const nested: Schema = { type: 'array', items: numbers };
  expect(problems(nested, 'self.all(x, x.all(y, y == 5))')[0]?.path).toBe('rule');
});

it('counts how often a rule runs', () => {
  const item = {
    type: 'string',
    maxLength: 1000,
    'x-kubernetes-validations': [{ rule: "self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')" }],
  };
  const listOf = (maxItems?: number) =>
    validateSchema(
      {
        type: 'object',
        properties: { list: { type: 'array', items: item, ...(maxItems ? { maxItems } : {}) } },
      } as Schema,
      path,
    );
  expect(listOf(100)).toEqual([]);
  expect(listOf()[0]).toMatchObject({ path: `${path}.properties[list].items.x-kubernetes-validations[0].rule` });
});

it('looks at messages too', () => {
  const range: Schema = { type: 'object', properties: { min: { type: 'integer' }, max: { type: 'integer' } } };
  expect(problems(range, 'self.min <= self.max', "'min (' + string(self.min) + ') is too large'")[0]).toEqual({
    path: 'messageExpression',
    detail: `estimated messageExpression cost exceeds budget by factor of more than 100x ${hint}`,
  });
});

it('takes the rules that real definitions have', () => {
  const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties });
  const name: Schema = { type: 'string', maxLength: 63 };
  const taken: [Schema, string][] = [
    [{ type: 'string' }, 'self == oldSelf'],
    [{ type: 'string', enum: ['a', 'b'] }, "self in ['a', 'b']"],
    [object({ a: name, b: name }), 'has(self.a) != has(self.b)'],
    [object({ replicas: { type: 'integer' }, most: { type: 'integer' } }), 'self.replicas <= self.most'],
    [object({ kind: { type: 'string' } }), "self.kind == 'Gateway' ? has(self.kind) : true"],
    [{ type: 'array', maxItems: 64, items: object({ name }) }, 'self.exists_one(l, l.name == "x")'],
    [{ type: 'array', maxItems: 64, items: object({ name }) }, 'self.all(a, self.exists_one(b, a.name == b.name))'],
    [{ type: 'object', additionalProperties: name, maxProperties: 16 }, "self.all(k, self[k].startsWith('x'))"],
    [{ type: 'string', maxLength: 253 }, "self.split('.').size() > 1 && self.lowerAscii() == self"],
    [{ type: 'string', format: 'duration' }, "self > duration('1s')"],
    [{ 'x-kubernetes-int-or-string': true }, "type(self) == int ? self > 0 : self.endsWith('%')"],
  ];
  for (const [schema, rule] of taken) expect(problems(schema, rule), rule).toEqual([]);
});

it.each([
  [{ rule: ' ' }, 'rule', 'rule is not specified'],
  [{ rule: 'true', message: ' ' }, 'message', 'message must be non-empty if specified'],
  [{ rule: 'true', message: 'a\nb' }, 'message', 'message must not contain line breaks'],
  [{ rule: 'true\n&& true' }, 'message', 'message must be specified if rule contains line breaks'],
  [{ rule: 'true', messageExpression: ' ' }, 'messageExpression', 'messageExpression must be non-empty if specified'],
  [{ rule: 'true', fieldPath: '.nope' }, 'fieldPath', 'fieldPath must be a valid path'],
  [
    { rule: 'true', reason: 'Other' },
    'reason',
    'supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
  ],
])('refuses what a rule may not say: %j', (rule, field, detail) => {
  const schema = { type: 'object', 'x-kubernetes-validations': [rule] } as unknown as Schema;
  expect(validateSchema(schema, path)).toEqual([
    expect.objectContaining({ path: `${path}.x-kubernetes-validations[0].${field}`, detail }),
  ]);
});

it('takes transition rules only where it is known what was before', () => {
  const items: Schema = { type: 'string', maxLength: 9, 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] };
  const list: Schema = { type: 'array', maxItems: 9, items };
  const schema = { type: 'object', properties: { list } } as Schema;
  expect(validateSchema(schema, path)).toEqual([
    expect.objectContaining({
      path: `${path}.properties[list].items.x-kubernetes-validations[0].rule`,
      detail: `oldSelf cannot be used on the uncorrelatable portion of the schema within ${path}.properties[list]`,
    }),
  ]);
  const key: Schema = { type: 'string', maxLength: 9 };
  const keyed = {
    ...list,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['key'],
    items: {
      type: 'object',
      required: ['key'],
      properties: { key, value: items },
    },
  } as Schema;
  expect(validateSchema({ type: 'object', properties: { keyed } } as Schema, path)).toEqual([]);
});
