/** The workers of all pods of the node: one for each pod that the API or the runtime knows. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import type { Timer } from '../../base/clock.ts';
import type { Informer } from '../../client/informer.ts';
import { type ContainerWatch, watchContainers } from '../../cri/events.ts';
import { tearDownVolumes } from '../volumes/pod-volumes.ts';
import { admitPod } from './admission.ts';
import { removeFromRuntime } from './pod-ending.ts';
import type { PodKit } from './pod-kit.ts';
import { PodWorker } from './pod-worker.ts';
import { qosCgroup } from './resources.ts';
import { agentId, labelNames } from './runtime-labels.ts';

const pollMs = 1000;
/** Everything is looked at this often even when nothing says that it changed. */
const resyncMs = 30_000;
const housekeepingMs = 10_000;

export class PodWorkers {
  readonly #workers = new Map<string, PodWorker>();
  readonly #kit: PodKit;
  readonly #informer: Informer<Pod>;
  /** Which pod a container or sandbox belongs to; filled as they are met. */
  readonly #podOfContainer = new Map<string, string>();
  readonly #timers: Timer[] = [];
  #watch: ContainerWatch | undefined;
  #removeHandler: (() => void) | undefined;
  /** Pods that only the runtime knows, while they are being removed. */
  readonly #orphans = new Set<string>();

  constructor(kit: PodKit, informer: Informer<Pod>) {
    this.#kit = kit;
    this.#informer = informer;
  }

  /** Begins when the pods of the node are known, so that none is taken for an orphan. */
  async start(): Promise<void> {
    const { clock, log, runtime } = this.#kit.context;
    await this.#informer.whenSynced();
    this.#removeHandler = this.#informer.addHandler({
      onAdd: (pod) => this.#seen(pod),
      onUpdate: (pod) => this.#seen(pod),
      onDelete: (pod) => this.#removed(pod),
    });
    this.#watch = watchContainers(runtime, (id) => void this.#runtimeChanged(id), { clock, log, pollMs });
    await this.#removeOrphans();
    this.#timers.push(
      clock.every(resyncMs, () => {
        for (const worker of this.#workers.values()) worker.wake();
      }),
      clock.every(housekeepingMs, () => void this.#removeOrphans()),
    );
  }

  byUid(uid: string): PodWorker | undefined {
    return this.#workers.get(uid);
  }

  /** The newest pod of a name: one that still ends may have had it before. */
  find(namespace: string, name: string): PodWorker | undefined {
    return [...this.#workers.values()].findLast(
      ({ pod: { metadata } }) => metadata.namespace === namespace && metadata.name === name,
    );
  }

  all(): PodWorker[] {
    return [...this.#workers.values()];
  }

  wake(podUid: string): void {
    this.#workers.get(podUid)?.wake();
  }

  async close(): Promise<void> {
    this.#watch?.close();
    this.#removeHandler?.();
    for (const timer of this.#timers) timer.cancel();
    await Promise.all([...this.#workers.values()].map((worker) => worker.close()));
  }

  #seen(pod: Shared<Pod>): void {
    const uid = pod.metadata.uid!;
    const known = this.#workers.get(uid);
    if (known) {
      known.update(pod);
      return;
    }
    const worker = new PodWorker(this.#kit, pod, {
      otherPods: () =>
        this.all()
          .filter((other) => other.active && other.uid !== uid)
          .map((other) => other.pod),
      onDone: () => {
        this.#workers.delete(uid);
        for (const other of this.#workers.values()) if (other.waitsForRoom) other.wake();
      },
    });
    this.#workers.set(uid, worker);
    const refusal = admitPod(this.#kit, pod, this.all());
    if (refusal) {
      this.#kit.context.events.event(pod as never, 'Warning', refusal.reason, refusal.message);
      worker.fail({ ...refusal, message: `Pod was rejected: ${refusal.message}` });
    }
    worker.wake();
  }

  #removed(pod: Shared<Pod>): void {
    this.#workers.get(pod.metadata.uid!)?.removed(pod);
  }

  async #runtimeChanged(containerId: string | undefined): Promise<void> {
    if (containerId === undefined) {
      for (const worker of this.#workers.values()) if (worker.active) worker.wake();
      return;
    }
    for (const worker of this.#workers.values()) {
      const { containers, sandboxes } = worker.runtimePod;
      if (containers.some(({ id }) => id === containerId) || sandboxes.some(({ id }) => id === containerId)) {
        this.#podOfContainer.delete(containerId);
        return worker.runtimeChanged();
      }
    }
    // One that no worker has looked at yet: the runtime knows whose it is.
    try {
      const { status } = await this.#kit.context.runtime.runtime.containerStatus({ container_id: containerId });
      const uid = status?.labels[labelNames.podUid];
      if (uid) this.#workers.get(uid)?.runtimeChanged();
    } catch {
      // It is gone already, or the process of an exec in another container.
    }
  }

  /** Removes what is on the node of pods that the API does not have: they were deleted while no agent ran. */
  async #removeOrphans(): Promise<void> {
    const { context, cgroups } = this.#kit;
    try {
      const { items } = await context.runtime.runtime.listPodSandbox({
        filter: { label_selector: { [labelNames.agent]: agentId(context.rootDir) } },
      });
      const known = (uid: string) => this.#workers.has(uid) || this.#informer.byUid(uid) !== undefined;
      const uids = new Set(items.map((item) => item.labels[labelNames.podUid]).filter((uid) => uid !== undefined));
      const podsDir = join(context.rootDir, 'pods');
      if (existsSync(podsDir)) for (const uid of readdirSync(podsDir)) uids.add(uid);
      for (const uid of uids) {
        if (known(uid) || this.#orphans.has(uid)) continue;
        this.#orphans.add(uid);
        context.log.info('a pod that the API does not know is removed', { uid });
        try {
          await removeFromRuntime(this.#kit, uid);
          tearDownVolumes(context.rootDir, uid);
          for (const qos of ['Guaranteed', 'Burstable', 'BestEffort'] as const) {
            cgroups.remove(`${qosCgroup(context.settings.cgroupRoot, qos)}/pod${uid}`);
          }
        } finally {
          this.#orphans.delete(uid);
        }
      }
    } catch (error) {
      context.log.warn('pods that the API does not know could not be removed', { error });
    }
  }
}
