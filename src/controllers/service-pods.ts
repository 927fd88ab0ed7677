/** Which services select a pod, and what of a pod they publish: shared by endpoints and endpoint slices. */
import { Pod } from '../api/core/pod.ts';
import { Service } from '../api/core/service.ts';
import type { Shared } from '../api/kind.ts';
import type { ObjectReference, ServicePort } from '../api/types/core-v1.ts';
import type { Informer, Lister } from '../client/informer.ts';
import { type ControllerContext, keyOf, type ObjectKey, type WatchSource } from '../client/reconcile.ts';
import { isPodReady, isPodTerminal } from './pods/state.ts';

type Labels = Readonly<Record<string, string>>;

/** Whether a service's plain selector matches; services without one select nothing. */
export function selects(service: Shared<Service>, labels: Labels | undefined): boolean {
  const { selector } = service.spec;
  if (!selector) return false;
  let some = false;
  for (const name in selector) {
    if (labels?.[name] !== selector[name]) return false;
    some = true;
  }
  return some;
}

/** The pods that a service selects. */
export function selectedPods(service: Shared<Service>, pods: Lister<Pod>): Shared<Pod>[] {
  return pods.list(service.metadata.namespace).filter((pod) => selects(service, pod.metadata.labels));
}

/** The services to look at when a pod changes: those that select it now or did before. */
export const podsOfServices: WatchSource<Pod> = {
  kind: Pod,
  changed: publishedDiffers,
  keys(pod, context, old) {
    const keys: ObjectKey[] = [];
    for (const service of context.lister(Service).list(pod.metadata.namespace)) {
      if (selects(service, pod.metadata.labels) || (old && selects(service, old.metadata.labels))) {
        keys.push(keyOf(service));
      }
    }
    return keys;
  },
};

const byNode = 'node';

/** Indexes pods by the node they are on. */
export function indexByNode(pods: Informer<Pod>): Informer<Pod> {
  pods.addIndex(byNode, (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []));
  return pods;
}

/** The pods of a node. */
export function podsOnNode(context: ControllerContext, node: string): readonly Shared<Pod>[] {
  return indexByNode(context.informers.informer(Pod)).byIndex(byNode, node);
}

function publishedDiffers(pod: Shared<Pod>, old: Shared<Pod>): boolean {
  return (
    pod.metadata.labels !== old.metadata.labels ||
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    pod.status.podIP !== old.status.podIP ||
    pod.status.podIPs?.length !== old.status.podIPs?.length ||
    pod.spec.nodeName !== old.spec.nodeName ||
    isPodReady(pod) !== isPodReady(old) ||
    isPodTerminal(pod) !== isPodTerminal(old)
  );
}

/** The number of the port that a service port leads to on a pod; undefined when the pod has no port of that name. */
export function targetPortOf(pod: Shared<Pod>, port: Shared<ServicePort>): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target === 0 ? port.port : target;
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...pod.spec.containers, ...sidecars]) {
    for (const candidate of container.ports ?? []) {
      if (candidate.name === target && (candidate.protocol ?? 'TCP') === (port.protocol ?? 'TCP')) {
        return candidate.containerPort;
      }
    }
  }
  return undefined;
}

/** The host name under which a headless service publishes the pod. */
export function publishedHostname(pod: Shared<Pod>, service: Shared<Service>): string | undefined {
  return pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;
}

export const isIPv6 = (address: string): boolean => address.includes(':');

/** How endpoints name their pod; without an API version, as upstream writes it. */
export function podReference({ metadata }: Shared<Pod>): ObjectReference {
  const { namespace, name, uid } = metadata;
  return { kind: 'Pod', namespace, name, uid } as ObjectReference;
}
