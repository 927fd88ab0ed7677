/** Bad input of all kinds ends in a Status of 4xx: never in a 500, a crash, or something half written. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../base/random.ts';
import { type HttpAnswer, startTestServer, type TestServer } from './test-server.ts';

/** A longer run by hand: `FUZZ_SEED=7 FUZZ_ROUNDS=20 npx vitest run src/apiserver/fuzz.test.ts`. */
const seed = Number(process.env['FUZZ_SEED'] ?? 0);
const rounds = Number(process.env['FUZZ_ROUNDS'] ?? 1);

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
  for (const [path, body] of Object.entries(seeds))
    expect((await running.http('POST', path, { body })).status).toBe(201);
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const podSpec = {
  containers: [
    {
      name: 'c',
      image: 'i',
      ports: [{ containerPort: 80 }],
      env: [{ name: 'A', value: 'b' }],
      resources: { limits: { cpu: '1' } },
    },
  ],
  volumes: [{ name: 'v', emptyDir: {} }],
};
const seeds: Record<string, object> = {
  '/api/v1/namespaces/default/pods': { metadata: { name: 'seed', labels: { a: 'b' } }, spec: podSpec },
  '/api/v1/namespaces/default/services': {
    metadata: { name: 'seed' },
    spec: { selector: { a: 'b' }, ports: [{ port: 80 }], type: 'NodePort' },
  },
  '/apis/apps/v1/namespaces/default/deployments': {
    metadata: { name: 'seed' },
    spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: podSpec } },
  },
  '/apis/batch/v1/namespaces/default/cronjobs': {
    metadata: { name: 'seed' },
    spec: {
      schedule: '* * * * *',
      jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: 'Never' } } } },
    },
  },
  '/apis/networking.k8s.io/v1/namespaces/default/ingresses': {
    metadata: { name: 'seed' },
    spec: {
      rules: [
        {
          host: 'a.b',
          http: {
            paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }],
          },
        },
      ],
    },
  },
  '/apis/rbac.authorization.k8s.io/v1/clusterroles': {
    metadata: { name: 'seed' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
  },
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions': {
    metadata: { name: 'seeds.fuzz.example.com' },
    spec: {
      group: 'fuzz.example.com',
      scope: 'Namespaced',
      names: { plural: 'seeds', kind: 'Seed' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  properties: { a: { type: 'array', items: { type: 'string' } }, b: { type: 'integer', default: 1 } },
                },
              },
            },
          },
        },
      ],
    },
  },
  '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies': {
    metadata: { name: 'seed' },
    spec: {
      matchConstraints: {
        resourceRules: [{ apiGroups: ['nothing'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['x'] }],
      },
      validations: [{ expression: 'true' }],
    },
  },
};

const oddities: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  2 ** 60,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 64n,
  '',
  'x',
  '\u0000',
  '\ud800',
  '١',
  'a'.repeat(300),
  '-',
  '100Gi',
  '99999999999999999999',
  '2026-01-01T00:00:00Z',
  [],
  {},
  [null],
  [[]],
  { a: null },
  { __proto__: null, constructor: 1 },
  { toString: 'x' },
  ['a', 'a'],
];

/** A copy with one place changed to something odd, taken away, repeated or renamed. */
function mutate(value: unknown, random: Random, depth = 0): unknown {
  const here = depth > 0 && random.next() < 0.25;
  if (here || typeof value !== 'object' || value === null) return oddities[random.below(oddities.length)];
  if (Array.isArray(value)) {
    if (value.length === 0 || random.next() < 0.15)
      return [...value, ...value, oddities[random.below(oddities.length)]];
    const at = random.below(value.length);
    return value.map((item, i) => (i === at ? mutate(item, random, depth + 1) : item));
  }
  const keys = Object.keys(value);
  if (keys.length === 0) return { unknown: oddities[random.below(oddities.length)] };
  const key = keys[random.below(keys.length)]!;
  const { [key]: old, ...rest } = value as Record<string, unknown>;
  const dice = random.next();
  if (dice < 0.08) return rest;
  if (dice < 0.12) return { ...rest, [`${key}x`]: old };
  return { ...(value as object), [key]: mutate(old, random, depth + 1) };
}

function expectAnswered({ status, json, text }: HttpAnswer, what: unknown): void {
  expect(status, `${JSON.stringify(what)}\n${text.slice(0, 500)}`).toBeLessThan(500);
  if (status >= 400) expect(json, text).toMatchObject({ kind: 'Status', code: status });
}

