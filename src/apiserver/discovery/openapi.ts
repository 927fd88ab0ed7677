/** /openapi/v2 and /openapi/v3: made when they are asked for and kept until what is served changes. */
import { createHash } from 'node:crypto';
import type { AnyKind } from '../../api/kind.ts';
import { groupKinds, type VersionKinds } from '../../api/machinery/discovery.ts';
import type { Json } from '../../api/machinery/openapi-schemas.ts';
import type { ApiContext } from '../context.ts';
import { jsonAnswer, type PathAnswer, type PathHandler } from '../filters/path-answer.ts';
import { serverVersion } from '../filters/version.ts';
import { mergeOpenApiV2 } from './merge-openapi.ts';

/** Clients may ask for it with an `@` in it, which older ones cannot read in an answer. */
const protobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
const prefix = '/openapi/v3';

/** OpenAPI of groups and versions that other servers answer for. */
export interface RemoteDocuments {
  /** Grows when {@link documents} change. */
  readonly openApiGeneration: number;
  documents(): readonly {
    /** `apis/metrics.k8s.io/v1beta1` */
    readonly path: string;
    readonly v3: Json | undefined;
    /** Its paths and definitions are put beside this server's. */
    readonly v2: Json | undefined;
  }[];
}

interface Document {
  /** Undefined for a document that another server made. */
  readonly version?: VersionKinds;
  /** Of what the document is made from, so that it need not be made to be named. */
  readonly hash: string;
  body?: string;
}

interface Documents {
  readonly generation: string;
  readonly v3: ReadonlyMap<string, Document>;
  v2?: { json?: PathAnswer; protobuf?: PathAnswer };
}

/** The documents' modules are loaded on first use: most servers are never asked. */
const modules = async () => {
  const [{ openApiV2, encodeOpenApiV2 }, { openApiV3 }] = await Promise.all([
    import('../../api/machinery/openapi-v2.ts'),
    import('../../api/machinery/openapi-v3.ts'),
  ]);
  return { openApiV2, openApiV3, encodeOpenApiV2 };
};

const pathOf = (group: string, version: string) => (group ? `apis/${group}/${version}` : `api/${version}`);
const digest = (text: string) => createHash('sha512').update(text).digest('hex').toUpperCase();

export function createOpenApi(api: ApiContext, remote?: RemoteDocuments): PathHandler {
  let made: Documents | undefined;
  const schemaOf = (kind: AnyKind) =>
    api.registry.resolve(kind.group, kind.version, kind.plural)?.custom?.schema as Json | undefined;
  const options = { version: serverVersion.gitVersion, customSchema: schemaOf };
  const kinds = () => [...api.registry.all()].map((resource) => resource.kind);
  const documents = (): Documents => {
    const generation = `${api.registry.generation}/${remote?.openApiGeneration ?? 0}`;
    if (made?.generation === generation) return made;
    const v3 = new Map<string, Document>();
    for (const { group, versions } of groupKinds(kinds())) {
      for (const version of versions) {
        const parts = version.kinds.map((kind) => [kind.plural, kind.subresources, schemaOf(kind)]);
        const path = pathOf(group, version.version);
        const hash = digest(JSON.stringify([serverVersion.gitVersion, path, parts]));
        const before = made?.v3.get(path);
        v3.set(path, before?.hash === hash ? before : { version, hash });
      }
    }
    for (const { path, v3: document } of remote?.documents() ?? []) {
      if (!document || v3.has(path)) continue;
      const body = `${JSON.stringify(document)}\n`;
      v3.set(path, { hash: digest(body), body });
    }
    made = { generation, v3 };
    return made;
  };

  const answerV3 = async (path: string, query: string): Promise<PathAnswer | undefined> => {
    const document = documents().v3.get(path);
    if (!document) return undefined;
    const asked = new URLSearchParams(query).get('hash');
    if (asked !== null && asked !== document.hash) {
      const headers = { Location: `${prefix}/${path}?hash=${document.hash}` };
      return { status: 301, contentType: 'text/plain; charset=utf-8', body: '', headers };
    }
    if (document.body === undefined && document.version) {
      const { openApiV3 } = await modules();
      document.body = `${JSON.stringify(openApiV3(document.version.kinds, options))}\n`;
    }
    const headers = {
      ETag: `"${document.hash}"`,
      ...(asked === null ? {} : { 'Cache-Control': 'public, immutable' }),
    };
    return { status: 200, contentType: 'application/json', body: document.body ?? '', headers };
  };

  const answerV2 = async (accept: string): Promise<PathAnswer> => {
    const docs = documents();
    docs.v2 ??= {};
    const wantsProtobuf = accept.includes('proto-openapi') && !accept.startsWith('application/json');
    const form = wantsProtobuf ? 'protobuf' : 'json';
    docs.v2[form] ??= await makeV2(form);
    return docs.v2[form];
  };
  const makeV2 = async (form: 'json' | 'protobuf'): Promise<PathAnswer> => {
    const { openApiV2, encodeOpenApiV2 } = await modules();
    const document = openApiV2(kinds(), options);
    for (const { path, v2 } of remote?.documents() ?? []) if (v2) mergeOpenApiV2(document, v2, `/${path}`);
    const body = form === 'json' ? JSON.stringify(document) : encodeOpenApiV2(document);
    const etag = `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"`;
    const contentType = form === 'json' ? 'application/json' : protobufType;
    return { status: 200, contentType, body, headers: { ETag: etag, Vary: 'Accept' } };
  };

  const index = (): PathAnswer => {
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const [path, { hash }] of documents().v3)
      paths[path] = { serverRelativeURL: `${prefix}/${path}?hash=${hash}` };
    return jsonAnswer({ paths });
  };

  return async (request) => {
    const { path, query } = request.info;
    if (!path.startsWith('/openapi/')) return undefined;
    let answer: PathAnswer | undefined;
    if (path === '/openapi/v2') answer = await answerV2(request.header('accept') ?? '');
    else if (path === prefix || path === `${prefix}/`) answer = index();
    else if (path.startsWith(`${prefix}/`)) answer = await answerV3(path.slice(prefix.length + 1), query);
    const etag = answer?.headers?.['ETag'];
    if (answer && etag && request.header('if-none-match') === etag) return { ...answer, status: 304, body: '' };
    return answer;
  };
}
