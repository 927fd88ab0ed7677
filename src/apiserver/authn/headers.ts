/** Reading headers that decide who somebody is: repeated ones must stay apart. */
import type { AuthenticationRequest } from './authenticator.ts';

type WithHeaders = Pick<AuthenticationRequest, 'headers' | 'rawHeaders'>;

/**
 * All values of a header, in order. node:http joins repeated headers with a comma, which would let one value pass for
 * two, so the raw list is read; without it a joined value counts as one.
 */
export function headerValues(request: WithHeaders, name: string): string[] {
  const wanted = name.toLowerCase();
  if (request.rawHeaders) {
    const out: string[] = [];
    for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
      if (request.rawHeaders[i]!.toLowerCase() === wanted) out.push(request.rawHeaders[i + 1]!);
    }
    return out;
  }
  const value = request.headers[wanted];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** The values of every header that begins with a prefix, by the rest of its name: lower case, percent-decoded. */
export function headersByPrefix(request: WithHeaders, prefix: string): Record<string, string[]> {
  const wanted = prefix.toLowerCase();
  const names = request.rawHeaders
    ? request.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
    : Object.keys(request.headers);
  const out: Record<string, string[]> = Object.create(null);
  for (const name of new Set(names)) {
    if (!name.startsWith(wanted) || name.length === wanted.length) continue;
    const values = headerValues(request, name);
    const key = percentDecoded(name.slice(wanted.length));
    out[key] = [...(out[key] ?? []), ...values];
  }
  return { ...out };
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
