import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { type AuditEvent, createAudit } from '../../src/apiserver/audit/audit.ts';
import { configuredAudit } from '../../src/apiserver/audit/configured-audit.ts';
import { createAuditLog } from '../../src/apiserver/audit/log-file.ts';
import { type AuditPolicyRule, decideAudit, readAuditPolicy } from '../../src/apiserver/audit/policy.ts';
import { createAuditWebhook } from '../../src/apiserver/audit/webhook.ts';
import { realClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { realRandom } from '../../src/base/random.ts';
import { startWorld, type World } from './world.ts';

const request = (more: object = {}) => ({
  user: { name: 'alice', groups: ['dev'] },
  verb: 'get',
  resourceRequest: true,
  group: '',
  resource: 'pods',
  subresource: '',
  namespace: 'a',
  name: 'p',
  path: '/api/v1/namespaces/a/pods/p',
  ...more,
});

describe('audit policies', () => {
  it.each<[Partial<AuditPolicyRule>, object, boolean]>([
    [{}, {}, true],
    [{ users: ['bob'] }, {}, false],
    [{ userGroups: ['dev'] }, {}, true],
    [{ verbs: ['watch'] }, {}, false],
    [{ namespaces: ['b'] }, {}, false],
    [{ resources: [{ group: '', resources: ['pods'] }] }, {}, true],
    [{ resources: [{ group: '', resources: ['pods'] }] }, { subresource: 'log' }, false],
    [{ resources: [{ group: '', resources: ['pods/*'] }] }, { subresource: 'log' }, true],
    [{ resources: [{ group: '', resources: ['*/log'] }] }, { subresource: 'log' }, true],
    [{ resources: [{ group: 'apps' }] }, {}, false],
    [{ resources: [{ group: '', resources: ['pods'], resourceNames: ['q'] }] }, {}, false],
    [{ nonResourceURLs: ['/api*'] }, {}, false],
    [{ nonResourceURLs: ['/health*'] }, { resourceRequest: false, path: '/healthz' }, true],
  ])('%j matches %j: %s', (rule, more, matches) => {
    const { level } = decideAudit({ rules: [{ level: 'Metadata', ...rule }] }, request(more));
    expect(level).toBe(matches ? 'Metadata' : 'None');
  });

  it('never record the bodies of credentials', () => {
    const policy = { rules: [{ level: 'RequestResponse' as const }] };
    expect(decideAudit(policy, request({ resource: 'secrets' })).level).toBe('Metadata');
    expect(decideAudit(policy, request({ resource: 'serviceaccounts', subresource: 'token' })).level).toBe('Metadata');
    expect(decideAudit(policy, request({ group: 'authentication.k8s.io', resource: 'tokenreviews' })).level).toBe(
      'Metadata',
    );
    expect(decideAudit(policy, request()).level).toBe('RequestResponse');
  });

  it.each<[object, string]>([
    [{}, 'expected audit.k8s.io/v1, Kind=Policy'],
    [{ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [] }, 'rules must not be empty'],
    [{ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'All' }] }, 'rules[0].level'],
    [
      { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'None', nonResourceURLs: ['x'] }] },
      'must begin with /',
    ],
    [
      { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'None', omitStages: ['End'] }] },
      'End is not a stage',
    ],
  ])('%j is refused', (value, message) => {
    expect(() => readAuditPolicy(value)).toThrow(message);
  });
});

