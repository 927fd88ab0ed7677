/** What the paths of a scale subresource lead to in an object: numbers that a Scale can have, and a selector's text. */
import type { ScalePaths } from '../../../api/kind.ts';
import { type FieldError, invalid } from '../../../api/machinery/field-error.ts';

const maxReplicas = 2 ** 31 - 1;

/** Problems of the values; `status`: only of those that the status subresource writes. */
export function validateScaleValues(paths: ScalePaths, object: unknown, part: 'whole' | 'status'): FieldError[] {
  const errors = part === 'whole' ? checkReplicas(paths.specReplicasPath, object) : [];
  errors.push(...checkReplicas(paths.statusReplicasPath, object));
  if (paths.labelSelectorPath) {
    const { value, problem } = valueAt(paths.labelSelectorPath, object, 'string');
    if (problem) errors.push(invalid(paths.labelSelectorPath, value ?? '', problem));
  }
  return errors;
}

function checkReplicas(path: string, object: unknown): FieldError[] {
  const { value, problem } = valueAt(path, object, 'int64');
  if (problem) return [invalid(path, 0, problem)];
  const replicas = Number(value ?? 0);
  if (replicas < 0) return [invalid(path, replicas, 'should be a non-negative integer')];
  if (replicas > maxReplicas) return [invalid(path, replicas, `should be less than or equal to ${maxReplicas}`)];
  return [];
}

/** The value at a path of names, in the words of upstream's accessors where it is of another type. */
function valueAt(path: string, object: unknown, type: 'int64' | 'string'): { value?: unknown; problem?: string } {
  const steps = path.replace(/^\./, '').split('.');
  let value = object;
  for (const [i, step] of steps.entries()) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { problem: accessorError(steps.slice(0, i), value, 'map[string]interface {}') };
    value = (value as Record<string, unknown>)[step];
    if (value === undefined) return {};
  }
  const fits = type === 'string' ? typeof value === 'string' : typeof value === 'bigint' || Number.isInteger(value);
  return fits ? { value } : { problem: accessorError(steps, value, type) };
}

function accessorError(steps: readonly string[], value: unknown, wanted: string): string {
  return `.${steps.join('.')} accessor error: ${shown(value)} is of the type ${goType(value)}, expected ${wanted}`;
}

/** A value as Go prints it. */
function shown(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(shown).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, inner]) => `${key}:${shown(inner)}`).join(' ')}]`;
}

function goType(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'bigint':
      return 'int64';
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    case 'boolean':
      return 'bool';
    case 'object':
      return 'map[string]interface {}';
    default:
      return typeof value;
  }
}
