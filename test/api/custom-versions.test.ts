/** Custom resources in several versions: who owns what across them, what webhooks may answer, what is read and dropped. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type ConversionHook,
  type CustomWorld,
  definition,
  faithfulAnswer,
  type Json,
  pathOf,
  startConversionHook,
  startCustomWorld,
  version,
} from './custom-world.ts';

let world: CustomWorld;
let hook: ConversionHook;
beforeAll(async () => {
  world = await startCustomWorld();
  hook = await startConversionHook();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await hook[Symbol.asyncDispose]();
});
beforeEach(() => {
  hook.answer = faithfulAnswer;
});

const text = { type: 'string' };
const object = (properties: Json) => ({ type: 'object', properties });

/** v1 has `size: 3` where v2 has `dimensions: {amount: 3}`; both have `color`. */
const sizes = [
  version('v1', object({ size: { type: 'integer' }, color: text }), { storage: false }),
  version('v2', object({ dimensions: object({ amount: { type: 'integer' }, unit: text }), color: text })),
];
function convertSizes(from: Json, apiVersion: string): Json {
  const { size, dimensions, ...rest } = (from['spec'] ?? {}) as { size?: number; dimensions?: { amount?: number } };
  const amount = size ?? dimensions?.amount;
  const known = amount === undefined ? {} : apiVersion.endsWith('v1') ? { size: amount } : { dimensions: { amount } };
  return { ...from, apiVersion, spec: { ...rest, ...known } };
}

const applied = (apiVersion: string, kind: string, spec: Json) => ({
  apiVersion: `example.com/${apiVersion}`,
  kind,
  metadata: { name: 'a' },
  spec,
});

const owners = (found: { metadata: { managedFields?: Json[] } }) =>
  Object.fromEntries(
    (found.metadata.managedFields ?? []).map((entry) => [
      `${entry['manager']}/${entry['operation']}/${(entry['apiVersion'] as string).split('/')[1]}`,
      entry['fieldsV1'],
    ]),
  );

describe('managed fields with a webhook', () => {
  beforeAll(async () => {
    hook.convert = convertSizes;
    await world.define(definition('sizes', sizes, { conversion: hook.conversion }));
  });
  const v1 = pathOf('sizes', 'a', 'v1');
  const v2 = pathOf('sizes', 'a', 'v2');
  beforeEach(async () => {
    await world.http('DELETE', v2);
    await world.apply(v1, applied('v1', 'Size', { size: 3, color: 'red' }), { manager: 'one' });
  });

  it('keep the version that each manager wrote in', async () => {
    await world.apply(v2, applied('v2', 'Size', { dimensions: { amount: 3 } }), { manager: 'two' });
    expect(owners((await world.http('GET', v1)).json)).toEqual({
      'one/Apply/v1': { 'f:spec': { 'f:color': {}, 'f:size': {} } },
      'two/Apply/v2': { 'f:spec': { 'f:dimensions': { 'f:amount': {} } } },
    });
  });

  it('conflict where a change of one version is a change in the other', async () => {
    const { status, json } = await world.apply(v2, applied('v2', 'Size', { dimensions: { amount: 4 } }), {
      manager: 'two',
    });
    expect(status).toBe(409);
    expect(json.message).toBe('Apply failed with 1 conflict: conflict with "one": .spec.size');
  });

  it('pass to the manager that takes them by force, in its version', async () => {
    const answer = await world.apply(v2, applied('v2', 'Size', { dimensions: { amount: 4 } }), {
      manager: 'two',
      force: true,
    });
    expect(answer.json.spec).toEqual({ dimensions: { amount: 4 }, color: 'red' });
    expect(owners(answer.json)).toEqual({
      'one/Apply/v1': { 'f:spec': { 'f:color': {} } },
      'two/Apply/v2': { 'f:spec': { 'f:dimensions': { 'f:amount': {} } } },
    });
  });

  it('pass to an updater of another version', async () => {
    const { json } = await world.patch(v2, { spec: { dimensions: { amount: 5 } } });
    const after = owners(json);
    expect(after['one/Apply/v1']).toEqual({ 'f:spec': { 'f:color': {} } });
    const [updater] = Object.keys(after).filter((id) => id.includes('/Update/'));
    expect(updater).toMatch(/\/Update\/v2$/);
    expect(after[updater!]).toEqual({ 'f:spec': { 'f:dimensions': { 'f:amount': {} } } });
  });

  it('prune what is no longer applied when the configuration moves to another version', async () => {
    const answer = await world.apply(v2, applied('v2', 'Size', { color: 'red' }), { manager: 'one' });
    expect(answer.json.spec).toEqual({ color: 'red' });
    expect(owners(answer.json)).toEqual({ 'one/Apply/v2': { 'f:spec': { 'f:color': {} } } });
  });

  it('keep in the object what a manager of another version owns too', async () => {
    await world.apply(v2, applied('v2', 'Size', { dimensions: { amount: 3 } }), { manager: 'two' });
    const answer = await world.apply(v1, applied('v1', 'Size', { color: 'red' }), { manager: 'one' });
    expect(answer.json.spec).toEqual({ size: 3, color: 'red' });
  });

  it('convert both states of the object with one review per version', async () => {
    hook.reviews.length = 0;
    await world.apply(v2, applied('v2', 'Size', { dimensions: { amount: 4 } }), { manager: 'two', force: true });
    const toV1 = hook.reviews.filter(({ request }) => request.desiredAPIVersion === 'example.com/v1');
    expect(toV1.map(({ request }) => request.objects.length)).toEqual([2]);
  });

  it('are left out of an update whose conversion fails, which is stored; an apply fails', async () => {
    let calls = 0;
    hook.answer = (review, converted) =>
      review.request.desiredAPIVersion.endsWith('v1') && ++calls ? {} : faithfulAnswer(review, converted);
    const failed = await world.apply(v2, applied('v2', 'Size', { dimensions: { amount: 4 } }), { manager: 'two' });
    expect(failed.status).toBe(500);
    expect(failed.json.message).toContain('conversion webhook for example.com/v2, Kind=Size failed: ');
    const { status, json } = await world.patch(v2, { spec: { color: 'blue' } });
    expect(calls).toBeGreaterThan(0);
    expect(status).toBe(200);
    expect(json.metadata.managedFields).toBeUndefined();
  });
});

