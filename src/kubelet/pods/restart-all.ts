/** Starting a pod over in place, because a container ended as its rules say (KEP-5532). */
import type { Shared } from '../../api/kind.ts';
import type { Container, Pod } from '../../api/types/core-v1.ts';
import type { KubeletContext } from '../context.ts';
import { containerFieldPath } from '../images/image-puller.ts';
import { matchingRule } from './actions.ts';
import { latestContainer, type RuntimeContainer, type RuntimePod } from './pod-runtime.ts';

/** What a container gets to stop, without its preStop hook: the pod's work begins anew in any case. */
const graceSeconds = 1;

const containersOf = (pod: Shared<Pod>): readonly Shared<Container>[] => [
  ...(pod.spec.initContainers ?? []),
  ...pod.spec.containers,
];

/** Whether a rule of a pod may start all of it over. */
export const mayRestartAll = (pod: Shared<Pod>): boolean =>
  containersOf(pod).some((container) =>
    container.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
  );

/** The container whose end starts the pod over. */
export function restartTrigger(pod: Shared<Pod>, current: RuntimePod): RuntimeContainer | undefined {
  for (const container of containersOf(pod)) {
    const last = latestContainer(current, container.name);
    if (last?.state === 'exited' && matchingRule(container, last.exitCode) === 'RestartAllContainers') return last;
  }
  return undefined;
}

const ownContainers = (pod: Shared<Pod>, current: RuntimePod): RuntimeContainer[] => {
  const names = new Set(containersOf(pod).map(({ name }) => name));
  return current.containers.filter(({ name }) => names.has(name));
};

/** Ends the containers that run. Ephemeral ones stay, for they are never started again. */
export async function endForRestart(
  context: Pick<KubeletContext, 'runtime' | 'events'>,
  pod: Shared<Pod>,
  { current, trigger }: { current: RuntimePod; trigger: RuntimeContainer },
): Promise<void> {
  await Promise.all(
    ownContainers(pod, current)
      .filter(({ state }) => state === 'running' || state === 'unknown')
      .map(async ({ id, name }) => {
        const message = `Stopping container ${name}: all are restarted because container ${trigger.name} ended`;
        context.events.event(pod as never, 'Normal', 'Killing', message, { fieldPath: containerFieldPath(pod, name) });
        await context.runtime.runtime.stopContainer({ container_id: id, timeout: graceSeconds });
      }),
  );
}

/**
 * Removes the containers from their sandbox, so that the pod is initialized anew. The one that caused it goes last: an
 * agent that is interrupted goes on with it.
 */
export async function removeForRestart(
  { runtime }: Pick<KubeletContext, 'runtime'>,
  pod: Shared<Pod>,
  { current, trigger }: { current: RuntimePod; trigger: RuntimeContainer },
): Promise<void> {
  for (const { id } of ownContainers(pod, current)) {
    if (id !== trigger.id) await runtime.runtime.removeContainer({ container_id: id });
  }
  await runtime.runtime.removeContainer({ container_id: trigger.id });
}
