/** The functions that rewritten syntax calls (see syntax.ts). */
import { Optional } from '@marcbachmann/cel-js';
import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { register, registerNamespace } from './register.ts';

/** An optional entry of a list, map or message: there only if it has a value. */
class OptionalEntry {
  readonly optional: Optional;

  constructor(optional: unknown) {
    if (!(optional instanceof Optional)) throw new Error('an entry marked with ? must be optional');
    this.optional = optional;
  }
}

/** A message that an expression has made: `Object{…}` or `JSONPatch{…}`. */
export class CelMessage {
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(type: string, fields: Readonly<Record<string, unknown>>) {
    this.type = type;
    this.fields = fields;
  }
}

function present(entries: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(entries)) {
    if (!(value instanceof OptionalEntry)) out[key] = value;
    else if (value.optional.hasValue()) out[key] = value.optional.value();
  }
  return out;
}

/** Adds the functions. */
export function registerRewritten(environment: Environment): void {
  environment.registerType('OptionalEntry', OptionalEntry as never);
  environment.registerType('Message', CelMessage as never);
  const jsonpatch = registerNamespace(environment, 'jsonpatch');
  register(environment, {
    '__entry(dyn): dyn': (optional: unknown) => new OptionalEntry(optional),
    '__list(list): list': (list: readonly unknown[]) =>
      list.flatMap((item) =>
        item instanceof OptionalEntry ? (item.optional.hasValue() ? [item.optional.value()] : []) : [item],
      ),
    '__map(map): map': present,
    '__message(string, map): Message': (type: string, fields: Record<string, unknown>) =>
      new CelMessage(type, present(fields)),
    [`${jsonpatch}.escapeKey(string): string`]: (_: unknown, key: string) =>
      key.replaceAll('~', '~0').replaceAll('/', '~1'),
  });
}
