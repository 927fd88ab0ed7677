/** Upstream's conformance tests of sig-api-machinery that need nothing but an API server, by their names. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { PodTemplate } from '../../src/api/core/pod-template.ts';
import { startTestServer, type TestServer } from '../../src/apiserver/test-server.ts';
import type { WatchEvent, WatchHandle } from '../../src/client/transport.ts';
import { useEverything } from './api-operations.ts';
import { define } from './custom-definitions.ts';

/** Writes that watches and continued lists can go back by. */
const history = 200;

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer({ eventWindow: { maxEvents: history } });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('[sig-api-machinery] Discovery', () => {
  it('should validate PreferredVersion for each APIGroup', async () => {
    const { groups } = (await running.http('GET', '/apis')).json;
    for (const { name } of groups) {
      const group = (await running.http('GET', `/apis/${name}`)).json;
      expect(group.versions).toContainEqual(group.preferredVersion);
    }
  });

  it('should locate the groupVersion and a resource within each APIGroup', async () => {
    for (const [group, version, resource] of [
      ['admissionregistration.k8s.io', 'v1', 'validatingwebhookconfigurations'],
      ['apiextensions.k8s.io', 'v1', 'customresourcedefinitions'],
      ['apiregistration.k8s.io', 'v1', 'apiservices'],
      ['apps', 'v1', 'deployments'],
      ['authentication.k8s.io', 'v1', 'tokenreviews'],
      ['authorization.k8s.io', 'v1', 'selfsubjectaccessreviews'],
      ['autoscaling', 'v1', 'horizontalpodautoscalers'],
      ['autoscaling', 'v2', 'horizontalpodautoscalers'],
      ['batch', 'v1', 'jobs'],
      ['certificates.k8s.io', 'v1', 'certificatesigningrequests'],
      ['coordination.k8s.io', 'v1', 'leases'],
      ['discovery.k8s.io', 'v1', 'endpointslices'],
      ['events.k8s.io', 'v1', 'events'],
      ['networking.k8s.io', 'v1', 'ingresses'],
      ['node.k8s.io', 'v1', 'runtimeclasses'],
      ['policy', 'v1', 'poddisruptionbudgets'],
      ['scheduling.k8s.io', 'v1', 'priorityclasses'],
      ['storage.k8s.io', 'v1', 'csinodes'],
    ]) {
      const { json } = await running.http('GET', `/apis/${group}/${version}`);
      expect(json.resources, `${group}/${version}`).toContainEqual(expect.objectContaining({ name: resource }));
    }
  });
});

describe('[sig-api-machinery] AggregatedDiscovery', () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  type Item = { metadata: { name?: string }; versions: { version: string; resources: { resource: string }[] }[] };
  /** `apps/v1/deployments` of everything that an aggregated document has. */
  const read = async (path: string, header = accept): Promise<string[]> => {
    const { json, headers } = await running.http('GET', path, { headers: { accept: header } });
    expect(headers['content-type']).toBe(header.split(',')[0]);
    expect(json).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    return (json.items as Item[]).flatMap(({ metadata, versions }) =>
      versions.flatMap(({ version, resources }) =>
        resources.map(({ resource }) => `${metadata.name ?? ''}/${version}/${resource}`),
      ),
    );
  };
  const builtin = [
    'admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    'apiextensions.k8s.io/v1/customresourcedefinitions',
    'apiregistration.k8s.io/v1/apiservices',
    'apps/v1/deployments',
    'authentication.k8s.io/v1/tokenreviews',
    'authorization.k8s.io/v1/subjectaccessreviews',
    'autoscaling/v1/horizontalpodautoscalers',
    'autoscaling/v2/horizontalpodautoscalers',
    'batch/v1/jobs',
    'certificates.k8s.io/v1/certificatesigningrequests',
    'coordination.k8s.io/v1/leases',
    'discovery.k8s.io/v1/endpointslices',
    'events.k8s.io/v1/events',
    'networking.k8s.io/v1/ingresses',
    'node.k8s.io/v1/runtimeclasses',
    'policy/v1/poddisruptionbudgets',
    'rbac.authorization.k8s.io/v1/roles',
    'scheduling.k8s.io/v1/priorityclasses',
    'storage.k8s.io/v1/storageclasses',
  ];

  it.each([
    ['should support raw aggregated discovery endpoint Accept headers', accept],
    ['should support aggregated discovery interface', `${accept},application/json`],
  ])('%s', async (_name, header) => {
    expect(await read('/apis', header)).toEqual(expect.arrayContaining(builtin));
    expect(await read('/api', header)).toEqual(expect.arrayContaining(['/v1/namespaces', '/v1/pods']));
  });

  it.each([
    ['should support raw aggregated discovery request for CRDs', 'raws', accept],
    ['should support aggregated discovery interface for CRDs', 'clients', `${accept},application/json`],
  ])('%s', async (_name, plural, header) => {
    await define(running, { plural });
    expect(await read('/apis', header)).toContain(`conformance.example.com/v1/${plural}`);
  });
});