describe('mutated objects', () => {
  it.each(Object.keys(seeds))(
    '%s',
    async (path) => {
      const random = seededRandom(seed + path.length);
      const name = (seeds[path] as { metadata: { name: string } }).metadata.name;
      for (let i = 0; i < 80 * rounds; i++) {
        const body = mutate({ ...seeds[path], status: { a: 1 } }, random);
        expectAnswered(
          await running.http('POST', `${path}?dryRun=All`, { body: JSON.stringify(body) ?? 'null' }),
          body,
        );
        const one = `${path}/${name}?dryRun=All`;
        expectAnswered(await running.http('PUT', one, { body: JSON.stringify(body) ?? 'null' }), body);
        expectAnswered(
          await running.http('PATCH', one, { body: JSON.stringify(body), type: 'application/merge-patch+json' }),
          body,
        );
        expectAnswered(
          await running.http('PATCH', one, {
            body: JSON.stringify(body),
            type: 'application/strategic-merge-patch+json',
          }),
          body,
        );
        expectAnswered(
          await running.http('PATCH', `${one}&fieldManager=f&force=true`, {
            body: JSON.stringify(body),
            type: 'application/apply-patch+yaml',
          }),
          body,
        );
        expectAnswered(
          await running.http('PATCH', `${path}/${name}/status?dryRun=All`, {
            body: JSON.stringify(body),
            type: 'application/merge-patch+json',
          }),
          body,
        );
      }
    },
    60_000 * rounds,
  );
});

describe('JSON patches', () => {
  it('with odd operations', async () => {
    const random = seededRandom(seed + 5);
    const path = '/api/v1/namespaces/default/pods';
    const ops = ['add', 'remove', 'replace', 'move', 'copy', 'test', 'nope', 1, null];
    const pointers = [
      '/spec',
      '/spec/containers/0',
      '/spec/containers/-',
      '/spec/containers/99',
      '/metadata/labels/a~1b',
      '',
      'x',
      '/',
      '/__proto__/x',
      '/constructor/prototype/x',
      '/metadata/finalizers',
      5,
    ];
    for (let i = 0; i < 200 * rounds; i++) {
      const patch = Array.from({ length: 1 + random.below(3) }, () => ({
        op: ops[random.below(ops.length)],
        path: pointers[random.below(pointers.length)],
        from: pointers[random.below(pointers.length)],
        value: oddities[random.below(oddities.length)],
      }));
      expectAnswered(
        await running.http('PATCH', `${path}/seed?dryRun=All`, { body: patch, type: 'application/json-patch+json' }),
        patch,
      );
    }
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});

/** A length-delimited protobuf field. */
const field = (number: number, content: Buffer) =>
  Buffer.concat([Buffer.from([number * 8 + 2, content.length]), content]);
const encode = (name: string) => field(1, Buffer.from(name));

describe('bytes', () => {
  const almost = 3 * 1024 * 1024 - 200;
  const deep = (n: number) => `${'['.repeat(n)}${']'.repeat(n)}`;
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...Array.from(
      { length: 12 },
      (_, i) => `${'bcdefghijklm'[i]}: &${'bcdefghijklm'[i]} [${Array(9).fill(`*${'abcdefghijkl'[i]}`).join(',')}]`,
    ),
  ].join('\n');
  it.each<[string, string | Buffer, string]>([
    ['deep JSON', `{"metadata":${deep(100_000)}}`, 'application/json'],
    ['a YAML alias bomb', bomb, 'application/yaml'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), 'application/json'],
    ['a lone surrogate', '{"metadata":{"name":"\\ud800"}}', 'application/json'],
    ['a huge number', '{"metadata":{"name":"x","generation":1e999}}', 'application/json'],
    [
      '__proto__',
      '{"__proto__":{"polluted":1},"metadata":{"name":"p","__proto__":{"polluted":1},"labels":{"__proto__":"x"}}}',
      'application/json',
    ],
    ['numbers beyond int64', `{"metadata":{"name":"x","generation":${'9'.repeat(400)}}}`, 'application/json'],
    ['a key of half a surrogate', '{"metadata":{"name":"x"},"data":{"\\udfff":"\\ud83d"}}', 'application/json'],
    [
      '3 MiB of one key',
      JSON.stringify({ metadata: { name: 'x' }, data: { a: 'x'.repeat(almost) } }),
      'application/json',
    ],
    ['3 MiB of brackets', '['.repeat(almost), 'application/json'],
    ['3 MiB of small objects', `{"data":[${'{"a":1},'.repeat(almost / 8)}{}]}`, 'application/json'],
    ['3 MiB of YAML', `data:\n${'  - {a: 1}\n'.repeat(almost / 11)}`, 'application/yaml'],
    ['3 MiB of YAML brackets', '['.repeat(almost), 'application/yaml'],
    ['3 MiB of quotes', '"'.repeat(almost), 'application/json'],
    ['3 MiB of digits', `{"metadata":{"generation":${'7'.repeat(almost)}}}`, 'application/json'],
    ['two documents', 'a: 1\n---\nb: 2\n', 'application/yaml'],
    ['nothing', '', 'application/json'],
    [
      'protobuf that stops',
      Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x0a, 0xff])]),
      'application/vnd.kubernetes.protobuf',
    ],
    [
      'protobuf of nonsense',
      Buffer.concat([Buffer.from('k8s\0'), Buffer.alloc(64, 0x9d)]),
      'application/vnd.kubernetes.protobuf',
    ],
  ])('%s', async (_, body, type) => {
    const answer = await running.http('POST', '/api/v1/namespaces/default/configmaps?dryRun=All', { body, type });
    expectAnswered(answer, type);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('100 levels are taken where a schema leaves them open, in every format', async () => {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All';
    const nested = (level: number): object =>
      level === 0 ? { type: 'string' } : { type: 'object', properties: { a: nested(level - 1) } };
    const body = {
      metadata: { name: 'deeps.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Cluster',
        names: { plural: 'deeps', kind: 'Deep' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: nested(100) } }],
      },
    };
    expectAnswered(await running.http('POST', path, { body }), body);
    for (const type of ['merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml'])
      expectAnswered(
        await running.http('PATCH', '/api/v1/namespaces/default/pods/seed?dryRun=All&fieldManager=m', {
          body: `{"apiVersion":"v1","kind":"Pod","spec":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`,
          type: `application/${type}`,
        }),
        type,
      );
  });

  it('mutated bytes of a good document in protobuf', async () => {
    const random = seededRandom(seed + 11);
    const metadata = encode('x');
    const good = Buffer.concat([
      Buffer.from('k8s\0'),
      field(1, Buffer.concat([field(1, Buffer.from('v1')), field(2, Buffer.from('ConfigMap'))])),
      field(2, Buffer.concat([field(1, metadata), field(2, Buffer.concat([encode('k'), field(2, Buffer.from('v'))]))])),
    ]);
    const type = 'application/vnd.kubernetes.protobuf';
    const path = '/api/v1/namespaces/default/configmaps?dryRun=All';
    expect((await running.http('POST', path, { body: good, type })).status).toBe(201);
    for (let i = 0; i < 300 * rounds; i++) {
      const bytes = Buffer.from(good);
      for (let j = 0; j < 1 + random.below(4); j++) bytes[4 + random.below(bytes.length - 4)] = random.below(256);
      const cut = random.next() < 0.3 ? bytes.subarray(0, 4 + random.below(bytes.length - 4)) : bytes;
      expectAnswered(await running.http('POST', path, { body: cut, type }), cut.toString('hex'));
    }
  });

  it('mutated bytes of a good document', async () => {
    const random = seededRandom(seed + 9);
    const good = Buffer.from(JSON.stringify({ metadata: { name: 'x', labels: { a: 'b' } }, data: { a: 'b' } }));
    for (let i = 0; i < 300 * rounds; i++) {
      const bytes = Buffer.from(good);
      for (let j = 0; j < 3; j++) bytes[random.below(bytes.length)] = random.below(256);
      const type = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'][i % 3]!;
      expectAnswered(
        await running.http('POST', '/api/v1/namespaces/default/configmaps?dryRun=All', { body: bytes, type }),
        bytes.toString('latin1'),
      );
    }
  });
});

