import { expect, test } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { deploymentController } from '../../src/controllers/deployment/deployment.ts';
import { replicaSetController } from '../../src/controllers/replica-set.ts';
import { startHarness, template } from './harness.ts';

test('a deployment becomes available', async () => {
  await using h = await startHarness({ controllers: [deploymentController, replicaSetController], nodes: 2 });
  await h.client.create(Deployment, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template({ app: 'web' }) },
  });
  await h.settle();
  const d = await h.client.get(Deployment, { namespace: 'default', name: 'web' });
  console.log(JSON.stringify(d, null, 1));
  expect(d.status).toMatchObject({ replicas: 3, readyReplicas: 3, availableReplicas: 3, updatedReplicas: 3 });
  expect((await h.client.list(Pod, { namespace: 'default' })).items).toHaveLength(3);
});
