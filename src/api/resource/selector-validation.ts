/** Validation of what selects devices: CEL over one device (KEP-4381). */
import type { DeepReadonly } from '../../base/deep.ts';
import { CelCompileError, compileCel } from '../cel/compile.ts';
import type { CelType } from '../cel/types.ts';
import type { ValueSize } from '../cel/worst-case.ts';
import { child, type FieldError, forbidden, invalid, required, tooLong } from '../machinery/field-error.ts';
import type { DeviceSelector } from '../types/resource-v1.ts';
import { validateList } from './list-validation.ts';

const maxSelectors = 32;
const maxExpressionBytes = 10 * 1024;
const maxExpressionCost = 1_000_000;

/** What expressions see. */
export const deviceVariables: Readonly<Record<string, CelType>> = {
  device: {
    object: 'kubernetes.DRADevice',
    fields: {
      driver: 'string',
      attributes: { map: { map: 'dyn' } },
      capacity: { map: { map: 'quantity' } },
      allowMultipleAllocations: 'bool',
    },
  },
};

/** How large it can be: a device has at most 32 attributes and capacities, and an attribute at most 64 bytes. */
const deviceSizes: Readonly<Record<string, ValueSize>> = {
  device: {
    max: 0,
    fields: {
      driver: { max: 63 },
      attributes: { max: 32, items: { max: 32, items: { max: 64 } } },
      capacity: { max: 32, items: { max: 32, items: { max: 0 } } },
      allowMultipleAllocations: { max: 0 },
    },
  },
};

/** Selectors of devices. Expressions that are `stored` already are taken as right. */
export function validateSelectors(
  selectors: readonly DeepReadonly<DeviceSelector>[] | undefined,
  path: string,
  { stored }: { readonly stored: boolean },
): FieldError[] {
  return validateList(selectors, path, {
    max: maxSelectors,
    validate({ cel }, itemPath) {
      if (!cel) return [required(child(itemPath, 'cel'))];
      return stored ? [] : validateExpression(cel.expression, child(itemPath, 'cel.expression'));
    },
  });
}

function validateExpression(expression: string, path: string): FieldError[] {
  if (Buffer.byteLength(expression) > maxExpressionBytes) return [tooLong(path, expression, maxExpressionBytes)];
  try {
    const program = compileCel(expression, { variables: deviceVariables });
    if (program.type !== 'bool' && program.type !== 'dyn') {
      const type = program.type.replaceAll('<', '(').replaceAll('>', ')');
      return [invalid(path, expression, `must evaluate to bool or the unknown type, not ${type}`)];
    }
    const isCostly = program.worstCaseCost(deviceSizes) > maxExpressionCost;
    return isCostly ? [forbidden(path, 'too complex, exceeds cost limit')] : [];
  } catch (error) {
    if (error instanceof CelCompileError) return [invalid(path, expression, error.message)];
    throw error;
  }
}