describe('queries and paths', () => {
  it.each([
    'limit=x',
    'limit=-1',
    'limit=99999999999999999999',
    'continue=%00',
    'resourceVersion=abc',
    'resourceVersion=-1',
    'labelSelector=%28',
    'labelSelector=a%20in%20%28',
    'fieldSelector=%3D',
    'fieldSelector=a',
    'timeoutSeconds=x&watch=1',
    'watch=1&resourceVersion=x',
    'watch=1&sendInitialEvents=true',
    'resourceVersionMatch=Nope&resourceVersion=1',
    'dryRun=No',
    'fieldValidation=No',
    'pretty=%zz',
  ])('?%s', async (query) => {
    const get = await running.http('GET', `/api/v1/namespaces/default/pods?${query}&timeoutSeconds=1`);
    expectAnswered(get, query);
    expectAnswered(
      await running.http('POST', `/api/v1/namespaces/default/configmaps?${query}&dryRun=All`, {
        body: { metadata: { name: 'q' } },
      }),
      query,
    );
  });

  it.each([
    '/api',
    '/apis/',
    '/api/v1/',
    '/api/v1/namespaces//pods',
    '/api/v1/namespaces/default/pods/..',
    '/apis/apps/v1/namespaces/default/deployments/x/y/z',
    '/%2e%2e/etc',
    '/api/v1/pods/seed',
    '//',
    '/api/v1/namespaces/default/pods/%00',
    '/openapi/v3/../x',
  ])('%s', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
      expectAnswered(await running.http(method, path, { body: {} }), `${method} ${path}`);
  });
});
