/** JSON Merge Patch (RFC 7396). */
import { setOwn } from './parse-json.ts';
import { copyJson } from './scalars.ts';
import { badRequest } from './status.ts';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The document with the patch applied; neither is changed. Throws badRequest for a patch that is not an object. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(patch)) throw badRequest('Invalid JSON Patch');
  return merge(document, patch);
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return copyJson(patch);
  const from = isObject(target) ? target : {};
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(from)) if (!Object.hasOwn(patch, key)) setOwn(out, key, copyJson(from[key]));
  for (const key of Object.keys(patch)) {
    if (patch[key] !== null) setOwn(out, key, merge(Object.hasOwn(from, key) ? from[key] : undefined, patch[key]));
  }
  return out;
}
