/** Every route that the server has, asked by nobody in particular. */
import { connect, type OutgoingHttpHeaders } from 'node:http2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.close());

const item = ['GET', 'PUT', 'PATCH', 'DELETE', 'POST'] as const;
const collection = ['GET', 'POST', 'DELETE'] as const;

/** All methods on all resources and subresources that discovery knows, and on the paths that are none. */
async function routes(): Promise<[method: string, path: string][]> {
  const { admin } = world;
  const json = async (path: string) => JSON.parse((await admin.transport.raw(path)).body);
  const out: [string, string][] = [];
  const groups = (await json('/apis')).groups as { versions: { groupVersion: string }[] }[];
  const versions = ['/api/v1', ...groups.flatMap((group) => group.versions.map((v) => `/apis/${v.groupVersion}`))];
  for (const base of versions) {
    for (const { name, namespaced } of (await json(base)).resources as { name: string; namespaced: boolean }[]) {
      const [resource = '', subresource] = name.split('/');
      const list = `${base}/${namespaced ? 'namespaces/default/' : ''}${resource}`;
      const one = `${list}/x${subresource ? `/${subresource}` : ''}`;
      for (const method of item) out.push([method, one]);
      if (subresource) continue;
      for (const method of collection) out.push([method, list]);
      out.push(['GET', `${list}?watch=true`], ['GET', `${base}/${resource}`]);
    }
  }
  for (const path of [...versions, '/', '/api', '/apis', '/openapi/v2', '/openapi/v3', '/metrics', '/version'])
    out.push(['GET', path], ['POST', path]);
  out.push(['GET', '/.well-known/openid-configuration'], ['GET', '/openid/v1/jwks'], ['GET', '/debug/pprof/']);
  return out;
}

it('is closed to anonymous callers, to made-up tokens and to strangers’ headers', async () => {
  const all = await routes();
  expect(all.length).toBeGreaterThan(1000);
  const open: string[] = [];
  const forms = [
    {},
    { authorization: 'Bearer made.up.token' },
    { 'x-remote-user': 'root', 'x-remote-group': 'system:masters' },
  ];
  const session = connect(world.url, { ca: world.ca.cert });
  const statusOf = (method: string, path: string, headers: OutgoingHttpHeaders) =>
    new Promise<number>((resolve, reject) => {
      const stream = session.request({ ':method': method, ':path': path, ...headers });
      stream.on('response', (answer) => resolve(answer[':status'] ?? 0));
      stream.on('error', reject);
      stream.resume();
    });
  const queue = all.flatMap(([method, path]) => forms.map((headers) => ({ method, path, headers })));
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        const { method, path, headers } = next;
        const status = await statusOf(method, path, headers);
        if (status !== 401) open.push(`${status} ${method} ${path} ${JSON.stringify(headers)}`);
      }
    }),
  );
  session.destroy();
  expect(open).toEqual([]);
}, 120_000);
