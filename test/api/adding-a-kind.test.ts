/** A built-in kind is one hand-written file: everything else about it is derived. Shown on a copy of the sources. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../clients/stock-clients.ts';

const root = join(import.meta.dirname, '../..');

/** All that a person writes. */
const thing = `import { ageColumn, integerColumn, nameColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import { invalid } from '../machinery/field-error.ts';
import type * as demo from '../types/demo-v1.ts';

/** A thing. */
export type Thing = demo.Thing;

/** demo.example.com/v1 Thing. */
export const Thing = defineKind<Thing>({
  group: 'demo.example.com',
  version: 'v1',
  kind: 'Thing',
  plural: 'things',
  shortNames: ['th'],
  scope: 'Namespaced',
  schema: 'demo/v1.Thing',
  facts: {
    id: 'demo/v1',
    apiVersion: 'demo.example.com/v1',
    openapi: 'com.example.demo.v1',
    text: \`
type Thing
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? ThingSpec
  3 status? ThingStatus
type ThingList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Thing
type ThingSpec
  1 size? *int32
  2 colour string
  3 parts? []ThingPart list=map keys=name patch=merge mergeKey=name
type ThingPart
  1 name string
  2 weight? int32
type ThingStatus
  1 built? int32
\`,
  },
  subresources: { status: true },
  defaults(thing) {
    thing.spec.size ??= 3;
  },
  validate: ({ spec }) => ((spec.size ?? 0) < 0 ? [invalid('spec.size', spec.size, 'must not be negative')] : []),
  columns: [nameColumn, integerColumn('Size', ({ spec }) => spec.size ?? 0), ageColumn],
  allowUnconditionalUpdate: true,
});
`;

/** Starts a server of the copy and says how to reach it; runs until its input ends. */
const serve = `import { startTestServer } from './src/apiserver/test-server.ts';
const server = await startTestServer();
process.stdout.write(JSON.stringify(server.access) + '\\n');
process.stdin.resume();
process.stdin.on('end', async () => {
  await server[Symbol.asyncDispose]();
  process.exit(0);
});
`;

const kindFile = 'src/api/demo/thing.ts';
let copy: string;
let child: ChildProcess;
let ask: (
  method: string,
  path: string,
  options?: { body?: unknown; type?: string; accept?: string },
) => Promise<Answer>;
let before: Map<string, number>;

interface Answer {
  readonly status: number;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every kind are looked into.
  readonly json: any;
}

function files(folder: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name);
    if (entry.isFile()) found.set(relative(folder, full), statSync(full).mtimeMs);
  }
  return found;
}

