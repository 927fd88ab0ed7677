import { describe, expect, it } from 'vitest';
import { deepFreeze } from '../../base/deep.ts';
import { structSchema } from '../schema/schema.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMerge } from './strategic-merge.ts';

describe('applyJsonPatch', () => {
  const document = deepFreeze({ a: { 'b/c': 1, list: [1, 2, 3] }, n: null });

  it.each([
    [[{ op: 'add', path: '/x', value: { y: 1 } }], { ...document, x: { y: 1 } }],
    [[{ op: 'add', path: '/a/list/1', value: 9 }], { ...document, a: { ...document.a, list: [1, 9, 2, 3] } }],
    [[{ op: 'add', path: '/a/list/-', value: 9 }], { ...document, a: { ...document.a, list: [1, 2, 3, 9] } }],
    [[{ op: 'remove', path: '/a/list/0' }], { ...document, a: { ...document.a, list: [2, 3] } }],
    [[{ op: 'replace', path: '/a/b~1c', value: 2 }], { ...document, a: { ...document.a, 'b/c': 2 } }],
    [[{ op: 'move', from: '/a/list', path: '/list' }], { a: { 'b/c': 1 }, n: null, list: [1, 2, 3] }],
    [[{ op: 'copy', from: '/a/list/2', path: '/three' }], { ...document, three: 3 }],
    [[{ op: 'test', path: '/a/list', value: [1, 2, 3] }], document],
    [[{ op: 'test', path: '/n', value: null }], document],
    [[{ op: 'add', path: '', value: 1 }], 1],
  ])('applies %j', (patch, result) => {
    expect(applyJsonPatch(document, patch)).toEqual(result);
  });

  it.each([
    [{ op: 'test', path: '/a/list', value: [] }, 'testing value /a/list failed: test failed'],
    [
      { op: 'remove', path: '/zz' },
      "error in remove for path: '/zz': Unable to remove nonexistent key: zz: missing value",
    ],
    [
      { op: 'add', path: '/zz/y', value: 1 },
      'add operation does not apply: doc is missing path: "/zz/y": missing value',
    ],
    [
      { op: 'replace', path: '/zz', value: 1 },
      'replace operation does not apply: doc is missing key: /zz: missing value',
    ],
    [{ op: 'frob', path: '/a' }, 'Unexpected kind: frob'],
    [{ op: 'add', path: 'a', value: 1 }, 'add operation does not apply: path "a" is not a JSON pointer'],
    [{ op: 'add', path: '/a' }, 'add operation does not apply: it has no value: missing value'],
  ])('answers 422 to %j', (operation, message) => {
    expect(() => applyJsonPatch(document, [operation])).toThrow(
      expect.objectContaining({ code: 422, details: { causes: [{ reason: 'UnexpectedServerResponse', message }] } }),
    );
  });

  it('is not fooled into prototypes or endless copies', () => {
    const out = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: 1 } }]);
    expect(Object.keys(out as object)).toEqual(['__proto__']);
    expect(() => applyJsonPatch({}, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }])).toThrow();
    const bomb = Array.from({ length: 64 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }));
    expect(() => applyJsonPatch({ a: ['x'] }, bomb)).toThrow(expect.objectContaining({ code: 422 }));
    expect(() => applyJsonPatch({}, {})).toThrow(expect.objectContaining({ code: 400 }));
    expect(() => applyJsonPatch({}, new Array(10_001).fill({}))).toThrow(expect.objectContaining({ code: 413 }));
  });
});

describe('applyMergePatch', () => {
  it("follows the RFC's examples", () => {
    expect(applyMergePatch({ a: 'b', c: { d: 'e', f: 'g' } }, { a: 'z', c: { f: null } })).toEqual({
      a: 'z',
      c: { d: 'e' },
    });
    expect(applyMergePatch({ a: [1, 2] }, { a: [3], b: { c: null, d: 1 } })).toEqual({ a: [3], b: { d: 1 } });
    expect(applyMergePatch({ a: 'x' }, { a: { b: 1 } })).toEqual({ a: { b: 1 } });
    expect(() => applyMergePatch({}, [])).toThrow('Invalid JSON Patch');
  });
});

