/**
 * From a parsed document to an object in canonical form, by the schema: what the API server, its hooks and its clients work
 * with. Struct fields that are not Go pointers are always there; what Go's encoder would leave out is left out; quantities,
 * times and base64 are rewritten as upstream would write them. Wrong types are refused in the words of Go's decoder.
 *
 * Each struct is compiled on first use into a list of fields with a decoder each.
 */
import { type FieldSchema, goType, type StructSchema, type TypeSchema } from '../schema/schema.ts';
import { type Codec, type Context, type Decode, isObject, unknownField } from './decode-context.ts';
import { customStruct } from './decode-custom.ts';
import { setOwn } from './parse-json.ts';
import { copyJson, jsonTypeName, scalarDecoder, WrongType } from './scalars.ts';
import { badRequest, type StatusError } from './status.ts';

export { type Parsed, parseJson } from './parse-json.ts';
export { parseYaml } from './parse-yaml.ts';

/** What to do about unknown and duplicate fields, as the `fieldValidation` parameter says. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** An object in canonical form; the caller owns all of it. */
export interface Canonical<T> {
  readonly object: T;
  /** `unknown field "spec.foo"`, each once; empty with validation Ignore. */
  readonly problems: string[];
}

/**
 * The canonical form of a value by a struct's schema. Unknown fields are dropped and reported; a value of the wrong type
 * throws badRequest as upstream's decoder words it.
 */
export function canonicalize<T = Record<string, unknown>>(
  struct: StructSchema,
  value: unknown,
  options: { validation?: FieldValidation } = {},
): Canonical<T> {
  const problems = options.validation === 'Ignore' ? undefined : new Set<string>();
  const context: Context = { path: [], struct: '', problems };
  try {
    const object = codecOf(struct).decode(value, context) as T;
    return { object, problems: problems?.size ? [...problems] : [] };
  } catch (error) {
    if (error instanceof WrongType) throw cannotHandle(struct, value, wrongTypeMessage(error, context));
    throw error;
  }
}

/** Go's zero value of a struct in canonical form. */
export function zeroOf(struct: StructSchema): Record<string, unknown> {
  return codecOf(struct).zero() as Record<string, unknown>;
}

/** The refusal of a document with unknown or duplicate fields, for fieldValidation=Strict. */
export function strictDecodingError(struct: StructSchema, value: unknown, problems: readonly string[]): StatusError {
  return cannotHandle(struct, value, `strict decoding error: ${problems.join(', ')}`);
}

