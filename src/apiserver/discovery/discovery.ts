/** /api and /apis: what the server serves, made when asked for and kept until that changes. */
import { createHash } from 'node:crypto';
import type { AnyKind } from '../../api/kind.ts';
import {
  apiGroup,
  apiResourceList,
  apiVersions,
  type GroupKinds,
  groupDiscovery,
  groupKinds,
} from '../../api/machinery/discovery.ts';
import type { ApiContext } from '../context.ts';
import { jsonAnswer, type PathAnswer, type PathHandler, type PathRequest } from '../filters/path-answer.ts';
import { compareGroups } from './group-order.ts';

/** Groups that other servers serve (API aggregation). */
export interface RemoteGroups {
  /** Grows when what is aggregated changes. */
  readonly generation: number;
  /** The APIGroup of each, and its APIGroupDiscovery. */
  groups(): readonly { readonly name: string; readonly group: object; readonly discovery: object }[];
}

interface Documents {
  readonly groups: readonly GroupKinds[];
  readonly answers: Map<string, PathAnswer>;
}

const aggregatedType = (version: string) =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

/** The aggregated form that a client accepts before the old one, if any. */
function aggregatedVersion(accept: string | undefined): string | undefined {
  for (const range of (accept ?? '').split(',')) {
    const parts = range.split(';').map((part) => part.trim());
    if (parts[0] !== 'application/json' && parts[0] !== '*/*' && parts[0] !== 'application/*') continue;
    if (!parts.includes('as=APIGroupDiscoveryList')) return undefined;
    if (!parts.includes('g=apidiscovery.k8s.io')) continue;
    if (parts.includes('v=v2')) return 'v2';
    if (parts.includes('v=v2beta1')) return 'v2beta1';
  }
  return undefined;
}

/** Versions that no current release serves are found by their full name only, so that short names stay unambiguous. */
function listed(kind: AnyKind): AnyKind {
  if (!kind.storedAs?.warning) return kind;
  const hidden = { value: undefined, enumerable: true };
  return Object.create(kind, { shortNames: hidden, categories: hidden }) as AnyKind;
}

function withETag(request: PathRequest, answer: PathAnswer): PathAnswer {
  const etag = answer.headers?.['ETag'];
  return etag && request.header('if-none-match') === etag ? { ...answer, status: 304, body: '' } : answer;
}

export function createDiscovery(api: ApiContext, remote?: RemoteGroups): PathHandler {
  let made: (Documents & { readonly generation: string }) | undefined;
  const documents = (): Documents => {
    const generation = `${api.registry.generation}/${remote?.generation ?? 0}`;
    if (made?.generation !== generation) {
      const kinds = [...api.registry.all()].map((resource) => listed(resource.kind));
      made = { generation, groups: groupKinds(kinds), answers: new Map() };
    }
    return made;
  };
  const remember = (name: string, make: (docs: Documents) => PathAnswer): PathAnswer => {
    const docs = documents();
    const known = docs.answers.get(name);
    if (known) return known;
    const answer = make(docs);
    docs.answers.set(name, answer);
    return answer;
  };
  const aggregated = (path: '/api' | '/apis', version: string) =>
    remember(`${path} ${version}`, ({ groups }) => {
      const local = groups
        .filter((group) => (group.group === '') === (path === '/api'))
        .map((group) => ({ name: group.group, item: groupDiscovery(group) }));
      const others =
        path === '/apis' ? (remote?.groups() ?? []).map(({ name, discovery }) => ({ name, item: discovery })) : [];
      const items = [...local, ...others].sort((a, b) => compareGroups(a.name, b.name)).map(({ item }) => item);
      const body = `${JSON.stringify({ kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items })}\n`;
      const etag = `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"`;
      return { status: 200, contentType: aggregatedType(version), body, headers: { ETag: etag, Vary: 'Accept' } };
    });

  return (request) => {
    const path = request.info.path.replace(/\/$/, '');
    if (path !== '/api' && path !== '/apis' && !path.startsWith('/api/') && !path.startsWith('/apis/'))
      return undefined;
    if (path === '/api' || path === '/apis') {
      const version = aggregatedVersion(request.header('accept'));
      if (version) return withETag(request, aggregated(path, version));
      return path === '/api'
        ? remember(path, () => jsonAnswer(apiVersions('')))
        : remember(path, (docs) => apiGroups(docs, remote));
    }
    const [, root, group = '', version] = path.split('/');
    if (root === 'api') return group === 'v1' ? remember(path, (docs) => resources(docs, '', 'v1')!) : undefined;
    const found = documents().groups.find((each) => each.group === group);
    if (!found) return undefined;
    if (version === undefined) return remember(path, () => jsonAnswer(apiGroup(found)));
    if (!found.versions.some((each) => each.version === version)) return undefined;
    return remember(path, (docs) => resources(docs, group, version)!);
  };
}

function apiGroups(docs: Documents, remote: RemoteGroups | undefined): PathAnswer {
  const local = docs.groups
    .filter(({ group }) => group !== '')
    .map((group) => {
      const { kind: _k, apiVersion: _v, ...item } = apiGroup(group);
      return { name: group.group, item };
    });
  const others = (remote?.groups() ?? []).map(({ name, group }) => ({ name, item: group }));
  const groups = [...local, ...others].sort((a, b) => compareGroups(a.name, b.name)).map(({ item }) => item);
  return jsonAnswer({ kind: 'APIGroupList', apiVersion: 'v1', groups });
}

function resources(docs: Documents, group: string, version: string): PathAnswer | undefined {
  const kinds = docs.groups
    .find((each) => each.group === group)
    ?.versions.find((each) => each.version === version)?.kinds;
  return kinds && jsonAnswer(apiResourceList({ group, version }, kinds));
}
