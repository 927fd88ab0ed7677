/** What becomes of the values of custom resources: validation by schema and rules, ratcheting, defaults, pruning, scale. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../../src/apiserver/test-server.ts';
import { type CustomWorld, definition, type Json, pathOf, startCustomWorld, version } from './custom-world.ts';

let world: CustomWorld;
beforeAll(async () => {
  world = await startCustomWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const text = { type: 'string' };
const object = (properties: Json, more: Json = {}) => ({ type: 'object', properties, ...more });
const ruled = (schema: Json, ...rules: Json[]) => ({ ...schema, 'x-kubernetes-validations': rules });
const named = (spec: Json, name = 'a') => ({ metadata: { name }, spec });
const create = (plural: string, spec: Json, name = 'a') =>
  world.http('POST', pathOf(plural), { body: named(spec, name) });
const causes = ({ json }: HttpAnswer): string[] =>
  (json.details?.causes ?? []).map((cause: { field: string; message: string }) => `${cause.field}: ${cause.message}`);

/** A definition whose spec has a schema, and another schema in its place. */
async function tighten(plural: string, spec: Json): Promise<void> {
  await world.redefine(`${plural}.example.com`, (body) => {
    (body.spec.versions[0]!.schema.openAPIV3Schema['properties'] as Json)['spec'] = spec;
  });
}

