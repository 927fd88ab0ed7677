/** Where a request about a resource goes in URLs: `/apis/apps/v1/namespaces/default/deployments/web/scale?dryRun=All`. */
import type { KindRef } from '../api/kind.ts';
import type { RequestQuery } from './transport.ts';

export interface ResourceAddress {
  readonly kind: KindRef;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** The URL path of a resource, each segment escaped. A sub-subresource path (`proxy/metrics`) keeps its slashes. */
export function resourcePath({ kind, namespace, name, subresource }: ResourceAddress): string {
  let path = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`;
  if (kind.namespaced && namespace) path += `/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${kind.plural}`;
  if (name) path += `/${encodeURIComponent(name)}`;
  if (subresource) path += `/${subresource}`;
  return path;
}

/** The query string with its question mark, or '' when nothing is set. Values that are false or empty are left out. */
export function queryString(query: RequestQuery | undefined, more?: Readonly<Record<string, string>>): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries({ ...query, ...more })) {
    if (value === undefined || value === false || value === '') continue;
    parts.push(`${key}=${encodeURIComponent(String(value))}`);
  }
  return parts.length ? `?${parts.join('&')}` : '';
}