describe('managed fields of a version that is gone', () => {
  const plain = object({ a: text, b: text });
  const spec = (name: string, served: boolean, storage: boolean) => version(name, plain, { served, storage });

  it('are forgotten, by updates and applies alike', async () => {
    await world.define(definition('movers', [spec('v1', true, true), spec('v2', true, false)]));
    await world.apply(pathOf('movers', 'a'), applied('v1', 'Mover', { a: 'x' }), { manager: 'old' });
    await world.apply(pathOf('movers', 'b'), { ...applied('v1', 'Mover', { a: 'x' }), metadata: { name: 'b' } });
    await world.redefine('movers.example.com', (body) => {
      body.spec.versions = [spec('v1', false, false), spec('v2', true, true)];
    });
    const unserved = await world.apply(pathOf('movers', 'a', 'v2'), applied('v2', 'Mover', { a: 'y' }), {
      manager: 'new',
    });
    expect(unserved.status, 'a version that is not served any more still owns').toBe(409);
    await world.patch('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/movers.example.com/status', {
      status: { storedVersions: ['v2'] },
    });
    const { status } = await world.redefine('movers.example.com', (body) => {
      body.spec.versions = [spec('v2', true, true)];
    });
    expect(status).toBe(200);
    const gone = await world.apply(pathOf('movers', 'a', 'v2'), applied('v2', 'Mover', { a: 'y' }), { manager: 'new' });
    expect(gone.status).toBe(200);
    expect(owners(gone.json)).toEqual({ 'new/Apply/v2': { 'f:spec': { 'f:a': {} } } });
    const updated = await world.patch(pathOf('movers', 'b', 'v2'), { spec: { b: 'z' } });
    expect(Object.keys(owners(updated.json)).map((id) => id.split('/').at(-1))).toEqual(['v2']);
  });
});

