/** The operator in a whole cluster, in virtual time: an hour of waiting takes milliseconds. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Greeting, greetingController, greetingDefinition } from '../../examples/operator/greeting.ts';
import { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { silentLogger } from '../../src/base/log.ts';
import { MetricsRegistry } from '../../src/base/metrics.ts';
import { seededRandom } from '../../src/base/random.ts';
import { type RunningControllers, startControllers } from '../../src/client/controller-runner.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';

let cluster: Cluster;
let operator: RunningControllers;

beforeEach(async () => {
  cluster = await startCluster({ clock: 'virtual', nodes: 1, seed: 1 });
  await cluster.client.create(CustomResourceDefinition, greetingDefinition);
  await cluster.advance('5s');
  operator = startControllers([greetingController], {
    client: cluster.client,
    informers: cluster.informers,
    clock: cluster.clock,
    random: seededRandom(1),
    log: silentLogger,
    metrics: new MetricsRegistry(),
    settings: { clusterName: 'test' },
  });
  await operator.whenStarted();
});

afterEach(async () => {
  await operator.stop();
  await cluster.stop();
});

const metadata = { namespace: 'default', name: 'hello' };
const text = async () => (await cluster.client.find(ConfigMap, metadata))?.data?.['text'];

it('keeps the text of a greeting in a config map', async () => {
  await cluster.client.create(Greeting, { metadata, spec: { text: 'good morning' } });
  await cluster.settle();
  expect(await text()).toBe('good morning');

  await cluster.client.delete(ConfigMap, metadata);
  await cluster.settle();
  expect(await text()).toBe('good morning');
});

it('ends a greeting when its hour is over, and its config map with it', async () => {
  await cluster.client.create(Greeting, { metadata, spec: { text: 'soon gone', ttlSeconds: 3600 } });
  await cluster.advance('59m');
  expect(await text()).toBe('soon gone');
  await cluster.advance('2m');
  expect(await cluster.client.find(Greeting, metadata)).toBeUndefined();
  expect(await text()).toBeUndefined();
});