describe('rules', () => {
  it('say what failed, where, and why', async () => {
    const rule = (more: Json) => ({ rule: 'self.a != "bad"', ...more });
    await world.define(
      definition('reasons', [
        version(
          'v1',
          object({
            invalid: ruled(object({ a: text }), rule({ message: ' no ' })),
            required: ruled(object({ a: text, b: text }), rule({ reason: 'FieldValueRequired', fieldPath: '.b' })),
            forbidden: ruled(
              object({ a: text }),
              rule({ reason: 'FieldValueForbidden', messageExpression: '"not " + self.a' }),
            ),
            duplicate: ruled({ type: 'string' }, { rule: 'self != "bad"', reason: 'FieldValueDuplicate' }),
            keyed: ruled(
              { type: 'object', additionalProperties: text },
              { rule: '!("bad" in self)', fieldPath: "['bad']" },
            ),
            number: ruled({ type: 'integer' }, { rule: 'self < 3' }),
            mixed: ruled({ 'x-kubernetes-int-or-string': true }, { rule: 'self < 3' }),
          }),
        ),
      ]),
    );
    const bad = { a: 'bad' };
    const answer = await create('reasons', {
      invalid: bad,
      required: bad,
      forbidden: bad,
      duplicate: 'bad',
      keyed: { bad: 'x' },
      number: 4,
      mixed: 'x',
    });
    expect(answer.status).toBe(422);
    expect(causes(answer)).toEqual([
      'spec.invalid: Invalid value: no',
      'spec.required.b: Required value: failed rule: self.a != "bad"',
      'spec.forbidden: Forbidden: not bad',
      'spec.duplicate: Duplicate value: "bad"',
      'spec.keyed.[bad]: Invalid value: failed rule: !("bad" in self)',
      'spec.number: Invalid value: 4: failed rule: self < 3',
      expect.stringMatching(
        /^spec\.mixed: Invalid value: "": 'no such overload.*': call arguments did not match a supported operator, function or macro signature for rule: self < 3$/,
      ),
    ]);
  });

  it('are not run on values that have not the types they rely on', async () => {
    const spec = ruled(object({ n: { type: 'integer' }, p: { type: 'string', pattern: '^a' } }), {
      rule: 'self.n > 1',
    });
    await world.define(definition('types', [version('v1', spec)]));
    expect(causes(await create('types', { n: 'x' }))).toEqual([
      'spec.n: Invalid value: "string": spec.n in body must be of type integer: "string"',
      '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    ]);
    expect(causes(await create('types', { n: 0, p: 'b' }))).toEqual([
      'spec.p: Invalid value: "b": spec.p in body should match \'^a\'',
      'spec: Invalid value: failed rule: self.n > 1',
    ]);
  });

  it('compare with what was before where that is known: by key in keyed lists and maps', async () => {
    const grows = { rule: 'self.n >= oldSelf.n', message: 'shrinks' };
    const item = ruled(object({ name: text, n: { type: 'integer' } }, { required: ['name'] }), grows);
    await world.define(
      definition('grows', [
        version(
          'v1',
          object({
            list: {
              type: 'array',
              items: item,
              'x-kubernetes-list-type': 'map',
              'x-kubernetes-list-map-keys': ['name'],
            },
            map: { type: 'object', additionalProperties: ruled(object({ n: { type: 'integer' } }), grows) },
            one: ruled(
              { type: 'integer' },
              {
                rule: 'oldSelf.hasValue() ? self >= oldSelf.value() : self == 1',
                optionalOldSelf: true,
                message: 'begins with one and grows',
              },
            ),
          }),
        ),
      ]),
    );
    expect(causes(await create('grows', { one: 2 }))).toEqual([
      'spec.one: Invalid value: 2: begins with one and grows',
    ]);
    const spec = {
      list: [
        { name: 'a', n: 5 },
        { name: 'b', n: 1 },
      ],
      map: { x: { n: 3 } },
      one: 1,
    };
    expect((await create('grows', spec)).status).toBe(201);
    const path = pathOf('grows', 'a');
    const moved = [
      { name: 'new', n: 0 },
      { name: 'b', n: 2 },
      { name: 'a', n: 4 },
    ];
    expect(
      causes(await world.patch(path, { spec: { list: moved, map: { x: { n: 2 }, y: { n: 0 } }, one: 0 } })),
    ).toEqual([
      'spec.list[2]: Invalid value: shrinks',
      'spec.map[x]: Invalid value: shrinks',
      'spec.one: Invalid value: 0: begins with one and grows',
    ]);
    expect(
      (
        await world.patch(path, {
          spec: {
            list: [
              { name: 'b', n: 1 },
              { name: 'new', n: 0 },
            ],
          },
        })
      ).status,
    ).toBe(200);
  });
});

describe('ratcheting', () => {
  const short = { type: 'string', maxLength: 3 };
  const shapes = (value: Json) =>
    object({
      plain: value,
      other: text,
      map: { type: 'object', additionalProperties: value },
      keyed: {
        type: 'array',
        items: object({ name: text, value, other: text }, { required: ['name'] }),
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
      atomic: { type: 'array', items: value },
    });
  const long = 'long value';
  const spec = { plain: long, map: { a: long }, keyed: [{ name: 'a', value: long }], atomic: [long] };

  it('leaves what an update left alone: fields, values of maps, items by key, lists as a whole', async () => {
    await world.define(definition('ratchets', [version('v1', shapes(text))]));
    await create('ratchets', spec);
    await tighten('ratchets', shapes(short));
    expect((await create('ratchets', { plain: long }, 'b')).status).toBe(422);
    const path = pathOf('ratchets', 'a');
    const kept = await world.patch(path, {
      spec: { other: 'x', map: { b: 'ok' }, keyed: [{ name: 'new' }, { name: 'a', value: long, other: 'x' }] },
    });
    expect(kept.json.message ?? kept.status).toBe(200);
    const tooLong = 'Too long: may not be more than 3 bytes';
    expect(causes(await world.patch(path, { spec: { map: { c: long } } }))).toEqual([`spec.map.c: ${tooLong}`]);
    expect(causes(await world.patch(path, { spec: { atomic: [long, 'ok'] } }))).toEqual([`spec.atomic[0]: ${tooLong}`]);
    expect(causes(await world.patch(path, { spec: { keyed: [{ name: 'b', value: long }] } }))).toEqual([
      `spec.keyed[0].value: ${tooLong}`,
    ]);
  });

  it('tells of rules that fail on such values in warnings', async () => {
    const rule = { rule: 'self.size() <= 3', message: 'too long' };
    await world.define(definition('warns', [version('v1', shapes(text))]));
    await create('warns', spec);
    await tighten('warns', shapes(ruled(text, rule)));
    const answer = await world.patch(pathOf('warns', 'a'), { spec: { other: 'x' } });
    expect(answer.status).toBe(200);
    for (const place of ['spec.plain', 'spec.map[a]', 'spec.keyed[0].value', 'spec.atomic[0]'])
      expect(String(answer.headers['warning'])).toContain(`${place}: Invalid value: \\"long value\\": too long`);
    expect(causes(await world.patch(pathOf('warns', 'a'), { spec: { atomic: [long, 'ok'] } }))).toEqual([
      'spec.atomic[0]: Invalid value: "long value": too long',
    ]);
  });

  it('leaves repeated elements alone in an object that had some', async () => {
    const list = (more: Json) => object({ list: { type: 'array', items: text, ...more }, other: text });
    await world.define(definition('repeats', [version('v1', list({}))]));
    await create('repeats', { list: ['a', 'a'] });
    await create('repeats', { list: ['a'] }, 'b');
    await tighten('repeats', list({ 'x-kubernetes-list-type': 'set' }));
    expect((await world.patch(pathOf('repeats', 'a'), { spec: { list: ['b', 'b'] } })).status).toBe(200);
    expect(causes(await world.patch(pathOf('repeats', 'b'), { spec: { list: ['b', 'b'] } }))).toEqual([
      'spec.list[1]: Duplicate value: "b"',
    ]);
  });

  it('holds for the status too', async () => {
    const stated = (value: Json) => {
      const made = version('v1', object({ a: text }), { subresources: { status: {} } });
      (made.schema.openAPIV3Schema['properties'] as Json)['status'] = object({ a: value, b: value });
      return made;
    };
    await world.define(definition('states', [stated(text)]));
    await create('states', { a: 'x' });
    const status = `${pathOf('states', 'a')}/status`;
    await world.patch(status, { status: { a: long } });
    await world.redefine('states.example.com', (body) => {
      body.spec.versions = [stated(short)];
    });
    expect((await world.patch(status, { status: { b: 'ok' } })).status).toBe(200);
    expect((await world.patch(status, { status: { b: long } })).status).toBe(422);
    expect((await world.patch(pathOf('states', 'a'), { spec: { a: 'y' } })).status).toBe(200);
  });
});

describe('nulls', () => {
  it('stay where they are allowed, and are defaulted or dropped elsewhere', async () => {
    await world.define(
      definition('nulls', [
        version(
          'v1',
          object({
            nullable: { ...text, nullable: true },
            both: { ...text, nullable: true, default: 'x' },
            defaulted: { ...text, default: 'x' },
            plain: text,
            map: { type: 'object', additionalProperties: text },
          }),
        ),
      ]),
    );
    const nothing = { nullable: null, both: null, defaulted: null, plain: null, map: { a: null, b: 'c' } };
    const { status, json } = await create('nulls', nothing);
    expect(json.message ?? status).toBe(201);
    expect(json.spec).toEqual({ nullable: null, both: null, defaulted: 'x', map: { b: 'c' } });
  });
});

describe('embedded resources', () => {
  beforeAll(() =>
    world.define(
      definition('embeds', [
        version(
          'v1',
          object({
            strict: object({ a: text }, { 'x-kubernetes-embedded-resource': true }),
            open: {
              type: 'object',
              'x-kubernetes-embedded-resource': true,
              'x-kubernetes-preserve-unknown-fields': true,
              properties: { spec: object({ a: text }) },
            },
          }),
        ),
      ]),
    ),
  );

  it('are pruned as their schema says, but for type and metadata', async () => {
    const inner = { apiVersion: 'v1', kind: 'X', metadata: { name: 'n', labels: { a: 'b' }, bogus: 1 } };
    const { json } = await create('embeds', {
      strict: { ...inner, a: 'x', b: 'y' },
      open: { ...inner, extra: true, spec: { a: 'x', b: 'y' } },
    });
    const metadata = { name: 'n', labels: { a: 'b' } };
    expect(json.spec).toMatchObject({
      strict: { apiVersion: 'v1', kind: 'X', metadata, a: 'x' },
      open: { metadata, extra: true, spec: { a: 'x' } },
    });
    expect(json.spec.strict.b).toBeUndefined();
    expect(json.spec.open.spec.b).toBeUndefined();
    expect(json.spec.open.metadata.bogus).toBeUndefined();
  });

  it.each<[Json, string[]]>([
    [{}, ['spec.open.apiVersion: Required value', 'spec.open.kind: Required value']],
    [
      { apiVersion: 'a/b/c', kind: 'No Kind' },
      [
        'spec.open.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
        expect.stringContaining(
          'spec.open.kind: Invalid value: "No Kind": may have mixed case, but should otherwise match: ',
        ) as unknown as string,
      ],
    ],
    [
      { apiVersion: 'v1', kind: 'X', metadata: { name: 'a/b', labels: { 'no label': 'x' } } },
      [
        'spec.open.metadata.name: Invalid value: "a/b": may not contain \'/\'',
        expect.stringContaining('spec.open.metadata.labels: Invalid value: "no label": ') as unknown as string,
      ],
    ],
  ])('are refused as %j', async (open, expected) => {
    expect(causes(await create('embeds', { open }, 'bad'))).toEqual(expected);
  });
});

describe('metadata', () => {
  it('is validated in every version, and left alone by status updates', async () => {
    const spec = object({ a: text });
    const more = { subresources: { status: {} } };
    await world.define(
      definition('metas', [version('v1', spec, more), version('v2', spec, { ...more, storage: false })]),
    );
    for (const v of ['v1', 'v2']) {
      const body = { metadata: { name: 'No_Name', labels: { a: 'b c' } } };
      const refused = await world.http('POST', pathOf('metas', '', v), { body });
      expect(causes(refused)).toEqual([
        expect.stringContaining('metadata.name: Invalid value: "No_Name": '),
        expect.stringContaining('metadata.labels: Invalid value: "b c": '),
      ]);
    }
    const made = await world.http('POST', pathOf('metas', '', 'v2'), { body: { metadata: { generateName: 'x-' } } });
    expect(made.json.metadata.name).toMatch(/^x-[a-z0-9]{5}$/);
    const path = pathOf('metas', made.json.metadata.name, 'v2');
    const labels = { a: 'b' };
    const stated = await world.patch(`${path}/status`, {
      metadata: { labels, annotations: labels, finalizers: ['example.com/x'] },
      status: { n: 1 },
    });
    expect(stated.json.status).toEqual({ n: 1 });
    for (const name of ['labels', 'annotations', 'finalizers']) expect(stated.json.metadata[name]).toBeUndefined();
    expect(stated.json.metadata.generation).toBe(1);
    expect((await world.patch(path, { metadata: { labels } })).json.metadata.generation).toBe(1);
    expect((await world.patch(path, { spec: { a: 'x' } })).json.metadata.generation).toBe(2);
    expect((await world.patch(path, { status: { n: 2 } })).json).toMatchObject({
      metadata: { generation: 2 },
      status: { n: 1 },
    });
  });
});

describe('the scale subresource', () => {
  const scaled = (more: Json = {}) => ({
    subresources: {
      status: {},
      scale: {
        specReplicasPath: '.spec.n',
        statusReplicasPath: '.status.n',
        labelSelectorPath: '.status.selector',
        ...more,
      },
    },
  });
  beforeAll(() =>
    world.define(
      definition('scales', [version('v1', object({ n: { type: 'number', maximum: 5 }, free: text }), scaled())]),
    ),
  );
  const scale = `${pathOf('scales', 'a')}/scale`;

  it('needs replicas in the object, or in what is sent', async () => {
    await create('scales', { free: 'x' });
    const unset = await world.http('GET', scale);
    expect([unset.status, unset.json.message]).toEqual([
      500,
      'Internal error occurred: the spec replicas field ".spec.n" does not exist',
    ]);
    const empty = await world.patch(scale, { metadata: { labels: {} } });
    expect([empty.status, empty.json.message]).toEqual([400, 'the spec replicas field ".spec.n" cannot be empty']);
    expect((await world.patch(scale, { spec: { replicas: 2 } })).json.spec).toEqual({ replicas: 2 });
    const after = await world.http('GET', pathOf('scales', 'a'));
    expect(after.json).toMatchObject({ spec: { n: 2, free: 'x' }, metadata: { generation: 2 } });
  });

  it('is validated as the object is', async () => {
    const refused = await world.patch(scale, { spec: { replicas: 6 } });
    expect(refused.status).toBe(422);
    expect(refused.json.message).toContain('spec.n in body should be less than or equal to 5');
    const negative = await world.patch(scale, { spec: { replicas: -1 } });
    expect(causes(negative)).toEqual([
      expect.stringContaining('spec.replicas: Invalid value: -1: must be greater than or equal to 0'),
    ]);
  });

  it.each<[string, Json, string]>([
    ['spec', { n: -1 }, '.spec.n: Invalid value: -1: should be a non-negative integer'],
    [
      'spec',
      { n: 1.5 },
      '.spec.n: Invalid value: 0: .spec.n accessor error: 1.5 is of the type float64, expected int64',
    ],
    ['status', { n: 2 ** 31 }, '.status.n: Invalid value: 2147483648: should be less than or equal to 2147483647'],
    [
      'status',
      { selector: { a: 'b' } },
      '.status.selector: Invalid value: "": .status.selector accessor error: map[a:b] is of the type map[string]interface {}, expected string',
    ],
  ])('refuses an object whose %s is %j', async (part, value, message) => {
    await create('scales', { n: 1 }, 'b');
    const path = pathOf('scales', 'b') + (part === 'status' ? '/status' : '');
    expect(causes(await world.patch(path, { [part]: value }))).toEqual([message]);
  });

  it('is made of the version that is asked', async () => {
    const one = version('v1', object({ n: { type: 'integer' }, m: { type: 'integer', default: 7 } }), scaled());
    const two = version('v2', object({ n: { type: 'integer' }, m: { type: 'integer' } }), {
      ...scaled({ specReplicasPath: '.spec.m' }),
      storage: false,
    });
    await world.define(definition('twofolds', [one, two]));
    await create('twofolds', { n: 3 });
    expect((await world.http('GET', `${pathOf('twofolds', 'a')}/scale`)).json.spec.replicas).toBe(3);
    expect((await world.http('GET', `${pathOf('twofolds', 'a', 'v2')}/scale`)).json.spec.replicas).toBe(7);
  });
});

describe('apply', () => {
  it('merges lists as the schema divides them', async () => {
    const item = object({ name: text, value: text, port: { type: 'integer', default: 80 } }, { required: ['name'] });
    await world.define(
      definition('merges', [
        version(
          'v1',
          object({
            keyed: {
              type: 'array',
              items: item,
              'x-kubernetes-list-type': 'map',
              'x-kubernetes-list-map-keys': ['name', 'port'],
            },
            set: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
            atomic: { type: 'array', items: text },
            whole: object({ a: text, b: text }, { 'x-kubernetes-map-type': 'atomic' }),
          }),
        ),
      ]),
    );
    const path = pathOf('merges', 'a');
    const apply = (manager: string, spec: Json) =>
      world.apply(path, { apiVersion: 'example.com/v1', kind: 'Merge', ...named(spec) }, { manager });
    await apply('one', { keyed: [{ name: 'x', value: '1' }], set: ['a'], atomic: ['a'], whole: { a: '1' } });
    const { json } = await apply('two', { keyed: [{ name: 'y' }, { name: 'x', port: 81 }], set: ['b'] });
    expect(json.spec).toEqual({
      keyed: [
        { name: 'x', value: '1', port: 80 },
        { name: 'y', port: 80 },
        { name: 'x', port: 81 },
      ],
      set: ['a', 'b'],
      atomic: ['a'],
      whole: { a: '1' },
    });
    const conflict = await apply('two', { atomic: ['b'], whole: { b: '2' } });
    expect(conflict.json.details.causes.map((cause: { field: string }) => cause.field)).toEqual([
      '.spec.atomic',
      '.spec.whole',
    ]);
  });

  it('is the only merge besides JSON’s', async () => {
    const strategic = await world.http('PATCH', pathOf('merges', 'a'), {
      body: {},
      type: 'application/strategic-merge-patch+json',
    });
    expect(strategic.status).toBe(415);
  });
});
