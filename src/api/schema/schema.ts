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

/**
 * The type of a value. What merging needs to know of a list, map or struct is on the type, so that custom resources (whose
 * lists may hold lists) have the same form; `any` is content without a schema.
 */
export type TypeSchema =
  | { readonly kind: 'scalar'; readonly scalar: Scalar; readonly values?: readonly string[]; readonly goName?: string }
  | ListSchema
  | { readonly kind: 'map'; readonly of: TypeSchema; readonly atomic?: boolean; readonly goName?: string }
  | { readonly kind: 'struct'; readonly struct: StructSchema; readonly atomic?: boolean }
  | { readonly kind: 'any' };

export interface ListSchema {
  readonly kind: 'list';
  readonly of: TypeSchema;
  /** How server-side apply merges it; a list without one is atomic. */
  readonly listType?: 'map' | 'set' | 'atomic';
  readonly keys?: readonly string[];
  readonly goName?: string;
}

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
  /** A custom resource: values of a wrong type are left to validation, and absent ones stay absent. */
  readonly dynamic?: boolean;
  /** Fields that are not declared are kept. */
  readonly preserveUnknown?: boolean;
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

/** Adds the facts of a group-version that is declared beside its kind, before anything asks for its types. */
export function addFacts(facts: SchemaFacts): void {
  factsById.set(facts.id, facts);
}

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
  const type = withMerging(parseType(facts, rawType!.replace(/^\*/, '')), {
    list: token('list') as ListSchema['listType'],
    keys: token('keys')?.split(','),
    map: token('map'),
    struct: token('struct'),
  });
  return {
    name: name === '...' || name === '-' ? '' : name,
    number: number === '-' ? undefined : Number(number),
    type,
    pointer: rawType!.startsWith('*'),
    inline: name === '...',
    omitEmpty,
    optional: tokens.includes('optional') || (omitEmpty && !tokens.includes('required')),
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

/** Puts what a field says about merging on its type. */
function withMerging(
  type: TypeSchema,
  says: {
    list: ListSchema['listType'] | undefined;
    keys: string[] | undefined;
    map: string | undefined;
    struct: string | undefined;
  },
): TypeSchema {
  if (type.kind === 'list' && says.list) return { ...type, listType: says.list, keys: says.keys ?? [] };
  if (type.kind === 'map' && says.map === 'atomic') return { ...type, atomic: true };
  if (type.kind === 'struct') {
    const atomic = says.struct ?? says.map ?? type.struct.structType;
    if (atomic === 'atomic') return { ...type, atomic: true };
  }
  return type;
}

/** Declared as structs, but any JSON on the wire. */
const anyJson: ReadonlySet<string> = new Set(['apiextensions/v1.JSON']);

function parseType(facts: SchemaFacts, text: string, alias?: Alias & { readonly goName: string }): TypeSchema {
  const named = alias ? { goName: alias.goName } : {};
  if (text.startsWith('*')) return parseType(facts, text.slice(1), alias);
  if (text.startsWith('[]')) return { kind: 'list', of: parseType(facts, text.slice(2)), ...named };
  if (text.startsWith('{}')) return { kind: 'map', of: parseType(facts, text.slice(2)), ...named };
  const dot = text.lastIndexOf('.');
  const home = dot < 0 ? facts.id : text.slice(0, dot);
  const name = text.slice(dot + 1);
  const { structs, aliases, facts: owner } = groupVersionSchema(home);
  const struct = structs.get(name);
  if (struct) return anyJson.has(struct.id) ? { kind: 'scalar', scalar: 'JSON' } : { kind: 'struct', struct };
  const next = aliases.get(name);
  if (next) return parseType(owner, next.type, { ...next, goName: goTypeName(owner.id, name) });
  if (!scalars.has(name)) throw new Error(`${facts.id}: unknown type ${text}`);
  return {
    kind: 'scalar',
    scalar: name as Scalar,
    ...(alias?.values.length ? { values: alias.values } : {}),
    ...named,
  };
}

/** `v1.PullPolicy`: the Go package is named after the version. */
function goTypeName(id: string, name: string): string {
  return `${id.slice(id.lastIndexOf('/') + 1)}.${name}`;
}

const goScalars: Partial<Record<Scalar, string>> = {
  bytes: '[]uint8',
  Time: 'string',
  MicroTime: 'string',
  Duration: 'string',
  IntOrString: 'int32',
};

/** How Go names the type, as its JSON decoder's messages do: `[]v1.Container`, `map[string]string`, `int32`. */
export function goType(type: TypeSchema): string {
  switch (type.kind) {
    case 'any':
      return 'interface {}';
    case 'scalar':
      return type.goName ?? goScalars[type.scalar] ?? type.scalar;
    case 'list':
      return type.goName ?? `[]${goType(type.of)}`;
    case 'map':
      return type.goName ?? `map[string]${goType(type.of)}`;
    case 'struct':
      return goTypeName(type.struct.id.slice(0, type.struct.id.lastIndexOf('.')), type.struct.name);
  }
}
