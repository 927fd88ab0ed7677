/** Compiles the schema facts, each group-version on its first use. */

import { allFacts } from './facts.gen.ts';
import type { SchemaFacts } from './facts.ts';

/** Types that JSON and protobuf treat specially. */
export type Scalar =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'float64'
  | 'bytes'
  | 'Time'
  | 'MicroTime'
  | 'Duration'
  | 'Quantity'
  | 'IntOrString'
  | 'RawExtension'
  | 'FieldsV1'
  | 'JSON';

export type TypeSchema =
  | { readonly kind: 'scalar'; readonly scalar: Scalar; readonly values?: readonly string[] }
  | { readonly kind: 'list'; readonly of: TypeSchema }
  | { readonly kind: 'map'; readonly of: TypeSchema }
  | { readonly kind: 'struct'; readonly struct: StructSchema };

export interface FieldSchema {
  /** JSON name; empty for an inlined struct. */
  readonly name: string;
  /** Protobuf field number; undefined where the field does not travel in protobuf. */
  readonly number: number | undefined;
  readonly type: TypeSchema;
  readonly pointer: boolean;
  readonly inline: boolean;
  /** Left out of JSON when empty. */
  readonly omitEmpty: boolean;
  /** Optional for OpenAPI. */
  readonly optional: boolean;
  /** JSON default, as `+default` markers state it; the kinds' own defaulting is elsewhere. */
  readonly default: unknown;
  readonly listType: 'map' | 'set' | 'atomic' | undefined;
  readonly listMapKeys: readonly string[];
  readonly mapType: 'atomic' | 'granular' | undefined;
  readonly structType: 'atomic' | 'granular' | undefined;
  readonly patchStrategy: readonly ('merge' | 'replace' | 'retainKeys')[];
  readonly patchMergeKey: string | undefined;
  readonly featureGate: string | undefined;
  readonly unionDiscriminator: boolean;
}

export interface StructSchema {
  /** `apps/v1.Deployment`. */
  readonly id: string;
  readonly name: string;
  /** `io.k8s.api.apps.v1.Deployment`. */
  readonly openapiName: string;
  readonly cluster: boolean;
  readonly structType: 'atomic' | 'granular' | undefined;
  readonly union: boolean;
  /** As declared; an inlined struct is one field here. */
  readonly fields: readonly FieldSchema[];
  /** By JSON name, inlined structs' fields included. */
  readonly byName: ReadonlyMap<string, FieldSchema>;
}

interface Alias {
  readonly type: string;
  readonly values: readonly string[];
}

/** The declarations of one group-version. */
export interface GroupVersionSchema {
  readonly facts: SchemaFacts;
  readonly structs: ReadonlyMap<string, StructSchema>;
  readonly aliases: ReadonlyMap<string, Alias>;
}

const scalars: ReadonlySet<string> = new Set<Scalar>([
  'string',
  'bool',
  'int32',
  'int64',
  'uint32',
  'float64',
  'bytes',
  'Time',
  'MicroTime',
  'Duration',
  'Quantity',
  'IntOrString',
  'RawExtension',
  'FieldsV1',
  'JSON',
]);

const compiled = new Map<string, GroupVersionSchema>();
const factsById = new Map(allFacts.map((facts) => [facts.id, facts]));

/** Every group-version there are facts for: `core/v1`, `apps/v1`, … */
export function schemaIds(): string[] {
  return [...factsById.keys()];
}

/** The schema of a group-version by its short name; throws for an unknown one, which is a mistake in the code. */
export function groupVersionSchema(id: string): GroupVersionSchema {
  const known = compiled.get(id);
  if (known) return known;
  const facts = factsById.get(id);
  if (!facts) throw new Error(`no schema facts for ${id}`);
  const result = compile(facts);
  compiled.set(id, result);
  return result;
}

/** A struct by `core/v1.Pod`; throws when unknown. */
export function structSchema(ref: string): StructSchema {
  const dot = ref.lastIndexOf('.');
  const struct = groupVersionSchema(ref.slice(0, dot)).structs.get(ref.slice(dot + 1));
  if (!struct) throw new Error(`no schema of ${ref}`);
  return struct;
}

/** Splits a line at spaces outside quotes. */
function words(line: string): string[] {
  return (line.match(/"[^"]*"|[^\s"]+(?:"[^"]*")?\S*/g) ?? []).map((w) => (w.startsWith('"') ? w.slice(1, -1) : w));
}

