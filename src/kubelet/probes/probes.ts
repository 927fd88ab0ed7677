/** What the probes of all containers say, by container id. */
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { ProbeVerdict, ProbeVerdicts } from '../pods/actions.ts';
import type { RuntimeContainer, RuntimePod } from '../pods/pod-runtime.ts';

/** How often a probe of a container was answered how, over its restarts. */
export interface ProbeCount {
  readonly pod: Shared<Pod>;
  readonly container: string;
  readonly kind: 'Startup' | 'Readiness' | 'Liveness';
  readonly results: Record<'successful' | 'failed', number>;
}

export interface Probes extends ProbeVerdicts {
  /** Starts, keeps or ends probing to fit what runs; called after each look at a pod. */
  sync(pod: Shared<Pod>, current: RuntimePod): void;
  readiness(containerId: string): ProbeVerdict;
  /** Whether the container counts as ready: it runs, has started, and its readiness probe (if any) says so. */
  isReady(pod: Shared<Pod>, container: RuntimeContainer): boolean;
  isStarted(pod: Shared<Pod>, container: RuntimeContainer): boolean;
  /** Ends liveness and startup probes of a pod that is being ended. */
  stopLiveness(podUid: string): void;
  remove(podUid: string): void;
  /** Of the probes of all pods that are not removed. */
  counts(): ProbeCount[];
  close(): void;
}
