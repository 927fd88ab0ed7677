import { describe, expect, test } from 'vitest';
import { ControllerRevision } from '../../src/api/apps/controller-revision.ts';
import { DaemonSet } from '../../src/api/apps/daemon-set.ts';
import { StatefulSet } from '../../src/api/apps/stateful-set.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { formatTime } from '../../src/base/clock.ts';
import { appsCluster, podTemplate, type Scope, useCollection, useScale, useStatus } from './apps-cluster.ts';

const enter = appsCluster();

describe('[sig-apps] Daemon set [Serial]', () => {
  const create = (s: Scope, spec: object = {}) => {
    const labels = { 'daemonset-name': s.namespace };
    return s.client.create(DaemonSet, {
      metadata: { namespace: s.namespace, name: 'daemon', labels },
      spec: { selector: { matchLabels: labels }, template: podTemplate(labels), ...spec },
    });
  };
  const refOf = (s: Scope) => ({ namespace: s.namespace, name: 'daemon' });
  const places = async (s: Scope) => (await s.pods()).map((pod) => pod.spec.nodeName).sort();
  const nodes = async (s: Scope) => (await s.client.list(Node)).items.map((node) => node.metadata.name).sort();
  const images = async (s: Scope) => (await s.pods()).map((pod) => pod.spec.containers[0]!.image);
  const setImage = (s: Scope, image: string) =>
    s.client.patch(
      DaemonSet,
      refOf(s),
      { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } },
      { type: 'strategic' },
    );

  test('should run and stop simple daemon [Conformance]', async () => {
    const s = await enter();
    await create(s);
    await s.pass();
    expect(await places(s)).toEqual(await nodes(s));
    const [pod] = await s.pods();
    await s.client.delete(Pod, pod!.metadata, { gracePeriodSeconds: 0 });
    await s.pass();
    expect(await places(s)).toEqual(await nodes(s));
    await s.client.delete(DaemonSet, refOf(s));
    await s.pass('60s');
    expect(await s.pods()).toEqual([]);
  });

  test('should run and stop complex daemon [Conformance]', async () => {
    const s = await enter();
    const labels = { 'daemonset-name': s.namespace };
    const template = podTemplate(labels);
    await create(s, { template: { ...template, spec: { ...template.spec, nodeSelector: { 'e2e-color': 'blue' } } } });
    await s.pass();
    expect(await places(s)).toEqual([]);
    const [node] = await nodes(s);
    const paint = (color: string | null) =>
      s.client.patch(Node, { name: node! }, { metadata: { labels: { 'e2e-color': color } } }, { type: 'merge' });
    await paint('blue');
    await s.pass();
    expect(await places(s)).toEqual([node]);
    await paint('green');
    await s.pass('60s');
    expect(await places(s)).toEqual([]);
    await s.client.patch(
      DaemonSet,
      refOf(s),
      { spec: { template: { spec: { nodeSelector: { 'e2e-color': 'green' } } } } },
      { type: 'merge' },
    );
    await s.pass();
    expect(await places(s)).toEqual([node]);
    await paint(null);
  });

  test('should retry creating failed daemon pods [Conformance]', async () => {
    const s = await enter();
    await create(s);
    await s.pass();
    const [pod] = await s.pods();
    await s.client.patch(Pod, pod!.metadata, { status: { phase: 'Failed' } }, { type: 'merge', subresource: 'status' });
    await s.pass('60s');
    const all = await s.pods();
    expect(all.map((one) => one.status.phase)).toEqual(all.map(() => 'Running'));
    expect(all.some((one) => one.metadata.uid === pod!.metadata.uid)).toBe(false);
    expect(await places(s)).toEqual(await nodes(s));
  });

  test('should update pod when spec was updated and update strategy is RollingUpdate [Conformance]', async () => {
    const s = await enter();
    await create(s);
    await s.pass();
    const hash = async () => (await s.pods()).map((pod) => pod.metadata.labels!['controller-revision-hash']);
    const [before] = await hash();
    await setImage(s, 'agnhost:2');
    await s.pass('120s');
    expect(await images(s)).toEqual((await nodes(s)).map(() => 'agnhost:2'));
    expect((await hash()).includes(before)).toBe(false);
    const revisions = (await s.client.list(ControllerRevision, { namespace: s.namespace })).items;
    expect(revisions.map((one) => one.revision).sort()).toEqual([1, 2]);
  });

  test('should rollback without unnecessary restarts [Conformance]', async () => {
    const s = await enter();
    await create(s);
    await s.pass();
    const before = new Set((await s.pods()).map((pod) => pod.metadata.uid));
    const labels = { 'daemonset-name': s.namespace };
    const broken = podTemplate(labels, { image: 'foo:non-existent', sim: { ready: 'false' } });
    await s.client.patch(DaemonSet, refOf(s), { spec: { template: broken } }, { type: 'strategic' });
    await s.pass('60s');
    expect((await images(s)).filter((image) => image === 'foo:non-existent')).toHaveLength(1);
    const original = { ...podTemplate(labels), metadata: { labels, annotations: null } };
    await s.client.patch(DaemonSet, refOf(s), { spec: { template: original } }, { type: 'strategic' });
    await s.pass('120s');
    expect(await images(s)).toEqual((await nodes(s)).map(() => 'agnhost:1'));
    const kept = (await s.pods()).filter((pod) => before.has(pod.metadata.uid));
    expect(kept.length).toBe(before.size - 1);
  });

  test('should list and delete a collection of DaemonSets [Conformance]', async () => {
    const s = await enter();
    await create(s);
    await s.pass();
    expect(await useCollection(s, DaemonSet, `daemonset-name=${s.namespace}`)).toEqual([1, 0]);
  });

  test('should verify changes to a daemon set status [Conformance]', async () => {
    const s = await enter();
    await create(s);
    await s.pass();
    expect(await useStatus(s, DaemonSet, refOf(s))).toContain('StatusPatched');
  });
});

