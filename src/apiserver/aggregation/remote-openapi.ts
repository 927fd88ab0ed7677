/** What an aggregated server says of its types: OpenAPI v3 of one group and version, or v2 of all that it has. */
import type { Json } from '../../api/machinery/openapi-schemas.ts';

export interface RemoteOpenApi {
  readonly path: string;
  /** Changes with the document: the URL, with a hash in it, that the server's list of documents gives. */
  readonly from: string;
  readonly v3: Json | undefined;
  readonly v2: Json | undefined;
}

export interface OpenApiSource {
  /** `apis/metrics.k8s.io/v1beta1` */
  readonly path: string;
  readonly known: RemoteOpenApi | undefined;
  /** The JSON at a path of that server; undefined where there is none. */
  read(path: string): Promise<unknown>;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The documents; `known` itself while they are the same, undefined for a server that has none. */
export async function fetchOpenApi({ path, known, read }: OpenApiSource): Promise<RemoteOpenApi | undefined> {
  const index = (await read('/openapi/v3')) as { paths?: Record<string, { serverRelativeURL?: unknown }> } | undefined;
  const url = index?.paths?.[path]?.serverRelativeURL;
  const from = typeof url === 'string' && url.startsWith('/openapi/') ? url : '';
  if (known && from !== '' && known.from === from) return known;
  const v3 = from === '' ? undefined : await read(from);
  const v2 = await read('/openapi/v2');
  if (!isObject(v3) && !isObject(v2)) return undefined;
  const found = { path, from, v3: isObject(v3) ? v3 : undefined, v2: isObject(v2) ? v2 : undefined };
  return known && from === '' && JSON.stringify(known) === JSON.stringify(found) ? known : found;
}
