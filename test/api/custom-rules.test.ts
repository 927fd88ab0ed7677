/** Defaults and rules in the schema of a CustomResourceDefinition. */
import { describe, expect, it } from 'vitest';
import { changed, field, messages, object, text, widgets } from './custom-checks.ts';
import { type Definition, type Json, version } from './custom-world.ts';

describe('defaults', () => {
  it.each<[string, Json, string[]]>([
    [
      'of another type',
      { type: 'integer', default: 'x' },
      [
        '.default: Invalid value: "string": spec.validation.openAPIV3Schema.properties[spec].properties[x].default in body must be of type integer: "string"',
      ],
    ],
    [
      'with unknown fields',
      object({ a: text }, { default: { b: 'x' } }),
      ['.default: Invalid value: {"b":"x"}: must not have unknown fields'],
    ],
    [
      'that rules refuse',
      { type: 'integer', default: 1, 'x-kubernetes-validations': [{ rule: 'self > 1', message: 'too small' }] },
      ['.default: Invalid value: 1: too small'],
    ],
    [
      'of resources without a type',
      {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        'x-kubernetes-preserve-unknown-fields': true,
        default: { kind: 'X' },
      },
      ['.default.apiVersion: Required value'],
    ],
    [
      'in the metadata of a resource',
      object(
        { metadata: object({ name: { ...text, default: 'not/a/name' } }) },
        { 'x-kubernetes-embedded-resource': true },
      ),
      [
        '.properties[metadata].properties[name].default: Invalid value: "not/a/name": must result in valid metadata: metadata.name: Invalid value: "not/a/name": may not contain \'/\'',
      ],
    ],
  ])('are refused %s', (_, schema, expected) => {
    expect(messages(widgets(object({ x: schema })))).toEqual(expected.map((message) => `${field}${message}`));
  });

  it.each<[string, Json]>([
    ['null where that is allowed', { type: 'string', nullable: true, default: null }],
    [
      'fields that nobody knows, where those are kept',
      { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, default: { a: 1 } },
    ],
    [
      'the type of a resource',
      {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        'x-kubernetes-preserve-unknown-fields': true,
        default: { apiVersion: 'v1', kind: 'X' },
      },
    ],
  ])('may be %s', (_, schema) => {
    expect(messages(widgets(object({ x: schema })))).toEqual([]);
  });

  it('may stay unpruned as they were stored', () => {
    const unpruned = widgets(object({ x: object({ a: text }, { default: { b: 'x' } }) }));
    expect(changed(unpruned, (body) => Object.assign(body.spec.names, { categories: ['all'] }))).toEqual([]);
  });
});

describe('rules', () => {
  const at = `${field}.x-kubernetes-validations[0]`;
  const ruled = (schema: Json, ...rules: Json[]) =>
    widgets(object({ x: { ...schema, 'x-kubernetes-validations': rules } }));
  const map = { type: 'object', additionalProperties: text };
  it.each<[string, Json, Json, string[]]>([
    [
      'a path to no field',
      object({ a: text }),
      { rule: 'true', fieldPath: '.b' },
      ['.fieldPath: Invalid value: ".b": fieldPath must be a valid path'],
    ],
    [
      'a path without a dot',
      object({ a: text }),
      { rule: 'true', fieldPath: 'a' },
      ['.fieldPath: Invalid value: "a": fieldPath must be a valid path'],
    ],
    [
      'a path into a list',
      { type: 'array', items: text },
      { rule: 'true', fieldPath: '[0]' },
      ['.fieldPath: Invalid value: "[0]": fieldPath must be a valid path'],
    ],
    [
      'an optional old self that is not looked at',
      text,
      { rule: 'true', optionalOldSelf: true },
      ['.optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule'],
    ],
    [
      'a rule that is no condition',
      text,
      { rule: "'x'" },
      [`.rule: Invalid value: "'x'": cel expression must evaluate to a bool`],
    ],
    [
      'a message that is no text',
      text,
      { rule: 'true', messageExpression: '1' },
      ['.messageExpression: Invalid value: "1": messageExpression must evaluate to a string'],
    ],
    [
      'a message that does not compile',
      text,
      { rule: 'true', messageExpression: 'nope' },
      [expect.stringContaining('messageExpression compilation failed: ') as unknown as string],
    ],
    [
      'a message that costs too much',
      { type: 'array', items: { type: 'array', items: text } },
      { rule: 'true', messageExpression: "self.map(x, x.map(y, 'a')).size() > 3 ? 'a' : 'b'" },
      [
        expect.stringContaining(
          '.messageExpression: Forbidden: estimated messageExpression cost exceeds budget',
        ) as unknown as string,
      ],
    ],
  ])('are refused for %s', (_, schema, rule, [first]) => {
    const [found] = messages(ruled(schema, rule));
    if (typeof first === 'string') expect(found).toBe(`${at}${first}`);
    else expect(found).toEqual(first);
  });

  it.each<[string, Json, string]>([
    ['a field', object({ a: text }), '.a'],
    ['a field below', object({ a: object({ b: text }) }), '.a.b'],
    ['a key of a map', map, "['any key']"],
    ['a key with a quote', map, "['it\\'s']"],
    ['a field whose name has a dot', object({ 'a.b': text }), "['a.b']"],
    ['a list as a whole', object({ a: { type: 'array', items: text } }), '.a'],
  ])('may point to %s', (_, schema, fieldPath) => {
    expect(messages(ruled(schema, { rule: 'true', fieldPath }))).toEqual([]);
  });

  it('may cost as much as they did when they were stored, each for itself', () => {
    // Below the limit of all together, above that of one.
    const costly = ruled(
      { type: 'array', maxItems: 909_091, items: { type: 'string', maxLength: 16 } },
      { rule: "self.all(x, x.contains('gpu'))" },
    );
    expect(messages(costly)).toEqual([expect.stringContaining('estimated rule cost exceeds budget by factor of')]);
    expect(changed(costly, (body) => Object.assign(body.spec.names, { categories: ['all'] }))).toEqual([]);
    const another = (body: Definition) => {
      body.spec.versions.push(version('v2', object({ y: text }), { storage: false }));
    };
    expect(changed(costly, another)).toEqual([]);
    expect(
      changed(costly, (body) => {
        const { spec } = body.spec.versions[0]!.schema.openAPIV3Schema['properties'] as { spec: { properties: Json } };
        spec.properties['z'] = text;
      }),
    ).toHaveLength(1);
  });
});