describe('[sig-apps] ControllerRevision [Serial]', () => {
  test('should manage the lifecycle of a ControllerRevision [Conformance]', async () => {
    const s = await enter();
    const labels = { 'daemonset-name': s.namespace };
    const selector = `daemonset-name=${s.namespace}`;
    await s.client.create(DaemonSet, {
      metadata: { namespace: s.namespace, name: 'daemon', labels },
      spec: { selector: { matchLabels: labels }, template: podTemplate(labels) },
    });
    await s.pass();
    const list = async () => (await s.client.list(ControllerRevision, { labelSelector: selector })).items;
    const [first] = await list();
    expect(await list()).toHaveLength(1);
    const patched = await s.client.patch(
      ControllerRevision,
      first!.metadata,
      { metadata: { labels: { [first!.metadata.name]: 'patched' } } },
      { type: 'merge' },
    );
    expect(patched.metadata.labels![first!.metadata.name]).toBe('patched');
    await s.client.create(ControllerRevision, {
      metadata: {
        namespace: s.namespace,
        name: 'second',
        labels,
        ownerReferences: first!.metadata.ownerReferences as never,
      },
      data: first!.data as never,
      revision: first!.revision + 1,
    });
    expect(await list()).toHaveLength(2);
    await s.client.delete(ControllerRevision, first!.metadata);
    await s.pass();
    expect(await list()).toHaveLength(1);
    const [left] = await list();
    const updated = await s.client.update(ControllerRevision, {
      ...left!,
      metadata: { ...left!.metadata, labels: { ...left!.metadata.labels, [left!.metadata.name]: 'updated' } },
    });
    await s.client.patch(
      DaemonSet,
      { namespace: s.namespace, name: 'daemon' },
      { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } } },
      { type: 'strategic' },
    );
    await s.pass('120s');
    expect(await list()).toHaveLength(2);
    await s.client.deleteCollection(ControllerRevision, {
      namespace: s.namespace,
      labelSelector: `${updated.metadata.name}=updated`,
    });
    await s.pass();
    expect((await list()).map(({ revision }) => revision)).toEqual([3]);
  });
});

