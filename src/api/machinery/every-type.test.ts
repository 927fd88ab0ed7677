/** What holds of every type of every group and version: its codecs agree, and its documents are whole. */
import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../base/random.ts';
import { builtinKinds } from '../kinds.gen.ts';
import { groupVersionSchema, type Scalar, type StructSchema, schemaIds, type TypeSchema } from '../schema/schema.ts';
import { checkTyped, mergeTyped } from './apply/merge.ts';
import { fieldSetOf } from './apply/typed.ts';
import { canonicalize, zeroOf } from './decode.ts';
import { groupKinds } from './discovery.ts';
import { openApiV2 } from './openapi-v2.ts';
import { openApiV3 } from './openapi-v3.ts';
import { decodeMessage, encodeMessage } from './protobuf.ts';

const structs = schemaIds().flatMap((id) => [...groupVersionSchema(id).structs.values()]);
/** Not objects of their fields, or not sent in protobuf. */
const special = /JSONSchemaPropsOr|apiextensions\/v1\.JSON$|meta\/v1\.(?:Table|TypeMeta|MicroTime)/;
const plainStructs = structs.filter((struct) => !special.test(struct.id));

const samples: Readonly<Record<Scalar, readonly unknown[]>> = {
  string: ['', 'a', 'ünï😀', 'x'.repeat(300)],
  bool: [true, false],
  int32: [0, 1, -1, 2147483647, -2147483648],
  int64: [0, 1, -1, 2 ** 53 - 1, -(2 ** 40)],
  uint32: [0, 7, 4294967295],
  float64: [0, 1.5, -2, 1e100],
  bytes: ['', 'AA==', 'aGVsbG8='],
  Time: ['2026-01-02T03:04:05Z', '1969-12-31T23:59:59Z'],
  MicroTime: ['2026-01-02T03:04:05.123456Z'],
  Duration: ['0s', '1m30s', '100ms'],
  Quantity: ['0', '500m', '1Gi', '12e6'],
  IntOrString: [0, 8080, 'http', '25%'],
  RawExtension: [{ kind: 'X', a: [1, { b: null }] }],
  FieldsV1: [{ 'f:a': {} }],
  JSON: [{ a: 1 }, [1], 'x', 0, false],
};

function sample(random: Random, type: TypeSchema, depth: number): unknown {
  switch (type.kind) {
    case 'any':
      return { a: 1 };
    case 'scalar':
      return samples[type.scalar][random.below(samples[type.scalar].length)];
    case 'struct':
      if (/JSONSchemaPropsOrBool/.test(type.struct.id)) return random.next() < 0.5;
      return /JSONSchemaPropsOr/.test(type.struct.id)
        ? { type: 'object' }
        : sampleStruct(random, type.struct, depth + 1);
    case 'list':
      return Array.from({ length: random.below(3) }, () => sample(random, type.of, depth + 1));
    case 'map':
      return Object.fromEntries(
        Array.from({ length: random.below(3) }, (_, i) => [`k${i}`, sample(random, type.of, depth + 1)]),
      );
  }
}

function sampleStruct(random: Random, struct: StructSchema, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, field] of struct.byName) {
    if (name === 'kind' || name === 'apiVersion' || field.type.kind === 'any') continue;
    if (depth > 6 || random.next() < 0.4) continue;
    out[name] = sample(random, field.type, depth);
    // An empty list of these is an order to the server, which protobuf cannot give.
    if (name === 'managedFields' && (out[name] as unknown[]).length === 0) delete out[name];
  }
  return out;
}

describe('every type', () => {
  it('has a zero value that is canonical, in JSON and protobuf', () => {
    for (const struct of plainStructs) {
      const zero = zeroOf(struct);
      expect(canonicalize(struct, {}).object, struct.id).toEqual(zero);
      expect(canonicalize(struct, decodeMessage(struct, encodeMessage(struct, zero))).object, struct.id).toEqual(zero);
    }
  });

  it('goes through JSON and protobuf unchanged', () => {
    const random = seededRandom(42);
    for (const struct of plainStructs) {
      for (let i = 0; i < 2; i++) {
        const given = sampleStruct(random, struct, 0);
        const { object, problems } = canonicalize(struct, given);
        expect(problems).toEqual([]);
        expect(canonicalize(struct, JSON.parse(JSON.stringify(object))).object, struct.id).toEqual(object);
        const back = canonicalize(struct, decodeMessage(struct, encodeMessage(struct, object))).object;
        expect(withoutEmptyBytes(struct, back), struct.id).toEqual(withoutEmptyBytes(struct, object));
      }
    }
  });

  it('may be applied: a canonical object fits its schema, and merged with itself stays the same', () => {
    const random = seededRandom(7);
    for (const struct of plainStructs) {
      const type: TypeSchema = { kind: 'struct', struct };
      const { object } = canonicalize(struct, sampleStruct(random, struct, 0));
      if (checkTyped(type, object).some((problem) => /duplicate entries|associative list/.test(problem))) continue;
      expect(checkTyped(type, object), struct.id).toEqual([]);
      expect(mergeTyped(type, object, object), struct.id).toEqual(object);
      expect(() => fieldSetOf(type, object)).not.toThrow();
    }
  });
});

/** Protobuf does not tell an empty byte string from none. */
function withoutEmptyBytes(struct: StructSchema, object: Record<string, unknown>): Record<string, unknown> {
  const names = [...struct.byName].filter(([, f]) => f.type.kind === 'scalar' && f.type.scalar === 'bytes');
  const skipped = new Set(names.map(([name]) => name));
  return Object.fromEntries(Object.entries(object).filter(([name, value]) => !skipped.has(name) || value !== ''));
}

function references(value: unknown, into = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return into;
  for (const [key, child] of Object.entries(value)) {
    if (key === '$ref' && typeof child === 'string') into.add(child.slice(child.lastIndexOf('/') + 1));
    else references(child, into);
  }
  return into;
}

describe('every built-in kind', () => {
  type Schemas = Record<
    string,
    { 'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[] }
  >;
  const options = { version: 'v1.36.0' };

  it('is in the OpenAPI document of its group and version, and nothing is referred to that is not there', () => {
    for (const { group, versions } of groupKinds(builtinKinds)) {
      for (const { version, kinds } of versions) {
        const document = openApiV3(kinds, options);
        const { schemas } = document['components'] as { schemas: Schemas };
        for (const name of references(document)) expect(schemas, `${group}/${version}`).toHaveProperty([name]);
        for (const { kind } of kinds) {
          const own = Object.values(schemas).filter((schema) =>
            schema['x-kubernetes-group-version-kind']?.some(
              (gvk) => gvk.group === group && gvk.version === version && gvk.kind === kind,
            ),
          );
          expect(own, `${group}/${version} ${kind}`).toHaveLength(1);
        }
      }
    }
  });

  it('has operations with names of their own', () => {
    const { paths, definitions } = openApiV2(builtinKinds, options) as {
      paths: Record<string, Record<string, { operationId?: string }>>;
      definitions: Schemas;
    };
    const ids = Object.values(paths).flatMap((path) =>
      Object.values(path).flatMap(({ operationId }) => (operationId ? [operationId] : [])),
    );
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    for (const name of references(paths)) expect(definitions).toHaveProperty([name]);
  });
});
