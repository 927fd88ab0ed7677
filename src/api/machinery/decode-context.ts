/** What the decoders of decode.ts and decode-custom.ts share. */
import { maxProblems } from './parse-json.ts';

/** Where a decoder is in a document, and what it has found. */
export interface Context {
  /** Field names, indices of lists, keys of maps. */
  readonly path: PathPart[];
  /** The Go struct whose field is being decoded. */
  struct: string;
  readonly problems: Set<string> | undefined;
}

/** A field, an index or a key. */
export type PathPart = string | number | { readonly key: string };

/** Decodes one value; throws WrongType. */
export type Decode = (value: unknown, context: Context) => unknown;

/** Decodes values of one type. */
export interface Codec {
  readonly decode: Decode;
  /** Go's zero value in JSON; undefined where that is null. */
  readonly zero: () => unknown;
}

function pathText(path: readonly PathPart[], name: string): string {
  let out = '';
  for (const part of path) {
    const step = typeof part === 'object' ? part.key : part;
    out += typeof step === 'number' ? `[${step}]` : out ? `.${step}` : step;
  }
  return out ? `${out}.${name}` : name;
}

/** Reports a field that the schema does not have. */
export function unknownField(context: Context, name: string): void {
  if (context.problems && context.problems.size < maxProblems) {
    context.problems.add(`unknown field "${pathText(context.path, name)}"`);
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