describe('a conversion webhook', () => {
  const one = pathOf('hooks', 'a', 'v1');
  beforeAll(async () => {
    hook.convert = (from, apiVersion) => ({ ...from, apiVersion });
    const any = object({ a: text });
    await world.define(
      definition('hooks', [version('v1', any, { storage: false }), version('v2', any)], {
        conversion: hook.conversion,
      }),
    );
    const made = await world.http('POST', pathOf('hooks', '', 'v2'), {
      body: { metadata: { name: 'a', labels: { x: 'y' } }, spec: { a: 'b' } },
    });
    expect(made.status).toBe(201);
  });

  const spoiled =
    (change: (converted: Json & { metadata: Json }) => unknown): ConversionHook['answer'] =>
    (review, converted) => {
      const made = converted.map((each) => {
        const copy = structuredClone(each) as Json & { metadata: Json };
        return (change(copy) ?? copy) as Json;
      });
      return faithfulAnswer(review, made);
    };
  const prefix = 'conversion webhook for example.com/v2, Kind=Hook ';

  it.each<[string, ConversionHook['answer'], string]>([
    [
      'another uid',
      (review, made) => ({ ...faithfulAnswer(review, made), response: { uid: 'x' } }),
      'failed: expected response.uid=',
    ],
    [
      'another kind of review',
      (review, made) => ({ ...faithfulAnswer(review, made), apiVersion: 'apiextensions.k8s.io/v1beta1' }),
      'failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got apiextensions.k8s.io/v1beta1, Kind=ConversionReview',
    ],
    ['no response', ({ apiVersion, kind }) => ({ apiVersion, kind }), 'failed: no response provided'],
    [
      'a failure',
      ({ apiVersion, kind, request }) => ({
        apiVersion,
        kind,
        response: { uid: request.uid, result: { status: 'Failure', message: 'no way' } },
      }),
      'failed: no way',
    ],
    [
      'a failure without words',
      ({ apiVersion, kind, request }) => ({
        apiVersion,
        kind,
        response: { uid: request.uid, result: { status: 'Failure' } },
      }),
      "failed: response.result.status was 'Failure', not 'Success'",
    ],
    ['too few objects', (review) => faithfulAnswer(review, []), 'returned 0 objects, expected 1'],
    [
      'another version',
      spoiled((made) => ({ ...made, apiVersion: 'example.com/v2' })),
      'returned invalid object at index 0: invalid groupVersion (expected example.com/v1, received example.com/v2)',
    ],
    [
      'another kind',
      spoiled((made) => ({ ...made, kind: 'Other' })),
      'returned invalid object at index 0: invalid kind (expected Hook, received Other)',
    ],
    [
      'another name',
      spoiled((made) => {
        made.metadata['name'] = 'b';
      }),
      'returned invalid object: must have the same name: a != b',
    ],
    [
      'another namespace',
      spoiled((made) => {
        made.metadata['namespace'] = 'other';
      }),
      'returned invalid object: must have the same namespace: default != other',
    ],
    [
      'a label that is no text',
      spoiled((made) => {
        made.metadata['labels'] = { a: 1 };
      }),
      'returned invalid metadata: metadata.labels[a] must be a string, but is number in converted object',
    ],
    [
      'a label that is none',
      spoiled((made) => {
        made.metadata['labels'] = { a: 'not a label' };
      }),
      'returned invalid metadata: metadata.labels: Invalid value: "not a label": ',
    ],
  ])('is not believed when it answers with %s', async (_, answer, message) => {
    hook.answer = answer;
    const { status, json } = await world.http('GET', one);
    expect(status).toBe(500);
    expect(json.message).toContain(prefix + message);
    expect(json.reason).toBeUndefined();
  });

  it('makes lists and writes fail with it, and leaves the stored version readable', async () => {
    hook.answer = () => ({});
    expect((await world.http('GET', pathOf('hooks', '', 'v1'))).status).toBe(500);
    const write = await world.http('POST', pathOf('hooks', '', 'v1'), { body: { metadata: { name: 'b' } } });
    expect(write.status).toBe(500);
    expect((await world.http('GET', pathOf('hooks', '', 'v2'))).json.items).toHaveLength(1);
  });

  it('ends the watches of the version that it cannot make, with what it said', async () => {
    hook.answer = () => ({});
    const { kind } = world.server.server.kinds.resolve('example.com', 'v1', 'hooks')!;
    const ended = await new Promise<Error | undefined>((resolve) => {
      world.server.client.transport.watch({ kind, namespace: 'default' }, { onEvents() {}, onEnd: resolve });
    });
    expect(ended?.message).toContain(`${prefix}failed: `);
  });

  it('may change labels and annotations, and nothing else of the metadata', async () => {
    hook.answer = spoiled((made) => {
      made.metadata = {
        ...made.metadata,
        labels: { new: 'label' },
        annotations: { note: 'any text' },
        finalizers: ['example.com/x'],
        generation: 9,
      };
    });
    const { json } = await world.http('GET', one);
    expect(json.metadata).toMatchObject({ labels: { new: 'label' }, annotations: { note: 'any text' }, generation: 1 });
    expect(json.metadata.finalizers).toBeUndefined();
  });
});