describe('[sig-api-machinery] API priority and fairness', () => {
  const group = 'flowcontrol.apiserver.k8s.io/v1';

  it('should support FlowSchema API operations', async () => {
    const rules = [
      {
        subjects: [{ kind: 'User', user: { name: 'example' } }],
        nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }],
      },
    ];
    const spec = {
      matchingPrecedence: 10000,
      priorityLevelConfiguration: { name: 'global-default' },
      distinguisherMethod: { type: 'ByUser' },
      rules,
    };
    await useEverything(running, { group, plural: 'flowschemas', spec, change: ['matchingPrecedence', 9999] });
  });

  it('should support PriorityLevelConfiguration API operations', async () => {
    const limited = { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } };
    const changed = { nominalConcurrencyShares: 4, lendablePercent: 0, limitResponse: { type: 'Reject' } };
    await useEverything(running, {
      group,
      plural: 'prioritylevelconfigurations',
      spec: { type: 'Limited', limited },
      change: ['limited', changed],
    });
  });
});

describe('[sig-api-machinery] Servers with support for API chunking', () => {
  const path = '/api/v1/namespaces/default/podtemplates';
  beforeAll(async () => {
    for (let i = 0; i < 40; i++)
      await running.client.create(PodTemplate, {
        metadata: { name: `template-${String(i).padStart(4, '0')}`, namespace: 'default' },
        template: {
          metadata: { labels: { test: 'chunking' } },
          spec: { containers: [{ name: 'test', image: 'test2' }] },
        },
      });
  });

  it('should return chunks of results for list calls', async () => {
    let token = '';
    let found = 0;
    let revision: string | undefined;
    do {
      const { json } = await running.http('GET', `${path}?limit=7${token ? `&continue=${token}` : ''}`);
      revision ??= json.metadata.resourceVersion;
      expect(json.metadata.resourceVersion).toBe(revision);
      found += json.items.length;
      token = json.metadata.continue ?? '';
      if (token) expect(json.metadata.remainingItemCount).toBe(40 - found);
    } while (token);
    expect(found).toBe(40);
  });

  it('should continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Slow]', async () => {
    const first = (await running.http('GET', `${path}?limit=10`)).json;
    // What is remembered of the past is little here: the token's version is soon forgotten.
    for (let i = 0; i <= history; i++)
      await running.client.patch(
        PodTemplate,
        { namespace: 'default', name: 'template-0039' },
        { metadata: { annotations: { n: String(i) } } },
        { type: 'merge' },
      );
    const expired = await running.http('GET', `${path}?limit=10&continue=${first.metadata.continue}`);
    expect(expired.json).toMatchObject({ code: 410, reason: 'Expired' });
    let token = expired.json.metadata.continue;
    const names: string[] = [];
    const versions = new Set<string>();
    for (let page = 0; token; page++) {
      const { json } = await running.http('GET', `${path}?limit=10&continue=${token}`);
      names.push(...json.items.map((item: { metadata: { name: string } }) => item.metadata.name));
      versions.add(json.metadata.resourceVersion);
      if (json.metadata.continue) expect(json.metadata.remainingItemCount).toBe(20 - 10 * page);
      token = json.metadata.continue;
    }
    expect(names).toEqual(Array.from({ length: 30 }, (_, i) => `template-00${i + 10}`));
    expect(versions.size).toBe(1);
  });
});

