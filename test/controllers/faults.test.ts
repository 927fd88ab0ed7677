import { describe, expect, test } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import { StatefulSet } from '../../src/api/apps/stateful-set.ts';
import { Job } from '../../src/api/batch/job.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Service } from '../../src/api/core/service.ts';
import { EndpointSlice } from '../../src/api/discovery/endpoint-slice.ts';
import { seededRandom } from '../../src/base/random.ts';
import { deploymentController } from '../../src/controllers/deployment/deployment.ts';
import { endpointSliceController } from '../../src/controllers/endpoint-slice/endpoint-slice.ts';
import { garbageCollector } from '../../src/controllers/garbage-collector/garbage-collector.ts';
import { jobController } from '../../src/controllers/job/job.ts';
import { replicaSetController } from '../../src/controllers/replica-set.ts';
import { statefulSetController } from '../../src/controllers/stateful-set/stateful-set.ts';
import { type Harness, startHarness, template } from './harness.ts';

const controllers = [
  deploymentController,
  replicaSetController,
  statefulSetController,
  jobController,
  endpointSliceController,
  garbageCollector,
];

/** A cluster in which a tenth of the controllers' requests fail, half of them after they have taken effect. */
const start = (seed: number) => startHarness({ controllers, nodes: 3, faultRate: 0.1, seed });

/** Time with a crash now and then, then a calm hour. */
async function live(h: Harness, seed: number): Promise<void> {
  const chance = seededRandom(seed);
  for (let i = 0; i < 6; i++) {
    await h.advance(5_000 + chance.below(20_000));
    if (chance.next() < 0.5) await h.crash();
  }
  h.calm();
  await h.advance(3_600_000);
}

const seeds = [1, 2, 3, 4, 5, 6];

describe.each(seeds)('with faults and crashes, seed %i,', (seed) => {
  test('a deployment comes to its size and template, never above its surge by more than lost answers', async () => {
    await using h = await start(seed);
    const web = { namespace: 'default', name: 'web' };
    await h.client.create(Deployment, {
      metadata: web,
      spec: { replicas: 8, selector: { matchLabels: { app: 'web' } }, template: template({ app: 'web' }) },
    });
    await h.client.create(Service, { metadata: web, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } });
    await h.advance(10_000);
    const image = { spec: { template: { spec: { containers: [{ name: 'app', image: 'app:2' }] } } } };
    await h.client.patch(Deployment, web, image, { type: 'strategic' });
    await live(h, seed);
    const pods = (await h.client.list(Pod, { namespace: 'default' })).items;
    expect(pods.map((pod) => pod.spec.containers[0]!.image)).toEqual(new Array(8).fill('app:2'));
    expect((await h.client.get(Deployment, web)).status).toMatchObject({
      replicas: 8,
      availableReplicas: 8,
      updatedReplicas: 8,
    });
    expect(
      (await h.client.list(ReplicaSet, { namespace: 'default' })).items.map((rs) => rs.spec.replicas).sort(),
    ).toEqual([0, 8]);
    const slices = (
      await h.client.list(EndpointSlice, { namespace: 'default', labelSelector: 'kubernetes.io/service-name=web' })
    ).items;
    const published = slices.flatMap((slice) => slice.endpoints.map((endpoint) => endpoint.targetRef!.uid));
    expect(published.sort()).toEqual(pods.map((pod) => pod.metadata.uid).sort());
    await h.client.delete(Deployment, web, { propagationPolicy: 'Foreground' });
    await h.advance(600_000);
    expect((await h.client.list(Pod, { namespace: 'default' })).items).toEqual([]);
    const before = h.writes();
    await h.advance(3_600_000);
    expect(h.writes() - before).toBe(0);
  });

  test('a job counts each of its pods once', async () => {
    await using h = await start(seed);
    const chance = seededRandom(seed);
    const fates = new Map<string, 'succeeded' | 'failed'>();
    h.lifeOf = (pod) => {
      const fate = fates.get(pod.metadata.uid) ?? (chance.next() < 0.2 ? 'failed' : 'succeeded');
      fates.set(pod.metadata.uid, fate);
      return fate;
    };
    const sum = { namespace: 'default', name: 'sum' };
    await h.client.create(Job, {
      metadata: sum,
      spec: {
        completions: 20,
        parallelism: 5,
        backoffLimit: 1000,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: 'app:1' }] } },
      },
    } as never);
    await live(h, seed);
    await h.advance(24 * 3_600_000);
    const { status } = await h.client.get(Job, sum);
    expect(status.conditions?.map((one) => one.type)).toContain('Complete');
    const pods = (await h.client.list(Pod, { namespace: 'default' })).items;
    const count = (phase: string) => pods.filter((pod) => pod.status.phase === phase).length;
    expect(status.succeeded).toBe(count('Succeeded'));
    expect(status.failed ?? 0).toBe(count('Failed'));
    expect(status.uncountedTerminatedPods).toEqual({});
    expect(pods.every((pod) => !pod.metadata.finalizers?.length)).toBe(true);
  });

  test('an indexed job completes each index', async () => {
    await using h = await start(seed);
    h.lifeOf = () => 'succeeded';
    const grid = { namespace: 'default', name: 'grid' };
    await h.client.create(Job, {
      metadata: grid,
      spec: {
        completions: 12,
        parallelism: 4,
        completionMode: 'Indexed',
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: 'app:1' }] } },
      },
    } as never);
    await live(h, seed);
    const { status } = await h.client.get(Job, grid);
    expect(status).toMatchObject({ succeeded: 12, completedIndexes: '0-11' });
    expect(status.conditions?.map((one) => one.type)).toContain('Complete');
  });

  test('a stateful set has each ordinal once, through an update and back', async () => {
    await using h = await start(seed);
    const db = { namespace: 'default', name: 'db' };
    await h.client.create(StatefulSet, {
      metadata: db,
      spec: {
        replicas: 4,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: template({ app: 'db' }),
      },
    });
    await h.advance(20_000);
    const setImage = (image: string) =>
      h.client.patch(
        StatefulSet,
        db,
        { spec: { template: { spec: { containers: [{ name: 'app', image }] } } } },
        { type: 'strategic' },
      );
    await setImage('app:2');
    await h.advance(3_000);
    await setImage('app:1');
    await live(h, seed);
    const pods = (await h.client.list(Pod, { namespace: 'default' })).items;
    expect(pods.map((pod) => pod.metadata.name).sort()).toEqual(['db-0', 'db-1', 'db-2', 'db-3']);
    expect(pods.map((pod) => pod.spec.containers[0]!.image)).toEqual(new Array(4).fill('app:1'));
    const { status } = await h.client.get(StatefulSet, db);
    expect(status).toMatchObject({ readyReplicas: 4, currentReplicas: 4, updatedReplicas: 4 });
    expect(status.currentRevision).toBe(status.updateRevision);
  });
});
