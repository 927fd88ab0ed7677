/** Puts what another server says of its API into this server's OpenAPI v2. */
import type { Json } from '../../api/machinery/openapi-schemas.ts';
import { deepEqual } from '../../base/deep.ts';

const reference = '#/definitions/';

/**
 * Adds the paths below `prefix` and the definitions they need. A definition that has the name of a different one here
 * gets a suffix, as upstream's aggregator gives it.
 */
export function mergeOpenApiV2(document: Json, other: Json, prefix: string): void {
  const paths = document['paths'] as Record<string, unknown>;
  const definitions = document['definitions'] as Record<string, unknown>;
  const theirs = (other['definitions'] ?? {}) as Record<string, unknown>;
  const renamed = new Map<string, string>();
  const needed = new Map<string, unknown>();
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(collect);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        if (key !== '$ref' || typeof inner !== 'string' || !inner.startsWith(reference)) collect(inner);
        else {
          const name = inner.slice(reference.length);
          if (needed.has(name) || !Object.hasOwn(theirs, name)) continue;
          needed.set(name, theirs[name]);
          collect(theirs[name]);
        }
      }
  };
  const added = Object.entries((other['paths'] ?? {}) as object).filter(
    ([path]) => path === prefix || path.startsWith(`${prefix}/`),
  );
  for (const [, item] of added) collect(item);
  // Kinds are found by what their definitions say, whether a path leads there or not.
  const [, , group, version] = prefix.split('/');
  for (const [name, definition] of Object.entries(theirs)) {
    const kinds = (definition as { 'x-kubernetes-group-version-kind'?: { group?: string; version?: string }[] })[
      'x-kubernetes-group-version-kind'
    ];
    if (!kinds?.some((kind) => kind.group === group && kind.version === version)) continue;
    needed.set(name, definition);
    collect(definition);
  }
  for (const [name, definition] of needed) {
    if (!Object.hasOwn(definitions, name) || deepEqual(definitions[name], definition)) continue;
    let n = 2;
    while (Object.hasOwn(definitions, `${name}_v${n}`)) n++;
    renamed.set(name, `${name}_v${n}`);
  }
  const rewritten = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rewritten);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        const name = key === '$ref' && typeof inner === 'string' ? inner.slice(reference.length) : undefined;
        const other = name === undefined ? undefined : renamed.get(name);
        return [key, other ? reference + other : rewritten(inner)];
      }),
    );
  };
  for (const [name, definition] of needed) definitions[renamed.get(name) ?? name] = rewritten(definition);
  for (const [path, item] of added) if (!Object.hasOwn(paths, path)) paths[path] = rewritten(item);
}
