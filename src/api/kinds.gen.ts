// Written by `npm run gen`. Do not edit.
import type { AnyKind } from './kind.ts';

/** Every built-in kind. */
export const builtinKinds: readonly AnyKind[] = [
];