beforeAll(async () => {
  copy = mkdtempSync(join(tmpdir(), 'timonel-kind-'));
  for (const each of ['src', 'scripts', 'package.json', 'tsconfig.json'])
    cpSync(join(root, each), join(copy, each), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  before = files(join(copy, 'src'));
  mkdirSync(join(copy, 'src/api/demo'));
  writeFileSync(join(copy, kindFile), thing);
  const generated = await run(process.execPath, ['scripts/gen.ts'], { cwd: copy });
  expect(generated, generated.stderr).toMatchObject({ code: 0 });

  child = spawn(process.execPath, ['--input-type=module-typescript', '-e', serve], {
    cwd: copy,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout!.once('data', (data: Buffer) => resolve(data.toString('utf8')));
    child.once('exit', (code) => reject(new Error(`the server of the copy ended with ${code}`)));
  });
  const { url, ca, cert, key } = JSON.parse(line) as Record<'url' | 'ca' | 'cert' | 'key', string>;
  const { request } = await import('node:https');
  ask = (method, path, { body, type = 'application/json', accept = 'application/json' } = {}) =>
    new Promise((resolve, reject) => {
      const text = Buffer.isBuffer(body) ? body : body === undefined ? undefined : JSON.stringify(body);
      const headers = { accept, ...(text ? { 'content-type': type, 'content-length': Buffer.byteLength(text) } : {}) };
      const outgoing = request(new URL(path, url), { method, ca, cert, key, agent: false, headers }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const isJson = incoming.headers['content-type']?.includes('json') ?? false;
          resolve({
            status: incoming.statusCode ?? 0,
            bytes,
            json: isJson ? JSON.parse(bytes.toString('utf8')) : undefined,
          });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(text);
    });
});

afterAll(async () => {
  if (child && child.exitCode === null) {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.stdin!.end();
    await gone;
  }
  if (copy) rmSync(copy, { recursive: true, force: true });
});

const things = '/apis/demo.example.com/v1/namespaces/default/things';
const body = {
  apiVersion: 'demo.example.com/v1',
  kind: 'Thing',
  metadata: { name: 'one' },
  spec: { colour: 'red', parts: [{ name: 'a', weight: 1 }] },
};

it('touches one hand-written file', () => {
  const now = files(join(copy, 'src'));
  const touched = [...now].filter(([path, time]) => before.get(path) !== time).map(([path]) => path);
  // The other two are written by the generator; types are not even kept in git.
  const written = touched.filter((path) => !path.endsWith('.gen.ts') && !path.startsWith(join('api', 'types')));
  expect(written).toEqual([relative('src', kindFile)]);
  expect(touched).toContain(join('api', 'kinds.gen.ts'));
  expect(touched).toContain(join('api', 'types', 'demo-v1.ts'));
});

const tscFlags =
  '--strict --target esnext --module nodenext --allowImportingTsExtensions --skipLibCheck --types node'.split(' ');

it('type-checks', async () => {
  const checked = await run(
    join(root, 'node_modules/.bin/tsc'),
    ['--noEmit', '--ignoreConfig', ...tscFlags, kindFile],
    {
      cwd: copy,
    },
  );
  expect(checked.stdout).toBe('');
});

it('is created with its defaults, validated, listed, patched and deleted', async () => {
  const created = await ask('POST', things, { body });
  expect(created.status, created.bytes.toString()).toBe(201);
  expect(created.json).toMatchObject({
    spec: { colour: 'red', size: 3 },
    metadata: { generation: 1, namespace: 'default' },
  });
  expect(created.json.metadata.managedFields[0].fieldsV1['f:spec']).toHaveProperty(['f:parts', 'k:{"name":"a"}']);

  const refused = await ask('POST', things, {
    body: { ...body, metadata: { name: 'bad' }, spec: { size: -1, colour: 'red' } },
  });
  expect(refused.json.message).toBe(
    'Thing.demo.example.com "bad" is invalid: spec.size: Invalid value: -1: must not be negative',
  );
  const unknown = { ...body, metadata: { name: 'odd' }, spec: { colour: 'red', shape: 'round' } };
  expect((await ask('POST', `${things}?fieldValidation=Strict`, { body: unknown })).json.message).toContain(
    'unknown field "spec.shape"',
  );

  const patched = await ask('PATCH', `${things}/one`, {
    body: { spec: { parts: [{ name: 'b' }] } },
    type: 'application/strategic-merge-patch+json',
  });
  expect(patched.json.spec.parts.map((part: { name: string }) => part.name)).toEqual(['b', 'a']);
  expect(patched.json.metadata.generation).toBe(2);
  const status = await ask('PATCH', `${things}/one/status`, {
    body: { status: { built: 2 } },
    type: 'application/merge-patch+json',
  });
  expect(status.json).toMatchObject({ status: { built: 2 }, metadata: { generation: 2 } });
  expect((await ask('GET', things)).json).toMatchObject({
    kind: 'ThingList',
    apiVersion: 'demo.example.com/v1',
    items: [{ metadata: { name: 'one' } }],
  });
});

it('is shown as a table and in protobuf', async () => {
  const table = (await ask('GET', things, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })).json;
  expect(table.columnDefinitions.map((column: { name: string }) => column.name)).toEqual(['Name', 'Size', 'Age']);
  expect(table.rows[0].cells.slice(0, 2)).toEqual(['one', 3]);

  const type = 'application/vnd.kubernetes.protobuf';
  const { bytes } = await ask('GET', `${things}/one`, { accept: type });
  expect(bytes.subarray(0, 4).toString('latin1')).toBe('k8s\0');
  const replaced = await ask('PUT', `${things}/one`, { body: bytes, type });
  expect(replaced.json).toMatchObject({ spec: { colour: 'red', size: 3 }, status: { built: 2 } });
});

it('is in discovery and explained', async () => {
  const { resources } = (await ask('GET', '/apis/demo.example.com/v1')).json;
  expect(resources).toContainEqual(expect.objectContaining({ name: 'things', kind: 'Thing', shortNames: ['th'] }));
  expect(resources).toContainEqual(expect.objectContaining({ name: 'things/status' }));
  const v3 = (await ask('GET', '/openapi/v3/apis/demo.example.com/v1')).json;
  const schema = v3.components.schemas['com.example.demo.v1.Thing'];
  expect(schema['x-kubernetes-group-version-kind']).toEqual([
    { group: 'demo.example.com', version: 'v1', kind: 'Thing' },
  ]);
  const spec = v3.components.schemas['com.example.demo.v1.ThingSpec'];
  expect(spec.properties.size).toMatchObject({ type: 'integer', format: 'int32' });
  expect(spec.properties.parts).toMatchObject({
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-patch-merge-key': 'name',
  });
  expect(v3.paths).toHaveProperty(['/apis/demo.example.com/v1/namespaces/{namespace}/things/{name}']);
  const v2 = (await ask('GET', '/openapi/v2')).json;
  expect(v2.definitions['com.example.demo.v1.Thing'].properties.spec).toBeDefined();
});

it('deletes', async () => {
  expect((await ask('DELETE', `${things}/one`)).status).toBe(200);
  expect((await ask('GET', `${things}/one`)).status).toBe(404);
});