describe('audit events', () => {
  let world: World | undefined;
  let folder: string | undefined;
  afterEach(async () => {
    await world?.close();
    world = undefined;
    if (folder) rmSync(folder, { recursive: true });
    folder = undefined;
  });

  const collecting = () => {
    const events: AuditEvent[] = [];
    const audit = createAudit({
      policy: { rules: [{ level: 'RequestResponse' }] },
      backends: [{ write: (event) => events.push(event), close: async () => undefined }],
      clock: realClock,
      random: realRandom,
    });
    return { events, audit };
  };

  it('say who did what with what outcome', async () => {
    const { events, audit } = collecting();
    world = await startWorld({ audit });
    const certificate = world.certificate('root', ['system:masters']);
    const answer = await world.call('/api/v1/namespaces/default/configmaps', {
      certificate,
      headers: { 'user-agent': 'x\ty', 'impersonate-user': 'alice', 'impersonate-group': 'system:masters' },
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } },
    });
    expect(answer.status).toBe(201);
    await world.call('/api/v1/namespaces/default/secrets/none', { certificate: world.certificate('eve') });
    const mine = () => events.filter(({ user }) => ['root', 'eve'].includes((user as { username: string }).username));
    await expect.poll(() => mine().filter((e) => e.stage === 'ResponseComplete').length).toBe(2);
    const [received, complete, , denied] = mine();
    expect(received).toMatchObject({ stage: 'RequestReceived', verb: 'create', user: { username: 'root' } });
    expect(complete).toMatchObject({
      stage: 'ResponseComplete',
      level: 'RequestResponse',
      auditID: answer.headers['audit-id'],
      requestURI: '/api/v1/namespaces/default/configmaps',
      user: { username: 'root' },
      impersonatedUser: { username: 'alice' },
      objectRef: { resource: 'configmaps', namespace: 'default', name: 'c', apiVersion: 'v1' },
      responseStatus: { code: 201 },
      annotations: { 'authorization.k8s.io/decision': 'allow' },
    });
    expect(denied).toMatchObject({
      level: 'Metadata',
      user: { username: 'eve' },
      responseStatus: { code: 403 },
      annotations: { 'authorization.k8s.io/decision': 'forbid' },
    });
  });

  it('see callers in the process of the server as they see those over HTTP', async () => {
    const { events, audit } = collecting();
    world = await startWorld({ audit });
    const controller = world.as('system:serviceaccount:kube-system:replicaset-controller', 'system:masters');
    await controller.create(ConfigMap, { metadata: { namespace: 'default', name: 'c' }, data: { a: 'b' } });
    const ref = { namespace: 'default', name: 'c' };
    await controller.patch(ConfigMap, ref, { data: { a: 'c' } }, { type: 'merge', dryRun: true });
    await expect(world.as('eve').delete(ConfigMap, ref)).rejects.toThrow('forbidden');
    const mine = events.filter(({ objectRef }) => (objectRef as { resource?: string })?.resource === 'configmaps');
    const [received, created, , patched, , refused] = mine;
    expect(received).toMatchObject({ stage: 'RequestReceived', verb: 'create' });
    expect(created).toMatchObject({
      stage: 'ResponseComplete',
      requestURI: '/api/v1/namespaces/default/configmaps',
      verb: 'create',
      user: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
      sourceIPs: ['127.0.0.1'],
      objectRef: { resource: 'configmaps', namespace: 'default', name: 'c', apiVersion: 'v1' },
      requestObject: { data: { a: 'b' } },
      responseObject: { kind: 'ConfigMap', data: { a: 'b' } },
      responseStatus: { code: 201 },
      annotations: { 'authorization.k8s.io/decision': 'allow' },
    });
    expect(patched).toMatchObject({
      requestURI: '/api/v1/namespaces/default/configmaps/c?dryRun=All',
      verb: 'patch',
      responseStatus: { code: 200 },
    });
    expect(refused).toMatchObject({
      verb: 'delete',
      user: { username: 'eve' },
      responseStatus: { code: 403, reason: 'Forbidden' },
      annotations: { 'authorization.k8s.io/decision': 'forbid' },
    });
  });

  it('tell when a watch in the process begins and ends', async () => {
    const { events, audit } = collecting();
    world = await startWorld({ audit });
    const watching = world.admin.transport.watch(
      { kind: ConfigMap, namespace: 'default', query: { labelSelector: 'a=b' } },
      { onEvents: () => undefined, onEnd: () => undefined },
    );
    const uri = '/api/v1/namespaces/default/configmaps?labelSelector=a%3Db&watch=true';
    const stages = () => events.filter(({ requestURI }) => requestURI === uri).map(({ stage }) => stage);
    await expect.poll(stages).toEqual(['RequestReceived', 'ResponseStarted']);
    watching.close();
    expect(stages()).toEqual(['RequestReceived', 'ResponseStarted', 'ResponseComplete']);
  });

  it('are lines of JSON in a private file, whatever is in a name, and never hold a secret', async () => {
    folder = mkdtempSync(join(tmpdir(), 'audit-'));
    const path = join(folder, 'audit.log');
    const audit = createAudit({
      policy: { rules: [{ level: 'RequestResponse' }] },
      backends: [createAuditLog({ path, clock: realClock, log: silentLogger })],
      clock: realClock,
      random: realRandom,
    });
    world = await startWorld({ audit });
    const certificate = world.certificate('root\n{"kind":"Event"}', ['system:masters']);
    await world.call('/api/v1/namespaces/default/secrets', {
      certificate,
      headers: { 'audit-id': 'a b' },
      body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { p: 'hunter2' } },
    });
    await world.call('/api/v1/namespaces/default/secrets/s', { certificate });
    expect(await world.admin.find(Secret, { namespace: 'default', name: 's' })).toBeDefined();
    await world.close();
    world = undefined;
    await audit.close();
    const text = readFileSync(path, 'utf8');
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.every((event) => event.apiVersion === 'audit.k8s.io/v1')).toBe(true);
    expect(events.filter((event) => event.user.username.startsWith('root\n')).length).toBeGreaterThan(0);
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain(Buffer.from('hunter2').toString('base64'));
    expect(events[0].auditID).toMatch(/^[0-9a-f-]{36}$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

const event = (n: number): AuditEvent => ({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'Metadata',
  auditID: String(n),
  stage: 'ResponseComplete',
  requestURI: '/',
  verb: 'get',
  padding: 'x'.repeat(100),
});

describe('audit backends', () => {
  it('rotate files and keep so many', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'audit-'));
    try {
      const log = createAuditLog({
        path: join(folder, 'audit.log'),
        maxSizeBytes: 1000,
        maxBackups: 2,
        clock: realClock,
        log: silentLogger,
      });
      for (let i = 0; i < 60; i++) log.write(event(i));
      await log.close();
      const files = readdirSync(folder).sort();
      expect(files.length).toBeLessThanOrEqual(3);
      const lines = files
        .flatMap((file) => readFileSync(join(folder, file), 'utf8').trim().split('\n'))
        .filter(Boolean);
      for (const line of lines) expect(JSON.parse(line).kind).toBe('Event');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  /** A server that takes audit events. */
  async function startCollector() {
    const received: { items: AuditEvent[] }[] = [];
    const server = createServer(async (req, res) => {
      received.push((await json(req)) as { items: AuditEvent[] });
      res.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      received,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  it('send batches to a webhook', async () => {
    await using collector = await startCollector();
    const webhook = createAuditWebhook({
      target: { url: collector.url },
      maxBatchSize: 3,
      clock: realClock,
      random: realRandom,
      log: silentLogger,
    });
    for (let i = 0; i < 7; i++) webhook.write(event(i));
    await webhook.close();
    expect(collector.received.map((list) => list.items.map((item) => item.auditID))).toEqual([
      ['0', '1', '2'],
      ['3', '4', '5'],
      ['6'],
    ]);
  });

  it('are a file and a server at once, where both are named', async () => {
    await using collector = await startCollector();
    const folder = mkdtempSync(join(tmpdir(), 'audit-'));
    try {
      const path = join(folder, 'audit.log');
      const audit = configuredAudit({
        path,
        webhook: { url: collector.url },
        clock: realClock,
        random: realRandom,
        log: silentLogger,
      });
      const world = await startWorld({ audit });
      await world.call('/api/v1/namespaces/default/configmaps', { certificate: world.certificate('eve') });
      await world.close();
      await audit.close();
      const byEve = (events: AuditEvent[]) =>
        events.filter(({ user }) => (user as { username: string }).username === 'eve').map(({ stage }) => stage);
      const written = readFileSync(path, 'utf8').trim().split('\n');
      expect(byEve(written.map((line) => JSON.parse(line)))).toEqual(['ResponseComplete']);
      expect(byEve(collector.received.flatMap(({ items }) => items))).toEqual(['ResponseComplete']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
