/** What the agent writes on sandboxes and containers, so that the next agent knows them again. Names are upstream's. */
import { createHash } from 'node:crypto';
import type { Shared } from '../../api/kind.ts';
import type { Container, EphemeralContainer, Pod } from '../../api/types/core-v1.ts';

export const labelNames = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
  /** Which agent made it, because several may use one runtime. */
  agent: 'timonel.dev/agent',
} as const;

export const annotationNames = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  gracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
  preStop: 'io.kubernetes.container.preStopHandler',
  /** The resources that a container was created with. */
  resources: 'timonel.dev/resources',
} as const;

/** The value of the agent's label: an agent is known by its directory. */
export function agentId(rootDir: string): string {
  return createHash('sha1').update(rootDir).digest('hex').slice(0, 16);
}

/** Labels of a pod's sandbox: the pod's own and its identity. */
export function sandboxLabels(pod: Shared<Pod>, rootDir: string): Record<string, string> {
  return {
    ...pod.metadata.labels,
    [labelNames.agent]: agentId(rootDir),
    [labelNames.podName]: pod.metadata.name!,
    [labelNames.podNamespace]: pod.metadata.namespace!,
    [labelNames.podUid]: pod.metadata.uid!,
  };
}

export function containerLabels(pod: Shared<Pod>, container: { readonly name: string }): Record<string, string> {
  return {
    [labelNames.podName]: pod.metadata.name!,
    [labelNames.podNamespace]: pod.metadata.namespace!,
    [labelNames.podUid]: pod.metadata.uid!,
    [labelNames.containerName]: container.name,
  };
}

export function containerAnnotations(
  pod: Shared<Pod>,
  container: Shared<Container | EphemeralContainer>,
  { restartCount, resources }: { readonly restartCount: number; readonly resources: object },
): Record<string, string> {
  const grace = pod.spec.terminationGracePeriodSeconds;
  const preStop = container.lifecycle?.preStop;
  return {
    [annotationNames.hash]: containerHash(container),
    [annotationNames.restartCount]: String(restartCount),
    [annotationNames.resources]: JSON.stringify(resources),
    [annotationNames.terminationMessagePath]: container.terminationMessagePath ?? '',
    [annotationNames.terminationMessagePolicy]: container.terminationMessagePolicy ?? 'File',
    ...(grace === undefined ? {} : { [annotationNames.gracePeriod]: String(grace) }),
    ...(preStop ? { [annotationNames.preStop]: JSON.stringify(preStop) } : {}),
  };
}

/** What makes a container another one: a change of these restarts it in place. Of what may change, only the image does. */
export function containerHash(container: { readonly name: string; readonly image?: string }): string {
  return createHash('sha1')
    .update(JSON.stringify([container.name, container.image ?? '']))
    .digest('hex')
    .slice(0, 8);
}
