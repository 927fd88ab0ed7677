/** How the libraries add their functions. */
import type { Environment } from '@marcbachmann/cel-js';
import { charge } from '../budget.ts';

// biome-ignore lint/suspicious/noExplicitAny: the evaluator has checked the arguments against the signature.
export type Handler = (...args: any[]) => unknown;

const genericList = /^list<([A-Z])>(\.\w+\(.*\)): .*\b\1\b/;

/** A type without values: see {@link register}. Once for each environment, before its functions. */
export function registerNoList(environment: Environment): void {
  environment.registerType('NoList', class {} as never);
  // `value()` of optionals has the same trouble.
  environment.registerFunction('NoList.value(): dyn', (() => null) as never, { async: false } as never);
}

/**
 * Adds functions by signature; each call costs at least one unit. When a name has one signature only, the checker takes
 * its result's type for calls on values of unknown type, even where that is an unbound type parameter, of which then no
 * field can be selected. A second signature, on a type that no value has, makes the result unknown as well.
 */
export function register(environment: Environment, functions: Readonly<Record<string, Handler>>): void {
  for (const [signature, handler] of Object.entries(functions)) {
    const costed: Handler = (...args) => {
      charge(1);
      return handler(...args);
    };
    environment.registerFunction(signature, costed as never, { async: false } as never);
    const generic = genericList.exec(signature);
    if (generic) environment.registerFunction(`NoList${generic[2]}: dyn`, costed as never, { async: false } as never);
  }
}

/** Adds a function whose answer has to be waited for. */
export function registerAsync(environment: Environment, signature: string, handler: Handler): void {
  environment.registerFunction(signature, handler as never);
}

/** Names that functions are called on, as in `sets.contains(a, b)`. */
export function registerNamespace(environment: Environment, name: string): string {
  const type = `${name}Namespace`;
  const holder = { [type]: class {} }[type]!;
  environment.registerType(type, holder as never);
  environment.registerConstant(name, type, new holder());
  return type;
}
