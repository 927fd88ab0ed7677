/** What a URL asks for: upstream's RequestInfo, parsed once for all filters. */
import { parseFieldSelector } from '../../api/machinery/selectors.ts';

export interface RequestInfo {
  readonly path: string;
  /** Without its question mark. */
  readonly query: string;
  readonly resourceRequest: boolean;
  /** As authorization sees it: `get`, `list`, …; the lower-case method for non-resource requests. */
  readonly verb: string;
  /** `api` or `apis`. */
  readonly prefix: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly plural: string;
  readonly subresource: string;
  readonly name: string;
  /** What follows `proxy`, with its slashes as they were sent. */
  readonly rest: string;
}

const methodVerbs: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Subresources of namespaces, which otherwise would be read as resources in them. */
const namespaceSubresources: ReadonlySet<string> = new Set(['status', 'finalize']);

/** Parses method and URL; a URL that no escape sequence can be decoded of throws URIError. */
export function parseRequestInfo(method: string, url: string): RequestInfo {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? '' : url.slice(mark + 1);
  const segments = path.split('/');
  const root = segments[1];
  const base = root === 'api' ? 3 : root === 'apis' ? 4 : 0;
  if (base === 0 || segments.length <= base || segments[base] === '') return nonResource(method, path, query);

  const decode = path.includes('%') ? decodeURIComponent : (text: string) => text;
  const group = base === 4 ? decode(segments[2]!) : '';
  const version = decode(segments[base - 1]!);
  let at = base;
  let verb = methodVerbs[method] ?? method.toLowerCase();
  let special = false;
  if (segments[at] === 'watch' || segments[at] === 'proxy') {
    verb = segments[at]!;
    special = true;
    at++;
  }
  let namespace = '';
  if (segments[at] === 'namespaces') {
    namespace = decode(segments[at + 1] ?? '');
    const after = segments[at + 2];
    if (namespace !== '' && after !== undefined && after !== '' && !namespaceSubresources.has(after)) at += 2;
    else if (namespace === '') namespace = '';
  }
  const plural = decode(segments[at] ?? '');
  const name = decode(segments[at + 1] ?? '');
  const subresource = decode(segments[at + 2] ?? '');
  const rest = segments.length > at + 3 ? `/${segments.slice(at + 3).join('/')}` : '';
  if (plural === '') return nonResource(method, path, query);
  return {
    path,
    query,
    resourceRequest: true,
    verb: special || subresource !== '' ? verb : settledVerb(verb, name, query),
    prefix: root!,
    group,
    version,
    namespace,
    plural,
    subresource,
    name: name === '' && query !== '' && verb === 'get' ? selectedName(query) : name,
    rest,
  };
}

function nonResource(method: string, path: string, query: string): RequestInfo {
  return {
    path,
    query,
    resourceRequest: false,
    verb: method.toLowerCase(),
    prefix: '',
    group: '',
    version: '',
    namespace: '',
    plural: '',
    subresource: '',
    name: '',
    rest: '',
  };
}

const watchFlag = /(?:^|&)watch(?:=([^&]*))?(?:&|$)/;

function settledVerb(verb: string, name: string, query: string): string {
  if (name !== '') {
    // Watching one object by its URL is an old form that clients still use.
    return verb === 'get' && query !== '' && isWatch(query) ? 'watch' : verb;
  }
  if (verb === 'get') return query !== '' && isWatch(query) ? 'watch' : 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}

function isWatch(query: string): boolean {
  const found = watchFlag.exec(query);
  return found !== null && found[1] !== 'false' && found[1] !== '0';
}

/** The name that a field selector asks for: authorization by resource name applies to it. */
function selectedName(query: string): string {
  if (!query.includes('fieldSelector')) return '';
  const selector = new URLSearchParams(query).get('fieldSelector') ?? '';
  if (!selector.includes('metadata.name')) return '';
  try {
    return parseFieldSelector(selector).exactValue('metadata.name') ?? '';
  } catch {
    // The verb refuses it later.
    return '';
  }
}
