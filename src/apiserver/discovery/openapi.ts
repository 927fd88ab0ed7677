/** /openapi/v2 and /openapi/v3: made when asked for and kept until the kinds change. */
import { createHash } from 'node:crypto';
import type { AnyKind } from '../../api/kind.ts';
import type { JsonSchema } from '../../api/openapi/schemas.ts';
import type { ApiContext } from '../context.ts';
import { jsonAnswer, type PathAnswer, type PathHandler, type PathRequest } from '../filters/path-answer.ts';

const v2Protobuf = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

interface Made {
  readonly generation: unknown;
  readonly answers: Map<string, PathAnswer>;
  readonly byPath: ReadonlyMap<string, readonly AnyKind[]>;
  readonly kinds: readonly AnyKind[];
}

/** The schema that a custom resource's definition gives, where a kind is one. */
export type CustomSchemaOf = (kind: AnyKind) => JsonSchema | undefined;

const pathOf = (kind: AnyKind) => (kind.group ? `apis/${kind.group}/${kind.version}` : `api/${kind.version}`);

/** The documents' modules are loaded on first use: most servers are never asked. */
const modules = async () => {
  const [documents, { describeBuiltin }, { encodeOpenApiV2 }] = await Promise.all([
    import('../../api/openapi/documents.ts'),
    import('../../api/openapi/descriptions.ts'),
    import('../../api/openapi/protobuf.ts'),
  ]);
  return { ...documents, describeBuiltin, encodeOpenApiV2 };
};

/** Answers the OpenAPI paths. */
export function createOpenApi(api: ApiContext, customSchema?: CustomSchemaOf): PathHandler {
  let made: Made | undefined;
  const current = (): Made => {
    if (made?.generation !== api.registry.generation) {
      const kinds = [...api.registry.all()]
        .map((resource) => resource.kind)
        .sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : pathOf(a) > pathOf(b) ? 1 : a.kind < b.kind ? -1 : 1));
      made = { generation: api.registry.generation, answers: new Map(), byPath: Map.groupBy(kinds, pathOf), kinds };
    }
    return made;
  };

  async function document(
    name: string,
    make: (m: Awaited<ReturnType<typeof modules>>, kinds: Made) => { body: string | Uint8Array; contentType: string },
  ): Promise<PathAnswer> {
    const docs = current();
    const known = docs.answers.get(name);
    if (known) return known;
    const { body, contentType } = make(await modules(), docs);
    const etag = createHash('sha512').update(body).digest('hex').toUpperCase();
    const answer: PathAnswer = { status: 200, contentType, body, headers: { ETag: `"${etag}"`, Vary: 'Accept' } };
    docs.answers.set(name, answer);
    return answer;
  }

  const options = (m: Awaited<ReturnType<typeof modules>>) => ({
    describe: m.describeBuiltin,
    ...(customSchema ? { customSchema } : {}),
  });
  const v3 = (path: string) =>
    document(path, (m, { byPath }) => ({
      contentType: 'application/json',
      body: JSON.stringify(m.openApiV3(byPath.get(path)!, options(m))),
    }));

  async function index(): Promise<PathAnswer> {
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const path of current().byPath.keys()) {
      const hash = (await v3(path)).headers!['ETag']!.replaceAll('"', '');
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
    }
    return jsonAnswer({ paths });
  }

  return async (request) => {
    const { path } = request.info;
    if (path === '/openapi/v2') {
      const accept = request.header('accept') ?? '';
      const asProtobuf = accept.includes(v2Protobuf);
      return unlessKnown(
        request,
        await document(asProtobuf ? 'v2 protobuf' : 'v2', (m, { kinds }) => {
          const swagger = m.openApiV2(kinds, options(m));
          return asProtobuf
            ? { contentType: v2Protobuf, body: m.encodeOpenApiV2(swagger as never) }
            : { contentType: 'application/json', body: JSON.stringify(swagger) };
        }),
      );
    }
    if (path === '/openapi/v3' || path === '/openapi/v3/') return index();
    if (!path.startsWith('/openapi/v3/')) return undefined;
    const name = path.slice('/openapi/v3/'.length);
    return current().byPath.has(name) ? unlessKnown(request, await v3(name)) : undefined;
  };
}

function unlessKnown(request: PathRequest, answer: PathAnswer): PathAnswer {
  return request.header('if-none-match') === answer.headers?.['ETag'] ? { ...answer, status: 304, body: '' } : answer;
}