describe('what a webhook is asked', () => {
  it('is the first form of review that both know', async () => {
    await using older = await startConversionHook(['v9', 'v1beta1', 'v1']);
    older.answer = (_, convertedObjects) => ({
      response: { result: { status: 'Success' }, convertedObjects },
    });
    const any = object({ a: text });
    await world.define(
      definition('olders', [version('v1', any, { storage: false }), version('v2', any)], {
        conversion: older.conversion,
      }),
    );
    const made = await world.http('POST', pathOf('olders', '', 'v1'), { body: { metadata: { name: 'a' } } });
    expect(made.status).toBe(201);
    expect(older.reviews[0]).toMatchObject({ apiVersion: 'apiextensions.k8s.io/v1beta1', kind: 'ConversionReview' });
  });

  it('is once for all objects of a list that are stored in another version', async () => {
    hook.convert = (from, apiVersion) => ({ ...from, apiVersion });
    const any = object({ a: text });
    const versions = [version('v1', any), version('v2', any, { storage: false })];
    await world.define(definition('mixtures', versions, { conversion: hook.conversion }));
    for (const name of ['a', 'b'])
      await world.http('POST', pathOf('mixtures', '', 'v1'), { body: { metadata: { name }, spec: { a: name } } });
    await world.redefine('mixtures.example.com', (body) => {
      body.spec.versions[0]!.storage = false;
      body.spec.versions[1]!.storage = true;
    });
    await world.http('POST', pathOf('mixtures', '', 'v2'), { body: { metadata: { name: 'c' }, spec: { a: 'c' } } });
    hook.reviews.length = 0;
    const { json } = await world.http('GET', pathOf('mixtures', '', 'v2'));
    expect(json.items.map((item: Json) => [item['apiVersion'], (item['spec'] as Json)['a']])).toEqual([
      ['example.com/v2', 'a'],
      ['example.com/v2', 'b'],
      ['example.com/v2', 'c'],
    ]);
    expect(hook.reviews.map(({ request }) => request.objects.map((each) => (each['spec'] as Json)['a']))).toEqual([
      ['a', 'b'],
    ]);
  });
});

describe('objects that are read in another version', () => {
  it('are pruned by its schema, without conversion and with', async () => {
    hook.convert = (from, apiVersion) => ({ ...from, apiVersion, extra: true });
    for (const [plural, more] of [
      ['narrows', {}],
      ['hookeds', { conversion: hook.conversion }],
    ] as const) {
      const versions = [
        version('v1', object({ a: text, b: text })),
        version('v2', object({ a: text }), { storage: false }),
      ];
      await world.define(definition(plural, versions, more));
      await world.http('POST', pathOf(plural), { body: { metadata: { name: 'x' }, spec: { a: '1', b: '2' } } });
      const { json } = await world.http('GET', pathOf(plural, 'x', 'v2'));
      expect(json.spec).toEqual({ a: '1' });
      expect(json.extra).toBeUndefined();
      expect((await world.http('GET', pathOf(plural, 'x', 'v1'))).json.spec).toEqual({ a: '1', b: '2' });
    }
  });

  it('lose what their schema has ceased to know', async () => {
    await world.define(definition('shrinks', [version('v1', object({ a: text, b: text }))]));
    await world.http('POST', pathOf('shrinks'), { body: { metadata: { name: 'x' }, spec: { a: '1', b: '2' } } });
    await world.redefine('shrinks.example.com', (body) => {
      body.spec.versions = [version('v1', object({ a: text, c: { type: 'string', default: '3' } }))];
    });
    expect((await world.http('GET', pathOf('shrinks', 'x'))).json.spec).toEqual({ a: '1', c: '3' });
  });
});

describe('managed fields after a change of the schema', () => {
  it('are owned as a whole where it has become atomic', async () => {
    const parts = (more: Json) => version('v1', object({ map: { ...object({ a: text, b: text }), ...more }, c: text }));
    await world.define(definition('atoms', [parts({})]));
    const path = pathOf('atoms', 'a');
    await world.apply(path, applied('v1', 'Atom', { map: { a: 'x' }, c: 'y' }), { manager: 'one' });
    await world.redefine('atoms.example.com', (body) => {
      body.spec.versions = [parts({ 'x-kubernetes-map-type': 'atomic' })];
    });
    const { status, json } = await world.apply(path, applied('v1', 'Atom', { map: { b: 'z' } }), { manager: 'two' });
    expect([status, json.message]).toEqual([409, 'Apply failed with 1 conflict: conflict with "one": .spec.map']);
    const { json: updated } = await world.patch(path, { spec: { c: 'z' } });
    expect(owners(updated)['one/Apply/v1']).toEqual({ 'f:spec': { 'f:map': {} } });
  });
});