describe('[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic]', () => {
  const create = (s: Scope, spec: object = {}) => {
    const labels = { ss: s.namespace };
    return s.client.create(StatefulSet, {
      metadata: { namespace: s.namespace, name: 'ss', labels },
      spec: {
        replicas: 3,
        serviceName: 'test',
        selector: { matchLabels: labels },
        template: podTemplate(labels),
        ...spec,
      },
    });
  };
  const refOf = (s: Scope) => ({ namespace: s.namespace, name: 'ss' });
  const patch = (s: Scope, spec: object) => s.client.patch(StatefulSet, refOf(s), { spec }, { type: 'merge' });
  const setImage = (s: Scope, image: string) =>
    s.client.patch(
      StatefulSet,
      refOf(s),
      { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } },
      { type: 'strategic' },
    );
  const images = async (s: Scope) => (await s.pods()).map((pod) => pod.spec.containers[0]!.image);
  const names = async (s: Scope) => (await s.pods()).map((pod) => pod.metadata.name);
  const status = async (s: Scope) => (await s.client.get(StatefulSet, refOf(s))).status;
  /** A readiness probe that begins, or ceases, to fail. */
  const setReady = async (s: Scope, name: string, ready: boolean) => {
    const where = { namespace: s.namespace, name };
    const annotations = { 'sim.timonel.dev/ready': String(ready) };
    const pod = await s.client.patch(Pod, where, { metadata: { annotations } }, { type: 'merge' });
    // What makes a pod ready again is the node; that it is not, is said for it here.
    if (ready) return;
    const lastTransitionTime = formatTime(s.cluster.clock.now());
    const conditions = pod.status.conditions!.map((one) =>
      one.type === 'Ready' ? { ...one, status: 'False', lastTransitionTime } : one,
    );
    const containerStatuses = pod.status.containerStatuses!.map((one) => ({ ...one, ready: false }));
    await s.client.updateStatus(Pod, { ...pod, status: { ...pod.status, conditions, containerStatuses } });
  };

  test('should perform rolling updates and roll backs of template modifications [Conformance]', async () => {
    const s = await enter();
    await create(s);
    await s.pass('30s');
    const first = await status(s);
    expect(first.currentRevision).toBe(first.updateRevision);
    await setImage(s, 'agnhost:2');
    await s.pass('120s');
    expect(await images(s)).toEqual(['agnhost:2', 'agnhost:2', 'agnhost:2']);
    const second = await status(s);
    expect(second.currentRevision).toBe(second.updateRevision);
    expect(second.currentRevision).not.toBe(first.currentRevision);
    await setImage(s, 'agnhost:1');
    await s.pass('120s');
    expect(await images(s)).toEqual(['agnhost:1', 'agnhost:1', 'agnhost:1']);
    expect((await status(s)).currentRevision).toBe(first.currentRevision);
  });

  test('should perform canary updates and phased rolling updates of template modifications [Conformance]', async () => {
    const s = await enter();
    const partition = (value: number) => ({
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: value } },
    });
    await create(s, partition(3));
    await s.pass('30s');
    await setImage(s, 'agnhost:2');
    await s.pass('60s');
    expect(await images(s)).toEqual(['agnhost:1', 'agnhost:1', 'agnhost:1']);
    await patch(s, partition(2));
    await s.pass('60s');
    expect(await images(s)).toEqual(['agnhost:1', 'agnhost:1', 'agnhost:2']);
    await s.client.delete(Pod, { namespace: s.namespace, name: 'ss-0' }, { gracePeriodSeconds: 0 });
    await s.client.delete(Pod, { namespace: s.namespace, name: 'ss-2' }, { gracePeriodSeconds: 0 });
    await s.pass('60s');
    expect(await images(s)).toEqual(['agnhost:1', 'agnhost:1', 'agnhost:2']);
    await patch(s, partition(0));
    await s.pass('120s');
    expect(await images(s)).toEqual(['agnhost:2', 'agnhost:2', 'agnhost:2']);
  });

  test('Scaling should happen in predictable order and halt if any stateful pod is unhealthy [Slow] [Conformance]', async () => {
    const s = await enter();
    await create(s, { replicas: 1 });
    await s.pass();
    await setReady(s, 'ss-0', false);
    await patch(s, { replicas: 3 });
    await s.pass();
    expect(await names(s)).toEqual(['ss-0']);
    await setReady(s, 'ss-0', true);
    await s.pass('30s');
    expect(await names(s)).toEqual(['ss-0', 'ss-1', 'ss-2']);
    for (const name of await names(s)) await setReady(s, name, false);
    await patch(s, { replicas: 0 });
    await s.pass('60s');
    expect(await names(s)).toEqual(['ss-0', 'ss-1', 'ss-2']);
    for (const name of await names(s)) await setReady(s, name, true);
    await s.pass('120s');
    expect(await names(s)).toEqual([]);
  });

  test('Burst scaling should run to completion even with unhealthy pods [Slow] [Conformance]', async () => {
    const s = await enter();
    const labels = { ss: s.namespace };
    await create(s, { podManagementPolicy: 'Parallel', template: podTemplate(labels, { sim: { ready: 'false' } }) });
    await s.pass();
    expect(await names(s)).toEqual(['ss-0', 'ss-1', 'ss-2']);
    await patch(s, { replicas: 0 });
    await s.pass('60s');
    expect(await names(s)).toEqual([]);
  });

  test('Should recreate evicted statefulset [Conformance]', async () => {
    const s = await enter();
    await create(s, { replicas: 1 });
    await s.pass();
    const [pod] = await s.pods();
    await s.client.patch(Pod, pod!.metadata, { status: { phase: 'Failed' } }, { type: 'merge', subresource: 'status' });
    await s.pass('60s');
    const [next] = await s.pods();
    expect(next).toMatchObject({ metadata: { name: 'ss-0' }, status: { phase: 'Running' } });
    expect(next!.metadata.uid).not.toBe(pod!.metadata.uid);
  });

  test('should have a working scale subresource [Conformance]', async () => {
    const s = await enter();
    await create(s, { replicas: 1 });
    expect(await useScale(s, StatefulSet, refOf(s))).toEqual([1, 2, 4]);
  });

  test('should list, patch and delete a collection of StatefulSets [Conformance]', async () => {
    const s = await enter();
    await create(s, { replicas: 1 });
    await s.pass();
    expect(await useCollection(s, StatefulSet, `ss=${s.namespace}`)).toEqual([1, 0]);
  });

  test('should validate Statefulset Status endpoints [Conformance]', async () => {
    const s = await enter();
    await create(s, { replicas: 1 });
    await s.pass();
    expect(await useStatus(s, StatefulSet, refOf(s))).toContain('StatusPatched');
  });
});
