/** Paths to fields in a schema, as rules (`fieldPath`) and selectable fields name them. */
import { at, child } from '../../../api/machinery/field-error.ts';
import { type Schema, valuesOf } from '../schema-types.ts';

export interface FieldPath {
  /** As errors show it: `spec.replicas`, `spec.labels[app]`. */
  readonly path: string;
  /** The first field on the way. */
  readonly root: string;
  /** What the schema says of the field; undefined for a value of a map that may hold anything. */
  readonly schema: Schema | undefined;
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

function unescaped(text: string): string {
  return text.replace(/\\./g, (found) => {
    const character = escapes[found[1]!];
    if (character === undefined) throw new SyntaxError(`invalid string literal: invalid escape char ${found}`);
    return character;
  });
}

/** Delimiters are tokens of their own; one in a quoted string is none. */
const tokensOf = (text: string): string[] => text.match(/'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]']+'*/g) ?? [];

/**
 * The field that a path leads to: names and keys of maps, never elements of lists. Throws SyntaxError, in upstream's
 * words, for what cannot be read or is not in the schema.
 */
export function parseFieldPath(text: string, schema: Schema, { brackets = true } = {}): FieldPath {
  const tokens = tokensOf(text);
  let found: { path: string; root: string; schema: Schema | undefined } = { path: '', root: '', schema };
  const next = (): string => {
    const token = tokens.shift();
    if (token === undefined) throw new SyntaxError('unexpected end of JSON path');
    return token;
  };
  const step = (name: string): void => {
    const properties = found.schema?.properties;
    const values = found.schema && valuesOf(found.schema);
    if (properties) {
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (!property) throw new SyntaxError('does not refer to a valid field');
      found = { path: child(found.path, name), root: found.root || name, schema: property };
    } else if (values) {
      found = { path: at(found.path, name), root: found.root || name, schema: values === true ? undefined : values };
    } else throw new SyntaxError('does not refer to a valid field');
  };
  while (tokens.length) {
    const token = next();
    if (token === '.') step(next());
    else if (token === '[') {
      if (!brackets) throw new SyntaxError('array notation is not allowed');
      const quoted = next();
      if (quoted.length < 2 || !quoted.startsWith("'") || !quoted.endsWith("'"))
        throw new SyntaxError(`expected single quoted string but got ${quoted}`);
      step(unescaped(quoted.slice(1, -1)));
      const end = next();
      if (end !== ']') throw new SyntaxError(`expected ] but got ${end}`);
    } else throw new SyntaxError(`expected [ or . but got: ${token}`);
  }
  return found;
}
