import { describe, expect, it } from 'vitest';
import { type FieldSchema, type StructSchema, structSchema, type TypeSchema } from '../schema/schema.ts';
import { canonicalize } from './decode.ts';

const field = (type: TypeSchema): FieldSchema => ({ ...structSchema('core/v1.Pod').byName.get('metadata')!, type });

function custom(fields: Record<string, TypeSchema>, more: Partial<StructSchema> = {}): StructSchema {
  const byName = new Map(Object.entries(fields).map(([name, type]) => [name, field(type)]));
  return {
    ...{ id: 'x', name: 'Widget', openapiName: 'x', cluster: false, structType: undefined, union: false, fields: [] },
    dynamic: true,
    byName,
    ...more,
  };
}

const string: TypeSchema = { kind: 'scalar', scalar: 'string' };
const spec = custom({
  size: { kind: 'scalar', scalar: 'int64' },
  parts: { kind: 'list', of: { kind: 'struct', struct: custom({ name: string }) } },
  byKey: { kind: 'map', of: { kind: 'struct', struct: custom({ name: string }) } },
  open: { kind: 'struct', struct: custom({ known: string }, { preserveUnknown: true }) },
  free: { kind: 'any' },
});
const widget = custom({
  apiVersion: string,
  kind: string,
  metadata: { kind: 'struct', struct: structSchema('meta/v1.ObjectMeta') },
  spec: { kind: 'struct', struct: spec },
});
const head = { apiVersion: 'example.com/v1', kind: 'Widget' };

describe('custom resources', () => {
  it('are pruned, with the paths of what was unknown', () => {
    const { object, problems } = canonicalize(widget, {
      ...head,
      metadata: { name: 'a' },
      spec: {
        size: 1,
        bogus: 1,
        parts: [{ name: 'a' }, { nam: 'b' }],
        byKey: { k: { x: 1 } },
        open: { known: 'a', more: { b: [1] } },
        free: { x: { y: null } },
      },
      extra: 1,
    });
    expect(object).toEqual({
      ...head,
      metadata: { name: 'a' },
      spec: {
        size: 1,
        parts: [{ name: 'a' }, {}],
        byKey: { k: {} },
        open: { known: 'a', more: { b: [1] } },
        free: { x: { y: null } },
      },
    });
    expect(problems).toEqual([
      'unknown field "spec.bogus"',
      'unknown field "spec.parts[1].nam"',
      'unknown field "spec.byKey.k.x"',
      'unknown field "extra"',
    ]);
  });

  it('keep values of other types for validation to refuse, and get no zero values', () => {
    const value = { ...head, metadata: { name: 'a' }, spec: { size: 'x', parts: {}, byKey: [], open: 'y' } };
    expect(canonicalize(widget, value)).toEqual({ object: value, problems: [] });
    expect(canonicalize(widget, head).object).toEqual(head);
  });

  it('have metadata of the usual type', () => {
    expect(canonicalize(widget, { ...head, metadata: null }).object['metadata']).toEqual({});
    expect(canonicalize(widget, { ...head, metadata: { nme: 'a' } }).problems).toEqual([
      'unknown field "metadata.nme"',
    ]);
    expect(() => canonicalize(widget, { ...head, metadata: { labels: { a: 1 } } })).toThrow(
      'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    );
  });

  it('keep hostile names as data', () => {
    const value = JSON.parse('{"spec":{"free":{"__proto__":{"a":1}}},"__proto__":{"b":1}}') as unknown;
    const { object, problems } = canonicalize(widget, value);
    expect(JSON.stringify(object)).toBe('{"spec":{"free":{"__proto__":{"a":1}}}}');
    expect(problems).toEqual(['unknown field "__proto__"']);
  });
});
