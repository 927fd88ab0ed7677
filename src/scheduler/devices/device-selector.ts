/** Whether a device is what a class or a request selects: CEL over the device's attributes and capacities (KEP-4381). */

import { type CelProgram, compileCel } from '../../api/cel/compile.ts';
import { semverValue } from '../../api/cel/libraries/amounts.ts';
import type { Shared } from '../../api/kind.ts';
import { deviceVariables } from '../../api/resource/selector-validation.ts';
import type { Device, DeviceAttribute } from '../../api/types/resource-v1.ts';
import { quantityOf } from './quantities.ts';

/** Programs that are kept; the one that was compiled first is forgotten. */
const maxPrograms = 500;
const programs = new Map<string, CelProgram | Error>();

function programOf(expression: string): CelProgram {
  let program = programs.get(expression);
  if (!program) {
    try {
      program = compileCel(expression, { variables: deviceVariables, result: ['bool'] });
    } catch (error) {
      program = new Error(`CEL compile error: ${(error as Error).message}`);
    }
    programs.set(expression, program);
    if (programs.size > maxPrograms) programs.delete(programs.keys().next().value!);
  }
  if (program instanceof Error) throw program;
  return program;
}

const answers = new WeakMap<Shared<Device>, Map<string, boolean>>();

/**
 * Whether a device of a driver matches. A version of a device is asked once for each expression.
 * Throws an error whose message begins with `CEL compile error: ` or `CEL runtime error: `.
 */
export function deviceMatches(expression: string, driver: string, device: Shared<Device>): boolean {
  let known = answers.get(device);
  if (!known) {
    known = new Map();
    answers.set(device, known);
  }
  const answer = known.get(expression);
  if (answer !== undefined) return answer;
  const program = programOf(expression);
  let matches: boolean;
  try {
    matches = program.evaluate({ device: celValueOf(driver, device) }) === true;
  } catch (error) {
    throw new Error(`CEL runtime error: ${(error as Error).message}`);
  }
  known.set(expression, matches);
  return matches;
}

const values = new WeakMap<Shared<Device>, object>();

function celValueOf(driver: string, device: Shared<Device>): object {
  let value = values.get(device);
  if (!value) {
    value = {
      driver,
      attributes: byDomain(driver, device.attributes ?? {}, attributeValue),
      capacity: byDomain(driver, device.capacity ?? {}, (capacity) => quantityOf(capacity.value)),
      allowMultipleAllocations: device.allowMultipleAllocations ?? false,
    };
    values.set(device, value);
  }
  return value;
}

function attributeValue(attribute: Shared<DeviceAttribute>): unknown {
  if (attribute.int !== undefined) return BigInt(attribute.int);
  if (attribute.version !== undefined) return semverValue(attribute.version);
  return attribute.bool ?? attribute.string;
}

/** Names without a domain are the driver's own. A domain that a device says nothing about is empty, not an error. */
function byDomain<T>(driver: string, named: Readonly<Record<string, T>>, value: (one: T) => unknown): object {
  const domains: Record<string, Record<string, unknown>> = Object.create(null);
  for (const [name, one] of Object.entries(named)) {
    const slash = name.indexOf('/');
    const domain = slash < 0 ? driver : name.slice(0, slash);
    domains[domain] ??= Object.create(null) as Record<string, unknown>;
    domains[domain][name.slice(slash + 1)] = value(one);
  }
  const nothing: unknown = Object.create(null);
  const domainOf = (key: string | symbol) =>
    typeof key === 'string' && key !== 'constructor' ? (domains[key] ?? nothing) : undefined;
  return new Proxy(domains, {
    get: (_, key) => domainOf(key),
    has: (_, key) => domainOf(key) !== undefined,
    getOwnPropertyDescriptor: (_, key) => {
      const found = domainOf(key);
      return found === undefined ? undefined : { configurable: true, enumerable: true, writable: true, value: found };
    },
  });
}
