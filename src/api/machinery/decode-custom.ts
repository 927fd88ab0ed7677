/** Decoding of custom resources, whose schema prunes what it does not know and leaves types to validation. */
import type { StructSchema, TypeSchema } from '../schema/schema.ts';
import { type Codec, type Decode, isObject, unknownField } from './decode-context.ts';
import { setOwn } from './parse-json.ts';
import { copyJson } from './scalars.ts';

/** The codec of a struct of either sort. */
type CodecOf = (struct: StructSchema) => Codec;

/** An object of a custom resource: unknown fields are pruned, and what is not of the declared type is left as it is. */
export function customStruct(struct: StructSchema, codecOf: CodecOf): Codec {
  const fields = new Map<string, Decode>();
  const decoderOf = (name: string): Decode | undefined => {
    let decode = fields.get(name);
    const field = decode ? undefined : struct.byName.get(name);
    if (field) {
      decode = lenient(field.type, codecOf);
      fields.set(name, decode);
    }
    return decode;
  };
  const decode: Decode = (value, context) => {
    if (!isObject(value)) return value;
    const outer = context.struct;
    context.struct = struct.name;
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const given = value[key];
      if (given === undefined) continue;
      const decodeField = decoderOf(key);
      if (decodeField) {
        context.path.push(key);
        setOwn(out, key, decodeField(given, context));
        context.path.pop();
      } else if (struct.preserveUnknown) setOwn(out, key, copyJson(given));
      else unknownField(context, key);
    }
    context.struct = outer;
    return out;
  };
  return { decode, zero: () => ({}) };
}

function lenient(type: TypeSchema, codecOf: CodecOf): Decode {
  switch (type.kind) {
    case 'scalar':
    case 'any':
      return copyJson;
    case 'struct': {
      if (!type.struct.dynamic) {
        // Metadata, which upstream decodes strictly: null is as none.
        const { decode, zero } = codecOf(type.struct);
        return (value, context) => (value === null ? zero() : decode(value, context));
      }
      let codec: Codec | undefined;
      return (value, context) => {
        codec ??= codecOf(type.struct);
        return codec.decode(value, context);
      };
    }
    case 'list': {
      const decode = lenient(type.of, codecOf);
      return (value, context) => {
        if (!Array.isArray(value)) return copyJson(value);
        const at = context.path.push(0) - 1;
        const out = value.map((element, i) => {
          context.path[at] = i;
          return decode(element, context);
        });
        context.path.pop();
        return out;
      };
    }
    case 'map': {
      const decode = lenient(type.of, codecOf);
      return (value, context) => {
        if (!isObject(value)) return copyJson(value);
        const out: Record<string, unknown> = {};
        for (const key of Object.keys(value)) {
          if (value[key] === undefined) continue;
          context.path.push(key);
          setOwn(out, key, decode(value[key], context));
          context.path.pop();
        }
        return out;
      };
    }
  }
}
