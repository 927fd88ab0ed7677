// Written by `npm run gen`. Do not edit.
import type { AdmissionPlugin } from './admission.ts';

/** Every built-in admission plugin. */
export const builtinAdmissionPlugins: readonly AdmissionPlugin[] = [
];
