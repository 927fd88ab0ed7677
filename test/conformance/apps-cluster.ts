/** One cluster in virtual time for the tests that follow upstream's conformance list of sig-apps, a namespace for each test. */
import { afterAll, beforeAll } from 'vitest';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Pod } from '../../src/api/core/pod.ts';
import type { KindRef, KubeObject, Shared } from '../../src/api/kind.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';

export interface Scope {
  readonly cluster: Cluster;
  readonly client: Cluster['client'];
  readonly namespace: string;
  /** The pods of the namespace, by name. */
  pods(labelSelector?: string): Promise<Shared<Pod>[]>;
  /** Lets a time pass, `10s` unless told. */
  pass(duration?: string): Promise<void>;
}

/** Starts the cluster for a file; what it returns gives a test its namespace. */
export function appsCluster(nodes = 2): () => Promise<Scope> {
  let cluster: Cluster | undefined;
  let count = 0;
  beforeAll(async () => {
    cluster = await startCluster({ clock: 'virtual', nodes, seed: 11 });
  });
  afterAll(() => cluster?.stop());
  return async () => {
    const { client } = cluster!;
    const namespace = `conformance-${++count}`;
    await client.create(Namespace, { metadata: { name: namespace } });
    await cluster!.settle();
    return {
      cluster: cluster!,
      client,
      namespace,
      async pods(labelSelector) {
        const { items } = await client.list(Pod, { namespace, ...(labelSelector ? { labelSelector } : {}) });
        return [...items].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
      },
      pass: (duration = '10s') => cluster!.advance(duration),
    };
  };
}

/** A pod template; annotations tell simulated nodes what becomes of its pods. */
export const podTemplate = (
  labels: Record<string, string>,
  more: { image?: string; sim?: Record<string, string> } = {},
) => ({
  metadata: {
    labels,
    annotations: Object.fromEntries(
      Object.entries(more.sim ?? {}).map(([key, value]) => [`sim.timonel.dev/${key}`, value]),
    ),
  },
  spec: { containers: [{ name: 'main', image: more.image ?? 'agnhost:1' }] },
});

interface Ref {
  readonly namespace: string;
  readonly name: string;
}

interface ScaleBody {
  spec: { replicas?: number };
  [field: string]: unknown;
}

/** get, update and patch of `scale`; the sizes that the object has after each. */
export async function useScale(scope: Scope, kind: KindRef, ref: Ref): Promise<(number | undefined)[]> {
  const where = { ...ref, subresource: 'scale' };
  const first = await scope.client.subresource<ScaleBody>('get', kind, where);
  await scope.client.subresource('update', kind, where, { ...first, spec: { replicas: 2 } });
  await scope.pass();
  const second = await scope.client.subresource<ScaleBody>('get', kind, where);
  await scope.client.patch(kind, ref, { spec: { replicas: 4 } }, { type: 'merge', subresource: 'scale' });
  await scope.pass();
  const third = await scope.client.subresource<ScaleBody>('get', kind, where);
  return [first.spec.replicas, second.spec.replicas, third.spec.replicas];
}

interface Conditioned extends KubeObject {
  status: { conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}

/** Read, update and patch of `status`; the condition types that are seen at the end. */
export async function useStatus(scope: Scope, kind: KindRef, ref: Ref): Promise<string[]> {
  const of = kind as KindRef<Conditioned>;
  const seen = (await scope.client.subresource('get', of, { ...ref, subresource: 'status' })) as Shared<Conditioned>;
  const condition = (type: string) => ({ type, status: 'True', reason: 'E2E', message: 'Set from e2e test' });
  await scope.client.updateStatus(of, {
    ...seen,
    status: { ...seen.status, conditions: [...(seen.status.conditions ?? []), condition('StatusUpdate')] },
  } as Shared<Conditioned>);
  const patch = { status: { conditions: [condition('StatusPatched')] } };
  await scope.client.patch(of, ref, patch, { type: 'merge', subresource: 'status' });
  const last = await scope.client.get(of, ref);
  return (last.status.conditions ?? []).map(({ type }) => type);
}

/** Lists by label in all namespaces, then deletes the collection; how many there were before and after. */
export async function useCollection(scope: Scope, kind: KindRef, labelSelector: string): Promise<[number, number]> {
  const before = (await scope.client.list(kind, { labelSelector })).items.length;
  await scope.client.deleteCollection(kind, { namespace: scope.namespace, labelSelector });
  await scope.pass();
  return [before, (await scope.client.list(kind, { labelSelector })).items.length];
}