/** Structs are objects from the start and filled on first use of their fields, so that types may refer to each other. */
class LazyStruct implements StructSchema {
  readonly id: string;
  readonly name: string;
  readonly openapiName: string;
  readonly cluster: boolean;
  readonly structType: 'atomic' | 'granular' | undefined;
  readonly union: boolean;
  readonly #facts: SchemaFacts;
  #lines: string[] = [];
  #fields: FieldSchema[] | undefined;
  #byName: Map<string, FieldSchema> | undefined;

  constructor(facts: SchemaFacts, head: readonly string[]) {
    this.#facts = facts;
    this.name = head[1]!;
    this.id = `${facts.id}.${this.name}`;
    this.openapiName = `${facts.openapi}.${this.name}`;
    this.cluster = head.includes('cluster');
    this.union = head.includes('union');
    this.structType = head.find((w) => w.startsWith('struct='))?.slice(7) as StructSchema['structType'];
  }

  add(line: string): void {
    this.#lines.push(line);
  }

  get fields(): readonly FieldSchema[] {
    if (!this.#fields) {
      this.#fields = this.#lines.map((line) => parseField(this.#facts, words(line)));
      this.#lines = [];
    }
    return this.#fields;
  }

  get byName(): ReadonlyMap<string, FieldSchema> {
    if (!this.#byName) {
      this.#byName = new Map();
      for (const field of this.fields) {
        if (!field.inline) this.#byName.set(field.name, field);
        else if (field.type.kind === 'struct') {
          for (const [name, inner] of field.type.struct.byName)
            if (!this.#byName.has(name)) this.#byName.set(name, inner);
        }
      }
    }
    return this.#byName;
  }
}

function compile(facts: SchemaFacts): GroupVersionSchema {
  const structs = new Map<string, LazyStruct>();
  const aliases = new Map<string, Alias>();
  let current: LazyStruct | undefined;
  for (const line of facts.text.split('\n')) {
    if (line.startsWith('  ')) current?.add(line);
    else if (line.startsWith('type ')) {
      current = new LazyStruct(facts, words(line));
      structs.set(current.name, current);
    } else if (line.startsWith('alias ')) {
      const [, name, type, ...values] = words(line);
      aliases.set(name!, { type: type!, values });
    }
  }
  return { facts, structs, aliases };
}

function parseField(facts: SchemaFacts, [number, rawName, rawType, ...tokens]: string[]): FieldSchema {
  const token = (key: string) => tokens.find((t) => t.startsWith(`${key}=`))?.slice(key.length + 1);
  const omitEmpty = rawName!.endsWith('?');
  const name = omitEmpty ? rawName!.slice(0, -1) : rawName!;
  const defaultText = token('default');
  return {
    name: name === '...' || name === '-' ? '' : name,
    number: number === '-' ? undefined : Number(number),
    type: parseType(facts, rawType!.replace(/^\*/, '')),
    pointer: rawType!.startsWith('*'),
    inline: name === '...',
    omitEmpty,
    optional:
      tokens.includes('optional') || (omitEmpty && !tokens.includes('mandatory') && !tokens.includes('required')),
    default: defaultText && !defaultText.startsWith('ref(') ? JSON.parse(defaultText) : undefined,
    listType: token('list') as FieldSchema['listType'],
    listMapKeys: token('keys')?.split(',') ?? [],
    mapType: token('map') as FieldSchema['mapType'],
    structType: token('struct') as FieldSchema['structType'],
    patchStrategy: (token('patch')?.split(',') ?? []) as FieldSchema['patchStrategy'],
    patchMergeKey: token('mergeKey'),
    featureGate: token('gate'),
    unionDiscriminator: tokens.includes('union'),
  };
}

function parseType(facts: SchemaFacts, text: string, values?: readonly string[]): TypeSchema {
  if (text.startsWith('*')) return parseType(facts, text.slice(1), values);
  if (text.startsWith('[]')) return { kind: 'list', of: parseType(facts, text.slice(2)) };
  if (text.startsWith('{}')) return { kind: 'map', of: parseType(facts, text.slice(2)) };
  const dot = text.lastIndexOf('.');
  const home = dot < 0 ? facts.id : text.slice(0, dot);
  const name = text.slice(dot + 1);
  const schema = home === facts.id ? undefined : groupVersionSchema(home);
  const { structs, aliases, facts: owner } = schema ?? groupVersionSchema(facts.id);
  const struct = structs.get(name);
  if (struct) return { kind: 'struct', struct };
  const alias = aliases.get(name);
  if (alias) return parseType(owner, alias.type, alias.values);
  if (scalars.has(name)) return { kind: 'scalar', scalar: name as Scalar, ...(values?.length ? { values } : {}) };
  throw new Error(`${facts.id}: unknown type ${text}`);
}
