/** What a pod needs next: its spec against what runs, without doing anything. One level-triggered step. */
import type { Shared } from '../../api/kind.ts';
import type { Container, EphemeralContainer, Pod } from '../../api/types/core-v1.ts';
import { latestContainer, type RuntimeContainer, type RuntimePod } from './pod-runtime.ts';
import { containerHash } from './runtime-labels.ts';

export type ProbeVerdict = 'success' | 'failure' | 'unknown';

/** What probes say of a container by its id. */
export interface ProbeVerdicts {
  liveness(containerId: string): ProbeVerdict;
  startup(containerId: string): ProbeVerdict;
}

export interface ContainerToKill {
  readonly container: RuntimeContainer;
  readonly message: string;
  readonly reason: 'changed' | 'liveness' | 'startup' | 'unknown';
}

export interface PodActions {
  /** The sandbox (with all in it) must go: it is broken, or the pod is done. */
  readonly killPod: boolean;
  readonly createSandbox: boolean;
  /** The attempt number of the sandbox to create. */
  readonly attempt: number;
  readonly initContainersToStart: readonly Shared<Container>[];
  readonly containersToStart: readonly Shared<Container>[];
  readonly ephemeralContainersToStart: readonly Shared<EphemeralContainer>[];
  readonly containersToKill: readonly ContainerToKill[];
}

const restartsAlways = (container: Shared<Container>) => container.restartPolicy === 'Always';

/** Whether a container that is not running is to be started (again). */
export function shouldStart(
  pod: Shared<Pod>,
  container: Shared<Container>,
  last: RuntimeContainer | undefined,
): boolean {
  if (pod.metadata.deletionTimestamp) return false;
  if (!last || last.state === 'created' || last.state === 'unknown') return true;
  if (last.state === 'running') return false;
  return restartsAfter(pod, container, last.exitCode);
}

/** Whether a container that has ended is to run again: by its rules, its own policy, or the pod's. */
export function restartsAfter(pod: Shared<Pod>, container: Shared<Container>, exitCode: number): boolean {
  const rule = matchingRule(container, exitCode);
  if (rule) return rule === 'Restart' || rule === 'RestartAllContainers';
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? 'Always';
  if (policy === 'Never') return false;
  return policy === 'Always' || exitCode !== 0;
}

/** What the first rule says that an exit code matches. */
export function matchingRule(container: Shared<Container>, exitCode: number): string | undefined {
  for (const rule of container.restartPolicyRules ?? []) {
    const values: readonly number[] = rule.exitCodes?.values ?? [];
    const has = values.includes(exitCode);
    if (rule.exitCodes && (rule.exitCodes.operator === 'NotIn' ? !has : has)) return rule.action;
  }
  return undefined;
}

/** Whether and as which attempt a new sandbox is needed. */
export function sandboxChange(pod: Shared<Pod>, current: RuntimePod): { changed: boolean; attempt: number } {
  const latest = current.sandboxes[0];
  if (!latest) return { changed: true, attempt: 0 };
  const ready = current.sandboxes.filter((sandbox) => sandbox.ready);
  const changed =
    ready.length > 1 ||
    !latest.ready ||
    latest.hostNetwork !== (pod.spec.hostNetwork ?? false) ||
    (!latest.hostNetwork && latest.ips.length === 0);
  return { changed, attempt: changed ? latest.attempt + 1 : latest.attempt };
}

/** Whether any of the pod's main containers was ever made in this sandbox's life: initialization is then over. */
export function hasStartedMain(pod: Shared<Pod>, current: RuntimePod): boolean {
  return pod.spec.containers.some((container) => latestContainer(current, container.name) !== undefined);
}

const nothing: PodActions = {
  killPod: false,
  createSandbox: false,
  attempt: 0,
  initContainersToStart: [],
  containersToStart: [],
  ephemeralContainersToStart: [],
  containersToKill: [],
};

