/** What the schema in a CustomResourceDefinition may say, rule by rule as upstream, and what an update may keep. */
import { describe, expect, it } from 'vitest';
import { changed, field, messages, object, root, text, widgets, withSchema } from './custom-checks.ts';
import { type Definition, type Json, version } from './custom-world.ts';

describe('structural schemas', () => {
  it.each<[string, Json, string[]]>([
    ['no type at the root', { properties: {} }, [`${root}.type: Required value: must not be empty at the root`]],
    [
      'another type at the root',
      { type: 'string' },
      [`${root}.type: Invalid value: "string": must be object at the root`],
    ],
    [
      'null at the root',
      { type: 'object', nullable: true },
      [`${root}.nullable: Forbidden: nullable cannot be true at the root`],
    ],
    [
      'a map at the root',
      { type: 'object', additionalProperties: text },
      [`${root}.additionalProperties: Forbidden: must not be used at the root`],
    ],
    [
      'metadata with more than names',
      object({ metadata: object({ name: text, labels: { type: 'object' } }) }),
      [
        `${root}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
      ],
    ],
    [
      'metadata that is no object',
      object({ metadata: text }),
      [`${root}.properties[metadata].type: Invalid value: "string": must be object`],
    ],
    [
      'a kind that is no text',
      object({ kind: { type: 'integer' } }),
      [`${root}.properties[kind].type: Invalid value: "integer": must be string`],
    ],
    [
      'fields that are only in value validation',
      object(
        { a: object({}) },
        { anyOf: [{ properties: { b: {} } }, { properties: { a: { properties: { c: {} } } } }], not: { items: {} } },
      ),
      [
        `${root}.items: Required value: because it is defined in ${root}.not.items`,
        `${root}.properties[a].properties[c]: Required value: because it is defined in ${root}.anyOf[1].properties[a].properties[c]`,
        `${root}.properties[b]: Required value: because it is defined in ${root}.anyOf[0].properties[b]`,
      ],
    ],
    [
      'a default in the metadata',
      object({ metadata: object({ name: { type: 'string', default: 'x' } }) }),
      [`${root}.properties[metadata].properties[name].default: Forbidden: must not be set in top-level metadata`],
    ],
  ])('refuse %s', (_, schema, expected) => {
    expect(messages(withSchema(schema))).toEqual(expected);
  });

  it.each<[string, Json, string[]]>([
    ['no type', { description: 'x' }, ['.type: Required value: must not be empty for specified object fields']],
    [
      'items without a type',
      { type: 'array', items: {} },
      ['.items.type: Required value: must not be empty for specified array items'],
    ],
    ['a list of anything', { type: 'array' }, ['.items: Required value: must be specified']],
    [
      'another type',
      { type: 'text' },
      [
        '.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
      ],
    ],
    [
      'fields and a map',
      object({ a: text }, { additionalProperties: text }),
      ['.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
    ],
    ['a reference', { type: 'string', $ref: '#/x' }, ['.$ref: Forbidden: $ref is not supported']],
    [
      'unique items',
      { type: 'array', items: text, uniqueItems: true },
      ['.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic'],
    ],
    [
      'preserve-unknown-fields: false',
      { type: 'object', 'x-kubernetes-preserve-unknown-fields': false },
      ['.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined'],
    ],
    [
      'a type below anyOf',
      { type: 'string', anyOf: [{ type: 'string' }] },
      ['.anyOf[0].type: Forbidden: must be empty to be structural'],
    ],
    [
      'texts, defaults and rules below allOf',
      {
        type: 'string',
        allOf: [
          {
            description: 'x',
            title: 'y',
            default: 'z',
            nullable: true,
            'x-kubernetes-validations': [{ rule: 'true' }],
          },
        ],
      },
      [
        '.allOf[0].default: Forbidden: must be undefined to be structural',
        '.allOf[0].description: Forbidden: must be empty to be structural',
        '.allOf[0].nullable: Forbidden: must be false to be structural',
        '.allOf[0].title: Forbidden: must be empty to be structural',
        '.allOf[0].x-kubernetes-validations: Forbidden: must be empty to be structural',
      ],
    ],
    [
      'a map below oneOf, and metadata below not',
      object(
        { metadata: { type: 'object' } },
        { oneOf: [{ additionalProperties: {} }], not: { properties: { metadata: {} } } },
      ),
      [
        '.not.properties[metadata]: Forbidden: must not be specified in a nested context',
        '.oneOf[0].additionalProperties: Forbidden: must be undefined to be structural',
      ],
    ],
    [
      'int-or-string that is an object',
      { 'x-kubernetes-int-or-string': true, 'x-kubernetes-preserve-unknown-fields': true },
      [
        '.x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true',
      ],
    ],
    [
      'a resource in a text',
      { type: 'string', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
      ['.type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true'],
    ],
    [
      'a resource without fields',
      { type: 'object', 'x-kubernetes-embedded-resource': true },
      [
        '.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ],
    ],
    [
      'a resource that is a map',
      {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        'x-kubernetes-preserve-unknown-fields': true,
        additionalProperties: text,
      },
      ['.additionalProperties: Forbidden: must not be used if x-kubernetes-embedded-resource is set'],
    ],
    [
      'a resource in the metadata of a resource',
      object(
        {
          metadata: {
            type: 'object',
            'x-kubernetes-embedded-resource': true,
            'x-kubernetes-preserve-unknown-fields': true,
          },
        },
        { 'x-kubernetes-embedded-resource': true },
      ),
      ['.properties[metadata].x-kubernetes-embedded-resource: Forbidden: must not be used inside of resource meta'],
    ],
    [
      'a look-ahead, which RE2 does not have',
      { type: 'string', pattern: '^(?!x)' },
      [
        '.pattern: Invalid value: "^(?!x)": must be a valid regular expression, but isn\'t: error parsing regexp: invalid or unsupported Perl syntax: `(?!`',
      ],
    ],
  ])('refuse %s', (_, schema, expected) => {
    expect(messages(widgets(object({ x: schema })))).toEqual(expected.map((message) => `${field}${message}`));
  });

  it.each<[string, Json]>([
    ['int-or-string', { 'x-kubernetes-int-or-string': true }],
    [
      'int-or-string as it was generated',
      { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
    ],
    [
      'int-or-string with more to say',
      {
        'x-kubernetes-int-or-string': true,
        allOf: [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, { pattern: '^1' }],
      },
    ],
    ['anything', { 'x-kubernetes-preserve-unknown-fields': true }],
    ['what only looks like a look-ahead', { type: 'string', pattern: '^[(?=]\\\\1$' }],
    ['Unicode classes and named groups', { type: 'string', pattern: '^(?P<a>\\p{L}+)\\z' }],
    [
      'a resource',
      { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
    ],
  ])('take %s', (_, schema) => {
    expect(messages(widgets(object({ x: schema })))).toEqual([]);
  });

  it('leave little at the root to those with a status of their own', () => {
    const schema = object(
      { spec: { type: 'object' } },
      { not: { required: ['x'] }, 'x-kubernetes-validations': [{ rule: 'true' }] },
    );
    expect(messages(withSchema(schema))).toEqual([]);
    expect(messages(withSchema(schema, { subresources: { status: {} } }))).toEqual([
      expect.stringMatching(
        /: only \[Description Type .* XValidations\] fields are allowed at the root of the schema if the status subresource is enabled$/,
      ),
    ]);
  });
});

describe('lists and maps', () => {
  const list = (items: Json, more: Json) => ({ type: 'array', items, ...more });
  const keyed = (items: Json, ...keys: string[]) =>
    list(items, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys });
  const named = object({ name: text }, { required: ['name'] });
  it.each<[string, Json, string[]]>([
    [
      'a list type of a text',
      { ...text, 'x-kubernetes-list-type': 'set' },
      ['.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified'],
    ],
    [
      'another list type',
      list(text, { 'x-kubernetes-list-type': 'bag' }),
      ['.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"'],
    ],
    [
      'a map type of a text',
      { ...text, 'x-kubernetes-map-type': 'atomic' },
      ['.type: Invalid value: "string": must be object if x-kubernetes-map-type is specified'],
    ],
    [
      'another map type',
      { type: 'object', 'x-kubernetes-map-type': 'bag' },
      ['.x-kubernetes-map-type: Unsupported value: "bag": supported values: "atomic", "granular"'],
    ],
    [
      'keys without a list type',
      list(named, { 'x-kubernetes-list-map-keys': ['name'] }),
      ['.x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty'],
    ],
    [
      'keys of a set',
      list(text, { 'x-kubernetes-list-type': 'set', 'x-kubernetes-list-map-keys': ['name'] }),
      ['.x-kubernetes-list-type: Invalid value: "set": must be map if x-kubernetes-list-map-keys is non-empty'],
    ],
    [
      'no keys',
      keyed(named),
      ['.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map'],
    ],
    [
      'items that are texts',
      keyed(text, 'name'),
      ['.items.type: Invalid value: "string": must be object if parent array\'s x-kubernetes-list-type is map'],
    ],
    [
      'keys that are no fields',
      keyed(named, 'other'),
      ['.x-kubernetes-list-map-keys: Invalid value: ["other"]: entries must all be names of item properties'],
    ],
    [
      'a key twice',
      keyed(named, 'name', 'name'),
      ['.x-kubernetes-list-map-keys: Invalid value: ["name","name"]: must not contain duplicate entries'],
    ],
    [
      'a key that is an object',
      keyed(object({ name: { type: 'object' } }, { required: ['name'] }), 'name'),
      [
        '.items.properties[name].type: Invalid value: "object": must be a scalar type if parent array\'s x-kubernetes-list-type is map',
      ],
    ],
    [
      'a key that may be missing or null',
      keyed(object({ name: { ...text, nullable: true } }), 'name'),
      [
        '.items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        '.items.properties[name].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable',
      ],
    ],
    [
      'items that may be null',
      keyed({ ...named, nullable: true }, 'name'),
      ['.items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is map'],
    ],
    [
      'a set of objects that could be merged',
      list(object({ a: text }), { 'x-kubernetes-list-type': 'set' }),
      [
        '.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set',
      ],
    ],
    [
      'a set of sets',
      list(list(text, { 'x-kubernetes-list-type': 'set' }), { 'x-kubernetes-list-type': 'set' }),
      [
        '.items.x-kubernetes-list-type: Invalid value: "set": must be atomic as item of a list with x-kubernetes-list-type=set',
      ],
    ],
  ])('refuse %s', (_, schema, expected) => {
    expect(messages(widgets(object({ x: schema })))).toEqual(expected.map((message) => `${field}${message}`));
  });

  it('take keys that have a default', () => {
    expect(messages(widgets(object({ x: keyed(object({ name: { ...text, default: 'x' } }), 'name') })))).toEqual([]);
  });

  it('may stay as unsound as they were stored, in all versions', () => {
    const unsound = widgets(object({ x: keyed(object({ name: text }), 'name') }));
    const another = (body: Definition) => {
      body.spec.versions.push(version('v2', object({ x: keyed(object({ id: text }), 'id') }), { storage: false }));
    };
    expect(changed(unsound, another)).toEqual([]);
    expect(changed(widgets(), another)).toHaveLength(1);
    const mergeable = widgets(object({ x: list(object({ a: text }), { 'x-kubernetes-list-type': 'set' }) }));
    expect(changed(mergeable, (body) => Object.assign(body.spec.names, { categories: ['all'] }))).toEqual([]);
  });
});