/** `Deployment in version "v1" cannot be handled as a Deployment: …`. */
function cannotHandle(struct: StructSchema, value: unknown, message: string): StatusError {
  const { kind, apiVersion } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof kind !== 'string' || !kind) return badRequest(message);
  const version = typeof apiVersion === 'string' ? apiVersion.slice(apiVersion.lastIndexOf('/') + 1) : '';
  return badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${struct.name}: ${message}`);
}

function wrongTypeMessage(error: WrongType, context: Context): string {
  if (error.found === undefined) return error.message;
  // Go names the fields on the way, without indices and keys.
  const path = context.path.filter((part) => typeof part === 'string').join('.');
  const where = context.struct ? `struct field ${context.struct}.${path}` : 'value';
  return `json: cannot unmarshal ${error.found} into Go ${where} of type ${error.wanted}`;
}

const codecs = new WeakMap<StructSchema, Codec>();

function codecOf(struct: StructSchema): Codec {
  let codec = codecs.get(struct);
  if (!codec) {
    if (oneOfTwo.has(struct.id)) codec = oneOfTwoForms(struct);
    else codec = struct.dynamic ? customStruct(struct, codecOf) : typedStruct(struct);
    codecs.set(struct, codec);
  }
  return codec;
}

interface FieldPlan {
  readonly name: string;
  readonly decode: Decode;
  /** Set where the field is present though the document has none. */
  readonly zero: (() => unknown) | undefined;
  readonly dropsEmpty: boolean;
}

/** A struct of a built-in kind. */
function typedStruct(struct: StructSchema): Codec {
  let plans: FieldPlan[] | undefined;
  let always: FieldPlan[] = [];
  const compile = () => {
    plans = [...struct.byName].filter(([name]) => name !== '').map(([name, field]) => fieldPlan(name, field));
    always = plans.filter((plan) => plan.zero);
    return plans;
  };
  const zero = () => {
    if (!plans) compile();
    const out: Record<string, unknown> = {};
    for (const plan of always) {
      const value = plan.zero!();
      if (value !== undefined) out[plan.name] = value;
    }
    return out;
  };
  const decode: Decode = (value, context) => {
    if (!isObject(value)) throw new WrongType(jsonTypeName(value), goType({ kind: 'struct', struct }));
    const outer = context.struct;
    const { path } = context;
    context.struct = struct.name;
    const out: Record<string, unknown> = {};
    let seen = 0;
    for (const plan of plans ?? compile()) {
      const { name } = plan;
      const given = value[name];
      if (given !== undefined) {
        seen++;
        if (given !== null) {
          path.push(name);
          const decoded = plan.decode(given, context);
          path.pop();
          if (decoded !== undefined && !(plan.dropsEmpty && isEmpty(decoded))) {
            out[name] = decoded;
            continue;
          }
        }
      }
      if (plan.zero) {
        const zeroValue = plan.zero();
        if (zeroValue !== undefined) out[name] = zeroValue;
      }
    }
    const keys = Object.keys(value);
    if (context.problems && keys.length !== seen) {
      for (const key of keys) if (!struct.byName.has(key)) unknownField(context, key);
    }
    context.struct = outer;
    return out;
  };
  return { decode, zero };
}

function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

function fieldPlan(name: string, field: FieldSchema): FieldPlan {
  const { type, pointer, omitEmpty } = field;
  const codec = typeCodec(type);
  const isStruct = type.kind === 'struct' || (type.kind === 'scalar' && type.scalar === 'Quantity');
  const present = !pointer && (isStruct || !omitEmpty);
  return {
    name,
    decode: codec.decode,
    zero: present ? codec.zero : undefined,
    // An empty list of managed fields is an order to forget them, carried out by server-side apply.
    dropsEmpty: omitEmpty && !pointer && !isStruct && !keepsZero(type) && name !== 'managedFields',
  };
}

/** Content of any form, of which an empty object is a value. */
const keepsZero = (type: TypeSchema) =>
  type.kind === 'scalar' && ['RawExtension', 'JSON', 'FieldsV1'].includes(type.scalar);

const scalarZeros: Partial<Record<string, unknown>> = {
  string: '',
  bool: false,
  int32: 0,
  int64: 0,
  uint32: 0,
  float64: 0,
  bytes: '',
  Quantity: '0',
  IntOrString: 0,
  Duration: '0s',
};

function typeCodec(type: TypeSchema): Codec {
  switch (type.kind) {
    case 'any':
      return { decode: copyJson, zero: () => undefined };
    case 'scalar': {
      const zero = scalarZeros[type.scalar];
      return { decode: scalarDecoder(type), zero: () => zero };
    }
    case 'struct': {
      // Looked up late: structs may contain themselves.
      let codec: Codec | undefined;
      const get = () => {
        codec ??= codecOf(type.struct);
        return codec;
      };
      return { decode: (value, context) => get().decode(value, context), zero: () => get().zero() };
    }
    case 'list':
      return listCodec(type);
    case 'map':
      return mapCodec(type);
  }
}

function listCodec(type: TypeSchema & { kind: 'list' }): Codec {
  const { decode, zero } = typeCodec(type.of);
  const wanted = goType(type);
  return {
    zero: () => [],
    decode(value, context) {
      if (!Array.isArray(value)) throw new WrongType(jsonTypeName(value), wanted);
      const { path } = context;
      const out = new Array<unknown>(value.length);
      const at = path.push(0) - 1;
      for (let i = 0; i < value.length; i++) {
        path[at] = i;
        const element: unknown = value[i];
        out[i] = (element === null || element === undefined ? zero() : decode(element, context)) ?? null;
      }
      path.pop();
      return out;
    },
  };
}

function mapCodec(type: TypeSchema & { kind: 'map' }): Codec {
  const { decode, zero } = typeCodec(type.of);
  const wanted = goType(type);
  const scalar = type.of.kind === 'scalar';
  return {
    zero: () => ({}),
    decode(value, context) {
      if (!isObject(value)) throw new WrongType(jsonTypeName(value), wanted);
      const out: Record<string, unknown> = {};
      for (const key of Object.keys(value)) {
        const element = value[key];
        if (element === undefined) continue;
        let decoded: unknown;
        if (element === null) decoded = zero();
        else if (scalar) decoded = decode(element, context);
        else {
          context.path.push({ key });
          decoded = decode(element, context);
          context.path.pop();
        }
        setOwn(out, key, decoded ?? null);
      }
      return out;
    },
  };
}

/** Structs whose JSON is one of two forms: a schema, or a list or boolean. */
const oneOfTwo: ReadonlySet<string> = new Set([
  'apiextensions/v1.JSONSchemaPropsOrArray',
  'apiextensions/v1.JSONSchemaPropsOrStringArray',
  'apiextensions/v1.JSONSchemaPropsOrBool',
]);

function oneOfTwoForms(struct: StructSchema): Codec {
  const [schema, other] = [true, false].map((isSchema) => {
    const { type } = struct.fields.find((field) => (field.type.kind === 'struct') === isSchema)!;
    return typeCodec(type);
  }) as [Codec, Codec];
  return {
    zero: () => undefined,
    decode: (value, context) => (isObject(value) ? schema : other).decode(value, context),
  };
}