describe('applyStrategicMerge', () => {
  const struct = structSchema('apps/v1.Deployment');
  const spec = (containers: object[], more: object = {}) => ({ spec: { template: { spec: { containers, ...more } } } });
  const apply = (document: object, patch: object) =>
    applyStrategicMerge(struct, deepFreeze(document), deepFreeze(patch));

  it('merges lists by their key, the patch first in its order', () => {
    const live = spec([
      { name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }] },
      { name: 'b', image: 'b:1' },
    ]);
    expect(
      apply(
        live,
        spec([
          { name: 'b', image: 'b:2' },
          { name: 'c', image: 'c:1' },
        ]),
      ),
    ).toEqual(
      spec([
        { name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }] },
        { name: 'b', image: 'b:2' },
        { name: 'c', image: 'c:1' },
      ]),
    );
    expect(apply(live, spec([{ name: 'a', env: [{ name: 'Y', value: '2' }] }]))).toEqual(
      spec([
        {
          name: 'a',
          image: 'a:1',
          env: [
            { name: 'Y', value: '2' },
            { name: 'X', value: '1' },
          ],
        },
        { name: 'b', image: 'b:1' },
      ]),
    );
  });

  it('deletes and replaces by directive', () => {
    const live = spec([{ name: 'a' }, { name: 'b' }]);
    expect(apply(live, spec([{ name: 'a', $patch: 'delete' }]))).toEqual(spec([{ name: 'b' }]));
    expect(apply(live, spec([{ name: 'c' }, { $patch: 'replace' }]))).toEqual(spec([{ name: 'c' }]));
    expect(
      apply({ metadata: { labels: { a: '1', b: '2' } } }, { metadata: { labels: { $patch: 'replace', c: '3' } } }),
    ).toEqual({ metadata: { labels: { c: '3' } } });
    expect(apply({ metadata: { labels: { a: '1' }, name: 'n' } }, { metadata: { labels: null } })).toEqual({
      metadata: { name: 'n' },
    });
  });

  it('retains only the keys of a union', () => {
    const live = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    expect(apply(live, { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } })).toEqual({
      spec: { strategy: { type: 'Recreate' } },
    });
    expect(() => apply(live, { spec: { strategy: { $retainKeys: ['x'], type: 'Recreate' } } })).toThrow(
      'invalid patch format of retainKeys',
    );
  });

  it('orders elements as the patch says', () => {
    const live = spec([{ name: 'a' }, { name: 'server' }, { name: 'b' }]);
    const patch = {
      spec: {
        template: {
          spec: {
            '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
            containers: [{ name: 'b', image: 'x' }],
          },
        },
      },
    };
    expect(apply(live, patch)).toEqual(spec([{ name: 'server' }, { name: 'b', image: 'x' }, { name: 'a' }]));
  });

  it('deletes from lists of primitives', () => {
    const live = { metadata: { finalizers: ['a', 'b', 'c'] } };
    expect(
      apply(live, {
        metadata: {
          '$deleteFromPrimitiveList/finalizers': ['b'],
          '$setElementOrder/finalizers': ['d', 'c', 'a'],
          finalizers: ['d'],
        },
      }),
    ).toEqual({ metadata: { finalizers: ['d', 'c', 'a'] } });
    expect(apply(live, { metadata: { finalizers: ['c', 'x'] } })).toEqual({
      metadata: { finalizers: ['a', 'b', 'c', 'x'] },
    });
  });

  it('replaces atomic lists, and takes new values without directives and nulls', () => {
    const live = spec([{ name: 'a', command: ['x', 'y'] }]);
    expect(apply(live, spec([{ name: 'a', command: ['z'] }]))).toEqual(spec([{ name: 'a', command: ['z'] }]));
    expect(apply({}, { spec: { template: { metadata: { labels: { a: null, b: '1' } } } } })).toEqual({
      spec: { template: { metadata: { labels: { b: '1' } } } },
    });
  });

  it('refuses what it cannot merge', () => {
    expect(() => apply(spec([{ name: 'a' }]), spec([{ image: 'x' }]))).toThrow(
      'map: map[image:x] does not contain declared merge key: name',
    );
    expect(() => apply({}, { spec: { $patch: 'explode' } })).not.toThrow();
    expect(() => apply({ spec: {} }, { spec: { $patch: 'explode' } })).toThrow(
      'Unknown patch type found: explode in map',
    );
    expect(() => applyStrategicMerge(struct, {}, [])).toThrow('Invalid JSON document');
  });
});
