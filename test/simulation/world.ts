/** The simulated cluster as it is at a moment. */
import { ControllerRevision } from '../../src/api/apps/controller-revision.ts';
import { DaemonSet } from '../../src/api/apps/daemon-set.ts';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import { StatefulSet } from '../../src/api/apps/stateful-set.ts';
import { CronJob } from '../../src/api/batch/cron-job.ts';
import { Job } from '../../src/api/batch/job.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ResourceQuota } from '../../src/api/core/resource-quota.ts';
import { Service } from '../../src/api/core/service.ts';
import { EndpointSlice } from '../../src/api/discovery/endpoint-slice.ts';
import type { KindRef, KubeObject, Shared } from '../../src/api/kind.ts';
import { scaledValue } from '../../src/api/machinery/int-or-string.ts';
import type { Client } from '../../src/client/client.ts';

export const namespace = 'sim';

export interface World {
  readonly pods: readonly Shared<Pod>[];
  readonly nodes: readonly Shared<Node>[];
  readonly deployments: readonly Shared<Deployment>[];
  readonly replicaSets: readonly Shared<ReplicaSet>[];
  readonly statefulSets: readonly Shared<StatefulSet>[];
  readonly daemonSets: readonly Shared<DaemonSet>[];
  readonly jobs: readonly Shared<Job>[];
  readonly cronJobs: readonly Shared<CronJob>[];
  readonly services: readonly Shared<Service>[];
  readonly quotas: readonly Shared<ResourceQuota>[];
  readonly configMaps: readonly Shared<ConfigMap>[];
  readonly slices: readonly Shared<EndpointSlice>[];
  readonly revisions: readonly Shared<ControllerRevision>[];
}

export async function look(client: Client): Promise<World> {
  const items = async <T extends KubeObject>(kind: KindRef<T>) => (await client.list(kind, { namespace })).items;
  return {
    pods: await items(Pod),
    nodes: (await client.list(Node)).items,
    deployments: await items(Deployment),
    replicaSets: await items(ReplicaSet),
    statefulSets: await items(StatefulSet),
    daemonSets: await items(DaemonSet),
    jobs: await items(Job),
    cronJobs: await items(CronJob),
    services: await items(Service),
    quotas: await items(ResourceQuota),
    configMaps: await items(ConfigMap),
    slices: await items(EndpointSlice),
    revisions: await items(ControllerRevision),
  };
}

export const isOver = (pod: Shared<Pod>): boolean => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
export const isGoing = (pod: Shared<Pod>): boolean => pod.metadata.deletionTimestamp !== undefined;
export const isReady = (pod: Shared<Pod>): boolean =>
  pod.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
export const controllerOf = (object: Shared<KubeObject>) => object.metadata.ownerReferences?.find((o) => o.controller);
export const nameOf = (object: Shared<KubeObject>) => `${object.kind} ${object.metadata.name}`;

/** The pods of a deployment through its replica sets. */
export function podsOf(world: World, deployment: Shared<Deployment>): readonly Shared<Pod>[] {
  const sets = new Set(
    world.replicaSets
      .filter((set) => controllerOf(set)?.uid === deployment.metadata.uid)
      .map((set) => set.metadata.uid),
  );
  return world.pods.filter((pod) => sets.has(controllerOf(pod)?.uid ?? ''));
}

/** The most pods that a deployment may have when nothing else has happened to it. */
export function surgeOf(deployment: Shared<Deployment>): number {
  const replicas = deployment.spec.replicas ?? 1;
  if (deployment.spec.strategy?.type === 'Recreate') return replicas;
  return (
    replicas + scaledValue(deployment.spec.strategy?.rollingUpdate?.maxSurge ?? '25%', replicas, { roundUp: true })
  );
}
