/** How many pods the controllers of a set of pods are meant to have. */
import { Deployment } from '../../api/apps/deployment.ts';
import { ReplicaSet } from '../../api/apps/replica-set.ts';
import { StatefulSet } from '../../api/apps/stateful-set.ts';
import type { Pod } from '../../api/core/pod.ts';
import { ReplicationController } from '../../api/core/replication-controller.ts';
import type { KindRef, KubeObject, Shared } from '../../api/kind.ts';
import type { Scale } from '../../api/types/autoscaling-v1.ts';
import type { ControllerContext } from '../../client/reconcile.ts';
import { apiResourceCache } from '../api-resources.ts';
import { controllerOf } from '../ownership.ts';

interface Counted {
  readonly uid: string;
  readonly replicas: number;
}

export interface ExpectedScale {
  readonly scale: number;
  /** Names of pods without a controller, which cannot be counted. */
  readonly unmanaged: readonly string[];
}

/** The sum of the sizes of all controllers of the pods, each counted once. Throws when one cannot be sized. */
export async function expectedScale(pods: readonly Shared<Pod>[], context: ControllerContext): Promise<ExpectedScale> {
  const sizes = new Map<string, number>();
  const asked = new Map<string, Promise<Counted | undefined>>();
  const unmanaged: string[] = [];
  for (const pod of pods) {
    const ref = controllerOf(pod);
    if (!ref) {
      unmanaged.push(pod.metadata.name);
      continue;
    }
    let answer = asked.get(ref.uid);
    if (!answer) {
      answer = sizeOf(ref, pod.metadata.namespace, context);
      asked.set(ref.uid, answer);
    }
    const counted = await answer;
    if (!counted) {
      throw new Error(`found no controllers for pod ${JSON.stringify(pod.metadata.name)}`);
    }
    sizes.set(counted.uid, counted.replicas);
  }
  return { scale: [...sizes.values()].reduce((sum, size) => sum + size, 0), unmanaged };
}

type Ref = NonNullable<ReturnType<typeof controllerOf>>;

async function sizeOf(ref: Ref, namespace: string, context: ControllerContext): Promise<Counted | undefined> {
  const known = <T extends KubeObject & { spec: { replicas?: number } }>(kind: KindRef<T>) => {
    const object = context.lister(kind).get(namespace, ref.name);
    return object?.metadata.uid === ref.uid ? (object as unknown as Sized) : undefined;
  };
  const plain = (object: Sized | undefined): Counted | undefined =>
    object && { uid: object.metadata.uid, replicas: object.spec.replicas ?? 1 };
  if (ref.kind === 'ReplicaSet' && ref.apiVersion === 'apps/v1') {
    const set = known(ReplicaSet);
    const parent = set && controllerOf(set);
    if (parent?.kind === 'Deployment') {
      const deployment = context.lister(Deployment).get(namespace, parent.name);
      return deployment?.metadata.uid === parent.uid ? plain(deployment as unknown as Sized) : undefined;
    }
    return plain(set);
  }
  if (ref.kind === 'StatefulSet' && ref.apiVersion === 'apps/v1') return plain(known(StatefulSet));
  if (ref.kind === 'ReplicationController' && ref.apiVersion === 'v1') return plain(known(ReplicationController));
  return throughScale(ref, namespace, context);
}

type Sized = Shared<KubeObject & { spec: { replicas?: number } }>;

/** Any other controller is asked for its scale subresource. */
async function throughScale(ref: Ref, namespace: string, context: ControllerContext): Promise<Counted | undefined> {
  const group = ref.apiVersion.includes('/') ? ref.apiVersion.slice(0, ref.apiVersion.indexOf('/')) : '';
  const resource = (await apiResourceCache(context.client, context.informers).get()).find(group, ref.kind);
  if (!resource) return undefined;
  const where = { ...(resource.namespaced ? { namespace } : {}), name: ref.name, subresource: 'scale' };
  const scale = await context.client.subresource<Scale>('get', resource, where);
  return scale.metadata?.uid === ref.uid ? { uid: ref.uid, replicas: scale.spec.replicas ?? 0 } : undefined;
}
