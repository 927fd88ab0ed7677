// Written by `npm run gen`. Do not edit.
import type { ControllerDefinition } from '../client/reconcile.ts';

/** Every built-in controller. */
export const builtinControllers: readonly ControllerDefinition[] = [
];
