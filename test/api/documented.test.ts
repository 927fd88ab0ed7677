/** What docs/api.md promises, held against a running server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/apiserver/test-server.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8');
let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

/** The rows of a table below a heading: its versions, and the kinds that it names. */
function table(heading: string): Map<string, string[]> {
  const section = page.slice(page.indexOf(`## ${heading}`) + 3).split('\n## ')[0]!;
  const rows = new Map<string, string[]>();
  for (const [, versions, kinds] of section.matchAll(/^\| (`.*?) \| (.*) \|$/gm)) {
    const names = kinds!
      .replace(/\(.*?\)/g, '')
      .split(',')
      .map((name) => name.trim());
    for (const [, version] of versions!.matchAll(/`([^`]+)`/g)) rows.set(version!, names.sort());
  }
  return rows;
}

/** The kinds of every group and version that is served. */
async function served(): Promise<Map<string, string[]>> {
  const { groups } = (await running.http('GET', '/apis')).json;
  const versions = groups.flatMap((group: { versions: { groupVersion: string }[] }) =>
    group.versions.map(({ groupVersion }) => groupVersion),
  );
  const found = new Map<string, string[]>();
  for (const version of ['v1', ...versions] as string[]) {
    const path = version === 'v1' ? '/api/v1' : `/apis/${version}`;
    const { resources } = (await running.http('GET', path)).json as { resources: { name: string; kind: string }[] };
    found.set(
      version,
      resources
        .filter(({ name }) => !name.includes('/'))
        .map(({ kind }) => kind)
        .sort(),
    );
  }
  return found;
}

it('names every kind that is served, and no other', async () => {
  const documented = new Map([...table('Kinds'), ...table('Old versions')]);
  const actual = await served();
  expect(Object.fromEntries([...documented].sort())).toEqual(Object.fromEntries([...actual].sort()));
});

describe('requests', () => {
  const configMaps = '/api/v1/namespaces/default/configmaps';

  it('are at most 3 MiB', async () => {
    const body = { metadata: { name: 'large' }, data: { a: 'x'.repeat(3 * 1024 * 1024) } };
    expect((await running.http('POST', configMaps, { body })).status).toBe(413);
  });

  it('may be nested 500 deep', async () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    const send = (depth: number) =>
      running.http('POST', `${configMaps}?dryRun=All&fieldValidation=Ignore`, {
        body: `{"metadata":{"name":"deep"},"unknown":${nested(depth)}}`,
      });
    expect((await send(490)).status).toBe(201);
    const refused = await send(510);
    expect(refused.status).toBe(400);
    expect(refused.json.kind).toBe('Status');
  });

  it('in CBOR are refused', async () => {
    const { status } = await running.http('POST', configMaps, { body: Buffer.from([0xa0]), type: 'application/cbor' });
    expect(status).toBe(415);
  });

  it.each([
    [
      '/api/v1/namespaces/default/endpoints',
      'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
    ],
    [
      '/api/v1/endpoints?watch=true&timeoutSeconds=1',
      'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
    ],
    ['/api/v1/componentstatuses', 'v1 ComponentStatus is deprecated in v1.19+'],
  ])('of deprecated kinds are warned about: %s', async (path, text) => {
    const { status, headers } = await running.http('GET', path);
    expect(status).toBe(200);
    expect(headers['warning']).toBe(`299 - "${text}"`);
  });

  it('of old versions are warned about, converted, and found as the stable kind', async () => {
    const body = {
      metadata: { name: 'old' },
      spec: { template: { metadata: { labels: { app: 'old' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
    };
    const made = await running.http('POST', '/apis/extensions/v1beta1/namespaces/default/deployments', { body });
    expect(made.status, made.text).toBe(201);
    expect(made.headers['warning']).toContain('apps/v1 Deployment');
    const stable = await running.http('GET', '/apis/apps/v1/namespaces/default/deployments/old');
    expect(stable.json.spec.selector).toEqual({ matchLabels: { app: 'old' } });
  });
});

it('the health of the control plane is a list of ComponentStatuses', async () => {
  const { json } = await running.http('GET', '/api/v1/componentstatuses');
  const healthOf = ({ metadata, conditions }: (typeof json.items)[0]) => [metadata.name, conditions[0].status];
  expect(Object.fromEntries(json.items.map(healthOf))).toEqual({
    scheduler: 'Unknown',
    'controller-manager': 'Unknown',
    'etcd-0': 'True',
  });
  expect((await running.http('GET', '/api/v1/componentstatuses/etcd-0')).json.kind).toBe('ComponentStatus');
  expect((await running.http('GET', '/api/v1/componentstatuses/other')).status).toBe(404);
});

it('health, metrics and version are answered', async () => {
  for (const path of ['/healthz', '/livez?verbose', '/readyz', '/readyz/ping', '/metrics', '/version'])
    expect((await running.http('GET', path)).status, path).toBe(200);
  expect((await running.http('GET', '/version')).json.gitVersion).toMatch(/^v1\.36\./);
});