export function computeActions(pod: Shared<Pod>, current: RuntimePod, probes: ProbeVerdicts): PodActions {
  const sandbox = sandboxChange(pod, current);
  if (sandbox.changed) return actionsForNewSandbox(pod, current, sandbox.attempt);

  const init = initActions(pod, current, probes);
  const ephemeral = (pod.spec.ephemeralContainers ?? []).filter((c) => !latestContainer(current, c.name));
  const base = { ...nothing, attempt: sandbox.attempt, ephemeralContainersToStart: ephemeral };
  if (!init.done) {
    return { ...base, killPod: init.failed, initContainersToStart: init.start, containersToKill: init.kill };
  }
  const start: Shared<Container>[] = [];
  const kill: ContainerToKill[] = [...init.kill];
  let kept = 0;
  for (const container of pod.spec.containers) {
    const last = latestContainer(current, container.name);
    if (last?.state !== 'running') {
      if (last?.state === 'unknown') {
        kill.push({
          container: last,
          reason: 'unknown',
          message: `Container is in "unknown" state, try killing it before restart`,
        });
      }
      if (shouldStart(pod, container, last)) start.push(container);
      continue;
    }
    const reason = reasonToKill(container, last, probes);
    if (!reason) {
      kept++;
      continue;
    }
    const restart = reason.reason === 'changed' || (container.restartPolicy ?? pod.spec.restartPolicy) !== 'Never';
    if (restart) start.push(container);
    kill.push({ ...reason, message: restart ? `${reason.message}, will be restarted` : reason.message });
  }
  if (kept === 0 && start.length === 0) return { ...base, killPod: true, ephemeralContainersToStart: [] };
  return { ...base, containersToStart: start, initContainersToStart: init.start, containersToKill: kill };
}

function actionsForNewSandbox(pod: Shared<Pod>, current: RuntimePod, attempt: number): PodActions {
  const fresh = { ...nothing, killPod: true, createSandbox: true, attempt };
  if (pod.spec.restartPolicy === 'Never' && attempt !== 0 && current.containers.length > 0) {
    return { ...fresh, createSandbox: false };
  }
  const start = pod.spec.containers.filter((container) => {
    const last = latestContainer(current, container.name);
    const policy = container.restartPolicy ?? pod.spec.restartPolicy;
    return !(policy === 'OnFailure' && last?.state === 'exited' && last.exitCode === 0);
  });
  if (start.length === 0) return { ...fresh, createSandbox: false };
  const [first] = pod.spec.initContainers ?? [];
  // A new sandbox is initialized anew.
  return first ? { ...fresh, initContainersToStart: [first] } : { ...fresh, containersToStart: start };
}

function reasonToKill(
  container: Shared<Container>,
  running: RuntimeContainer,
  probes: ProbeVerdicts,
): ContainerToKill | undefined {
  const kill = (reason: ContainerToKill['reason'], message: string) => ({ container: running, reason, message });
  if (running.hash && running.hash !== containerHash(container)) {
    return kill('changed', `Container ${container.name} definition changed`);
  }
  if (container.livenessProbe && probes.liveness(running.id) === 'failure') {
    return kill('liveness', `Container ${container.name} failed liveness probe`);
  }
  if (container.startupProbe && probes.startup(running.id) === 'failure') {
    return kill('startup', `Container ${container.name} failed startup probe`);
  }
  return undefined;
}

interface InitActions {
  /** All init containers have done their part: main containers may run. */
  readonly done: boolean;
  /** One failed for good. */
  readonly failed: boolean;
  readonly start: readonly Shared<Container>[];
  readonly kill: readonly ContainerToKill[];
}

/** Init containers in their order; those with restartPolicy Always (sidecars) only have to have started. */
function initActions(pod: Shared<Pod>, current: RuntimePod, probes: ProbeVerdicts): InitActions {
  const all = pod.spec.initContainers ?? [];
  const start: Shared<Container>[] = [];
  const kill: ContainerToKill[] = [];
  const initialized = hasStartedMain(pod, current);
  const furthest = all.findLastIndex((container) => latestContainer(current, container.name) !== undefined);
  for (const [i, container] of all.entries()) {
    const last = latestContainer(current, container.name);
    if (restartsAlways(container)) {
      if (last?.state === 'running') {
        const reason = reasonToKill(container, last, probes);
        if (reason) {
          kill.push({ ...reason, message: `${reason.message}, will be restarted` });
          start.push(container);
        } else if (container.startupProbe && probes.startup(last.id) !== 'success' && !initialized) {
          return { done: false, failed: false, start, kill };
        }
        continue;
      }
      start.push(container);
      if (!initialized && (!last || i >= furthest)) return { done: false, failed: false, start, kill };
      continue;
    }
    // Its container may have been removed since; what came after it proves that it was done.
    if (initialized || i < furthest) continue;
    if (!last) return { done: false, failed: false, start: [...start, container], kill };
    if (last.state === 'running') {
      if (last.hash && last.hash !== containerHash(container)) {
        const message = `Init container ${container.name} definition changed, will be restarted`;
        return {
          done: false,
          failed: false,
          start: [...start, container],
          kill: [{ container: last, reason: 'changed', message }],
        };
      }
      return { done: false, failed: false, start, kill };
    }
    if (last.state === 'exited' && last.exitCode === 0) continue;
    if (!shouldStart(pod, container, last)) return { done: false, failed: true, start: [], kill };
    return { done: false, failed: false, start: [...start, container], kill };
  }
  return { done: true, failed: false, start, kill };
}
