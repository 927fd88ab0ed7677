import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deployment } from '../../api/apps/deployment.ts';
import { ConfigMap } from '../../api/core/config-map.ts';
import { Namespace } from '../../api/core/namespace.ts';
import { Pod } from '../../api/core/pod.ts';
import { Service } from '../../api/core/service.ts';
import { IPAddress } from '../../api/networking/ip-address.ts';
import type { WatchEvent } from '../../client/transport.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const configMaps = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...more },
  data: { a: '1' },
});

describe('create', () => {
  it('answers 201 with what the server decides filled in', async () => {
    const { status, json } = await running.http('POST', configMaps, { body: configMap('created') });
    expect(status).toBe(201);
    expect(json).toMatchObject({
      kind: 'ConfigMap',
      metadata: { name: 'created', namespace: 'default' },
      data: { a: '1' },
    });
    expect(json.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(json.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(json.metadata.creationTimestamp).toMatch(/Z$/);
  });

  it('refuses a second object of the same name', async () => {
    await running.http('POST', configMaps, { body: configMap('twice') });
    const { status, json } = await running.http('POST', configMaps, { body: configMap('twice') });
    expect(status).toBe(409);
    expect(json).toMatchObject({ reason: 'AlreadyExists', message: 'configmaps "twice" already exists' });
  });

  it('generates names', async () => {
    const { json } = await running.http('POST', configMaps, { body: { metadata: { generateName: 'gen-' } } });
    expect(json.metadata.name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('changes nothing in a dry run', async () => {
    const { status } = await running.http('POST', `${configMaps}?dryRun=All`, { body: configMap('dry') });
    expect(status).toBe(201);
    expect((await running.http('GET', `${configMaps}/dry`)).status).toBe(404);
  });

  it.each([
    [
      'another namespace',
      { metadata: { name: 'x', namespace: 'other' } },
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'another version',
      { apiVersion: 'apps/v1', kind: 'ConfigMap', metadata: { name: 'x' } },
      400,
      'the API version in the data (apps/v1) does not match the expected API version (v1)',
    ],
    [
      'no name',
      { metadata: {} },
      422,
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    ['a bad name', { metadata: { name: 'A_b' } }, 422, 'metadata.name: Invalid value: "A_b"'],
    [
      'a wrong type',
      { metadata: { name: 'x' }, data: { a: 1 } },
      400,
      'cannot unmarshal number into Go struct field ConfigMap.data of type string',
    ],
  ])('refuses %s', async (_, body, status, message) => {
    const answer = await running.http('POST', configMaps, { body });
    expect(answer.status).toBe(status);
    expect(answer.json.message).toContain(message);
  });

  it('reports unknown fields as fieldValidation asks', async () => {
    const body = { ...configMap('strict'), nope: 1 };
    const warned = await running.http('POST', `${configMaps}?dryRun=All`, { body });
    expect(warned.status).toBe(201);
    expect(warned.headers['warning']).toBe('299 - "unknown field \\"nope\\""');
    const strict = await running.http('POST', `${configMaps}?dryRun=All&fieldValidation=Strict`, { body });
    expect(strict.status).toBe(400);
    expect(strict.json.message).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "nope"',
    );
    const ignored = await running.http('POST', `${configMaps}?dryRun=All&fieldValidation=Ignore`, { body });
    expect(ignored.headers['warning']).toBeUndefined();
  });

  it('takes YAML', async () => {
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n';
    const { status } = await running.http('POST', configMaps, { body, type: 'application/yaml' });
    expect(status).toBe(201);
  });
});

describe('bad requests', () => {
  it.each([
    ['malformed JSON', '{"a":', 'application/json', 400],
    ['an array', '[]', 'application/json', 400],
    ['an unknown content type', '<a/>', 'text/xml', 415],
    ['malformed protobuf', 'nonsense', 'application/vnd.kubernetes.protobuf', 400],
  ])('%s is answered with a Status', async (_, body, type, status) => {
    const answer = await running.http('POST', configMaps, { body, type });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ kind: 'Status', status: 'Failure', code: status });
  });

  it('a body above 3 MiB is too large', async () => {
    const body = Buffer.alloc(3 * 1024 * 1024 + 1, 0x20);
    expect((await running.http('POST', configMaps, { body })).status).toBe(413);
  });

  it('an Accept header that nothing fits is answered 406', async () => {
    const { status, json } = await running.http('GET', configMaps, { headers: { accept: 'text/xml' } });
    expect(status).toBe(406);
    expect(json.reason).toBe('NotAcceptable');
  });

  it('unknown resources and methods', async () => {
    expect((await running.http('GET', '/apis/nope/v1/things')).status).toBe(404);
    expect((await running.http('GET', '/api/v1/namespaces/%zz/pods')).status).toBe(400);
    expect((await running.http('PUT', configMaps, { body: {} })).status).toBe(405);
  });
});

describe('update', () => {
  it('keeps what an update cannot change, and refuses an old version', async () => {
    const first = (await running.http('POST', configMaps, { body: configMap('updated') })).json;
    const second = await running.http('PUT', `${configMaps}/updated`, {
      body: { ...first, data: { a: '2' }, metadata: { ...first.metadata, creationTimestamp: '2000-01-01T00:00:00Z' } },
    });
    expect(second.status).toBe(200);
    expect(second.json.metadata.creationTimestamp).toBe(first.metadata.creationTimestamp);
    const late = await running.http('PUT', `${configMaps}/updated`, { body: { ...first, data: { a: '3' } } });
    expect(late.status).toBe(409);
    expect(late.json.message).toBe(
      'Operation cannot be fulfilled on configmaps "updated": the object has been modified; please apply your changes to the latest version and try again',
    );
  });

  it('does not write when nothing changes', async () => {
    const first = (await running.http('POST', configMaps, { body: configMap('same') })).json;
    const again = (await running.http('PUT', `${configMaps}/same`, { body: first })).json;
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it('counts changes of the spec in generation, and keeps status apart', async () => {
    const deployment = await running.client.create(Deployment, {
      metadata: { name: 'generations', namespace: 'default' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
      status: { replicas: 9 },
    });
    expect(deployment.metadata.generation).toBe(1);
    expect(deployment.status.replicas).toBeUndefined();
    const path = { namespace: 'default', name: 'generations' };
    const scaled = await running.client.patch(Deployment, path, { spec: { replicas: 3 } }, { type: 'merge' });
    expect(scaled.metadata.generation).toBe(2);
    const reported = await running.client.patch(
      Deployment,
      path,
      { spec: { replicas: 7 }, status: { replicas: 3 } },
      { type: 'merge', subresource: 'status' },
    );
    expect(reported.spec.replicas).toBe(3);
    expect(reported.status.replicas).toBe(3);
    expect(reported.metadata.generation).toBe(2);
  });

  it('concurrent patches all take effect', async () => {
    await running.client.create(ConfigMap, { metadata: { name: 'raced', namespace: 'default' } });
    const ref = { namespace: 'default', name: 'raced' };
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        running.client.patch(ConfigMap, ref, { data: { [`k${i}`]: 'v' } }, { type: 'merge' }),
      ),
    );
    expect(Object.keys((await running.client.get(ConfigMap, ref)).data ?? {})).toHaveLength(10);
  });
});

describe('patch', () => {
  it('applies the three kinds of patches', async () => {
    await running.http('POST', configMaps, { body: configMap('patched') });
    const path = `${configMaps}/patched`;
    await running.http('PATCH', path, {
      body: [{ op: 'add', path: '/data/b', value: '2' }],
      type: 'application/json-patch+json',
    });
    await running.http('PATCH', path, { body: { data: { a: null } }, type: 'application/merge-patch+json' });
    const { json } = await running.http('PATCH', path, {
      body: { data: { c: '3' } },
      type: 'application/strategic-merge-patch+json',
    });
    expect(json.data).toEqual({ b: '2', c: '3' });
  });

  it.each([
    ['application/json-patch+json', '{"op":"add"}', 400],
    ['application/merge-patch+json', '[1]', 400],
    ['application/merge-patch+json', '{', 400],
    ['application/strategic-merge-patch+json', '"text"', 400],
    ['application/json', '{}', 415],
  ])('refuses %s %s', async (type, body, status) => {
    await running.http('POST', configMaps, { body: configMap('unpatched') });
    const answer = await running.http('PATCH', `${configMaps}/unpatched`, { body, type });
    expect(answer.status).toBe(status);
    expect(answer.json.kind).toBe('Status');
  });

  it('a patch that makes something invalid is refused with the field', async () => {
    await running.http('POST', configMaps, { body: configMap('badly') });
    const answer = await running.http('PATCH', `${configMaps}/badly`, {
      body: { metadata: { labels: { 'not ok': 'x' } } },
      type: 'application/merge-patch+json',
    });
    expect(answer.status).toBe(422);
    expect(answer.json.details.causes[0].field).toBe('metadata.labels');
  });
});

describe('delete', () => {
  it('answers with a Status, and 404 afterwards', async () => {
    await running.http('POST', configMaps, { body: configMap('gone') });
    const { status, json } = await running.http('DELETE', `${configMaps}/gone`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ kind: 'Status', status: 'Success', details: { name: 'gone', kind: 'configmaps' } });
    expect((await running.http('DELETE', `${configMaps}/gone`)).status).toBe(404);
  });

  it('honours preconditions', async () => {
    await running.http('POST', configMaps, { body: configMap('guarded') });
    const { status, json } = await running.http('DELETE', `${configMaps}/guarded`, {
      body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'other' } },
    });
    expect(status).toBe(409);
    expect(json.message).toContain('Precondition failed: UID in precondition: other, UID in object meta: ');
  });

  it('waits for finalizers', async () => {
    await running.http('POST', configMaps, { body: configMap('held', { finalizers: ['example.com/hold'] }) });
    const marked = await running.http('DELETE', `${configMaps}/held`);
    expect(marked.json.metadata.deletionTimestamp).toBeDefined();
    const patch = { body: { metadata: { finalizers: null } }, type: 'application/merge-patch+json' };
    expect((await running.http('PATCH', `${configMaps}/held`, patch)).status).toBe(200);
    expect((await running.http('GET', `${configMaps}/held`)).status).toBe(404);
  });

  it.each([
    ['Foreground', 'foregroundDeletion'],
    ['Orphan', 'orphan'],
  ] as const)('propagation policy %s sets the finalizer %s', async (propagationPolicy, finalizer) => {
    const name = `policy-${propagationPolicy.toLowerCase()}`;
    await running.client.create(ConfigMap, { metadata: { name, namespace: 'default' } });
    await running.client.delete(ConfigMap, { namespace: 'default', name }, { propagationPolicy });
    const left = await running.client.get(ConfigMap, { namespace: 'default', name });
    expect(left.metadata.finalizers).toEqual([finalizer]);
  });

  it('gives running pods their grace, which the kubelet ends', async () => {
    const ref = { namespace: 'default', name: 'graceful' };
    await running.client.create(Pod, {
      metadata: ref,
      spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
    });
    await running.client.delete(Pod, ref);
    const marked = await running.client.get(Pod, ref);
    expect(marked.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(Date.parse(marked.metadata.deletionTimestamp!)).toBeGreaterThan(Date.now() + 20_000);
    await running.client.delete(Pod, ref, { gracePeriodSeconds: 0 });
    expect(await running.client.find(Pod, ref)).toBeUndefined();
  });

  it('deletes collections by selector', async () => {
    for (const name of ['coll-1', 'coll-2', 'coll-3'])
      await running.client.create(ConfigMap, {
        metadata: { name, namespace: 'default', labels: { coll: name === 'coll-3' ? 'no' : 'yes' } },
      });
    await running.client.deleteCollection(ConfigMap, { namespace: 'default', labelSelector: 'coll=yes' });
    const left = await running.client.list(ConfigMap, { namespace: 'default', labelSelector: 'coll' });
    expect(left.items.map((item) => item.metadata.name)).toEqual(['coll-3']);
  });

  it('marks namespaces and lets them go with their last finalizer', async () => {
    await running.client.create(Namespace, { metadata: { name: 'doomed' } });
    await running.client.delete(Namespace, { name: 'doomed' });
    const marked = await running.client.get(Namespace, { name: 'doomed' });
    expect(marked.status.phase).toBe('Terminating');
    await running.client.subresource(
      'update',
      Namespace,
      { name: 'doomed', subresource: 'finalize' },
      { ...marked, spec: {} },
    );
    expect(await running.client.find(Namespace, { name: 'doomed' })).toBeUndefined();
  });
});

describe('list', () => {
  beforeAll(async () => {
    await running.client.create(Namespace, { metadata: { name: 'listed' } });
    for (let i = 0; i < 5; i++)
      await running.client.create(ConfigMap, {
        metadata: { name: `item-${i}`, namespace: 'listed', labels: { even: String(i % 2 === 0) } },
      });
  });
  const path = '/api/v1/namespaces/listed/configmaps';
  const names = (json: { items: { metadata: { name: string } }[] }) => json.items.map((item) => item.metadata.name);

  it('goes on in chunks at one revision', async () => {
    const first = (await running.http('GET', `${path}?limit=2`)).json;
    expect(names(first)).toEqual(['item-0', 'item-1']);
    expect(first.metadata.remainingItemCount).toBe(3);
    await running.client.create(ConfigMap, { metadata: { name: 'item-3a', namespace: 'listed' } });
    const second = (await running.http('GET', `${path}?limit=2&continue=${first.metadata.continue}`)).json;
    const third = (await running.http('GET', `${path}?limit=2&continue=${second.metadata.continue}`)).json;
    expect([...names(second), ...names(third)]).toEqual(['item-2', 'item-3', 'item-4']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    await running.client.delete(ConfigMap, { name: 'item-3a', namespace: 'listed' });
  });

  it('selects by label and by field', async () => {
    expect(names((await running.http('GET', `${path}?labelSelector=even%3Dtrue`)).json)).toEqual([
      'item-0',
      'item-2',
      'item-4',
    ]);
    expect(names((await running.http('GET', `${path}?fieldSelector=metadata.name%3Ditem-1`)).json)).toEqual(['item-1']);
    expect((await running.http('GET', `${path}?labelSelector=a%20b`)).status).toBe(400);
    expect((await running.http('GET', `${path}?fieldSelector=spec.x%3D1`)).status).toBe(400);
  });

  it('refuses bad continue tokens and revisions of the future', async () => {
    expect((await running.http('GET', `${path}?continue=nonsense`)).status).toBe(400);
    const { status, json } = await running.http('GET', `${path}?resourceVersion=999999999`);
    expect(status).toBe(504);
    expect(json.details.causes[0].reason).toBe('ResourceVersionTooLarge');
  });

  it('checks how options go together', async () => {
    const { status, json } = await running.http('GET', `${path}?resourceVersionMatch=Exact`);
    expect(status).toBe(422);
    expect(json.message).toContain('resourceVersionMatch is forbidden unless resourceVersion is provided');
  });

  it('shows tables, metadata and protobuf', async () => {
    const accept = (as: string) => ({ headers: { accept: `application/json;as=${as};v=v1;g=meta.k8s.io` } });
    const table = (await running.http('GET', path, accept('Table'))).json;
    expect(table).toMatchObject({
      kind: 'Table',
      columnDefinitions: [{ name: 'Name' }, { name: 'Data' }, { name: 'Age' }],
    });
    expect(table.rows).toHaveLength(5);
    const metadata = (await running.http('GET', path, accept('PartialObjectMetadataList'))).json;
    expect(metadata).toMatchObject({ kind: 'PartialObjectMetadataList' });
    expect(metadata.items[0]).not.toHaveProperty('data');
    const protobuf = await running.http('GET', path, { headers: { accept: 'application/vnd.kubernetes.protobuf' } });
    expect(protobuf.headers['content-type']).toBe('application/vnd.kubernetes.protobuf');
    expect(protobuf.text.slice(0, 4)).toBe('k8s\0');
  });
});

describe('watch', () => {
  const next = async (count: number, options: object, act: () => Promise<void>): Promise<WatchEvent[]> => {
    const seen: WatchEvent[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const handle = running.client.watch(
      ConfigMap,
      { namespace: 'default', ...options },
      {
        onEvents(events) {
          seen.push(...events);
          if (seen.length >= count) resolve();
        },
        onEnd: (error) => reject(error ?? new Error('ended')),
      },
    );
    await act();
    await promise;
    handle.close();
    return seen;
  };
  const shown = (events: WatchEvent[]) => events.map((event) => `${event.type} ${event.object.metadata.name ?? ''}`);

  it('tells of changes after a revision, as a selector sees them', async () => {
    const { metadata } = await running.client.list(ConfigMap, { namespace: 'default' });
    const ref = { namespace: 'default', name: 'watched' };
    const options = { resourceVersion: metadata.resourceVersion, labelSelector: 'shown=yes' };
    const events = await next(3, options, async () => {
      await running.client.create(ConfigMap, { metadata: ref });
      await running.client.patch(ConfigMap, ref, { metadata: { labels: { shown: 'yes' } } }, { type: 'merge' });
      await running.client.patch(ConfigMap, ref, { data: { a: 'b' } }, { type: 'merge' });
      await running.client.patch(ConfigMap, ref, { metadata: { labels: { shown: 'no' } } }, { type: 'merge' });
    });
    expect(shown(events)).toEqual(['ADDED watched', 'MODIFIED watched', 'DELETED watched']);
  });

  it('sends what is there first, and a bookmark that says so', async () => {
    const options = {
      labelSelector: 'coll',
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
    };
    const events = await next(2, options, async () => {});
    expect(shown(events)).toEqual(['ADDED coll-3', 'BOOKMARK ']);
    expect(events[1]!.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });

  it('over HTTP: one JSON document a line, ended by timeoutSeconds', async () => {
    const { status, text } = await running.http(
      'GET',
      `${configMaps}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dcoll-3`,
    );
    expect(status).toBe(200);
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).type),
    ).toEqual(['ADDED']);
  });

  it('tells watchers of a revision that is no longer kept to list again', async () => {
    const { status, text } = await running.http('GET', `${configMaps}?watch=1&resourceVersion=1&timeoutSeconds=1`);
    expect(status).toBe(200);
    const [first] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(['ERROR', 'ADDED']).toContain(first.type);
    if (first.type === 'ERROR') expect(first.object).toMatchObject({ code: 410, reason: 'Expired' });
  });
});

describe('services', () => {
  it('get an address of the range and node ports, which go with them', async () => {
    const ref = { namespace: 'default', name: 'web' };
    const service = await running.client.create(Service, {
      metadata: ref,
      spec: { type: 'NodePort', ports: [{ port: 80 }] },
    });
    const ip = service.spec.clusterIP!;
    expect(ip).toMatch(/^10\./);
    expect(service.spec).toMatchObject({ clusterIPs: [ip], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
    const port = service.spec.ports![0]!.nodePort!;
    expect(port).toBeGreaterThanOrEqual(30_000);
    expect((await running.client.get(IPAddress, { name: ip })).spec.parentRef).toMatchObject({
      resource: 'services',
      name: 'web',
    });

    const taken = running.client.create(Service, {
      metadata: { namespace: 'default', name: 'greedy' },
      spec: { clusterIP: ip, type: 'NodePort', ports: [{ port: 80, nodePort: port }] },
    });
    await expect(taken).rejects.toThrow('provided IP is already allocated');
    await running.client.delete(Service, ref);
    expect(await running.client.find(IPAddress, { name: ip })).toBeUndefined();
    const again = await running.client.create(Service, {
      metadata: { namespace: 'default', name: 'greedy' },
      spec: { clusterIP: ip, type: 'NodePort', ports: [{ port: 80, nodePort: port }] },
    });
    expect(again.spec.ports![0]!.nodePort).toBe(port);
  });

  it('keep their address in an update that leaves it out', async () => {
    const ref = { namespace: 'default', name: 'kept' };
    const service = await running.client.create(Service, { metadata: ref, spec: { ports: [{ port: 80 }] } });
    const { clusterIP: _ip, clusterIPs: _ips, ...spec } = service.spec;
    const updated = await running.client.update(Service, {
      ...service,
      spec: { ...spec, selector: { a: 'b' } },
    } as typeof service);
    expect(updated.spec.clusterIP).toBe(service.spec.clusterIP);
  });

  it('many at once get different addresses', async () => {
    const made = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        running.client.create(Service, {
          metadata: { namespace: 'default', name: `many-${i}` },
          spec: { type: 'NodePort', ports: [{ port: 80 }] },
        }),
      ),
    );
    expect(new Set(made.map((service) => service.spec.clusterIP)).size).toBe(30);
    expect(new Set(made.map((service) => service.spec.ports![0]!.nodePort)).size).toBe(30);
  });
});

describe('binding', () => {
  it('assigns a pod once', async () => {
    const ref = { namespace: 'default', name: 'bound' };
    await running.client.create(Pod, { metadata: ref, spec: { containers: [{ name: 'c', image: 'i' }] } });
    const body = { metadata: { name: 'bound' }, target: { kind: 'Node', name: 'n1' } };
    await running.client.subresource('create', Pod, { ...ref, subresource: 'binding' }, body);
    const pod = await running.client.get(Pod, ref);
    expect(pod.spec.nodeName).toBe('n1');
    expect(pod.status.conditions).toEqual([expect.objectContaining({ type: 'PodScheduled', status: 'True' })]);
    const again = running.client.subresource('create', Pod, { ...ref, subresource: 'binding' }, body);
    await expect(again).rejects.toThrow('pod bound is already assigned to node "n1"');
  });
});

describe('scale', () => {
  it('reads and writes replicas', async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments/generations/scale';
    expect((await running.http('GET', path)).json).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 3 },
      status: { selector: 'a=b' },
    });
    const patched = await running.http('PATCH', path, {
      body: { spec: { replicas: 4 } },
      type: 'application/merge-patch+json',
    });
    expect(patched.json.spec.replicas).toBe(4);
    const negative = await running.http('PATCH', path, {
      body: { spec: { replicas: -1 } },
      type: 'application/merge-patch+json',
    });
    expect(negative.status).toBe(422);
  });
});