describe('[sig-api-machinery] Servers with support for Table transformation', () => {
  it('should return a 406 for a backend which does not implement metadata', async () => {
    const { status } = await running.http('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      body: { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } },
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    expect(status).toBe(406);
  });
});

describe('[sig-api-machinery] Watchers', () => {
  const follow = (options: object = {}): { seen: WatchEvent[]; handle: WatchHandle } => {
    const seen: WatchEvent[] = [];
    const handle = running.client.watch(
      ConfigMap,
      { namespace: 'default', ...options },
      { onEvents: (events) => void seen.push(...events), onEnd() {} },
    );
    return { seen, handle };
  };
  const shown = (seen: WatchEvent[]) => seen.map((event) => `${event.type} ${event.object.metadata.name}`);
  const labelled = (name: string) => ({
    metadata: { name, namespace: 'default', labels: { 'watch-this-configmap': name } },
  });

  it('should observe add, update, and delete watch notifications on configmaps', async () => {
    const { seen, handle } = follow({ labelSelector: 'watch-this-configmap=a' });
    await running.client.create(ConfigMap, labelled('a'));
    await running.client.patch(
      ConfigMap,
      { namespace: 'default', name: 'a' },
      { data: { mutation: '1' } },
      { type: 'merge' },
    );
    await running.client.delete(ConfigMap, { namespace: 'default', name: 'a' });
    await expect.poll(() => shown(seen)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    handle.close();
  });

  it('should be able to start watching from a specific resource version', async () => {
    const ref = { namespace: 'default', name: 'from' };
    await running.client.create(ConfigMap, labelled('from'));
    const first = await running.client.patch(ConfigMap, ref, { data: { mutation: '1' } }, { type: 'merge' });
    await running.client.patch(ConfigMap, ref, { data: { mutation: '2' } }, { type: 'merge' });
    await running.client.delete(ConfigMap, ref);
    const { seen, handle } = follow({
      labelSelector: 'watch-this-configmap=from',
      resourceVersion: first.metadata.resourceVersion,
    });
    await expect.poll(() => shown(seen)).toEqual(['MODIFIED from', 'DELETED from']);
    handle.close();
  });

  it('should be able to restart watching from the last resource version observed by the previous watch', async () => {
    const ref = { namespace: 'default', name: 'again' };
    const first = follow({ labelSelector: 'watch-this-configmap=again' });
    await running.client.create(ConfigMap, labelled('again'));
    await expect.poll(() => shown(first.seen)).toEqual(['ADDED again']);
    first.handle.close();
    await running.client.patch(ConfigMap, ref, { data: { mutation: '2' } }, { type: 'merge' });
    const second = follow({
      labelSelector: 'watch-this-configmap=again',
      resourceVersion: first.seen[0]!.object.metadata.resourceVersion,
    });
    await running.client.delete(ConfigMap, ref);
    await expect.poll(() => shown(second.seen)).toEqual(['MODIFIED again', 'DELETED again']);
    second.handle.close();
  });

  it('should observe an object deletion if it stops meeting the requirements of the selector', async () => {
    const ref = { namespace: 'default', name: 'leaves' };
    const { seen, handle } = follow({ labelSelector: 'watch-this-configmap=leaves' });
    await running.client.create(ConfigMap, labelled('leaves'));
    const relabel = (value: string) =>
      running.client.patch(
        ConfigMap,
        ref,
        { metadata: { labels: { 'watch-this-configmap': value } } },
        { type: 'merge' },
      );
    await relabel('wrong');
    await relabel('leaves');
    await running.client.delete(ConfigMap, ref);
    await expect.poll(() => shown(seen)).toEqual(['ADDED leaves', 'DELETED leaves', 'ADDED leaves', 'DELETED leaves']);
    handle.close();
  });

  it('should receive events on concurrent watches in same order', async () => {
    const watches = Array.from({ length: 10 }, () => follow({ labelSelector: 'order' }));
    for (let i = 0; i < 20; i++)
      await running.client.create(ConfigMap, {
        metadata: { name: `order-${i}`, namespace: 'default', labels: { order: 'x' } },
      });
    await expect.poll(() => watches.every(({ seen }) => seen.length === 20)).toBe(true);
    const orders = new Set(
      watches.map(({ seen }) => seen.map((event) => event.object.metadata.resourceVersion).join()),
    );
    expect(orders.size).toBe(1);
    for (const { handle } of watches) handle.close();
  });
});

describe('[sig-api-machinery] server version', () => {
  it('should find the server version', async () => {
    const { json } = await running.http('GET', '/version');
    expect(json).toMatchObject({ major: '1', minor: expect.stringMatching(/^\d+$/) });
  });
});
