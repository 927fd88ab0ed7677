/** Ending pods before the machine runs out of memory or disk: upstream's hard thresholds and ranking. */
import { podQosClass } from '../../api/core/pod-qos.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Timer } from '../../base/clock.ts';
import type { ImageGc } from '../images/image-gc.ts';
import type { PodKit } from '../pods/pod-kit.ts';
import type { PodWorkers } from '../pods/pod-workers.ts';
import { containerUsages } from '../stats/summary.ts';
import { evictionReserve } from './capacity.ts';
import { availableMemory, fileSystem } from './machine-facts.ts';

const intervalMs = 10_000;
/** A pressure that has gone is reported for this long yet, so that it does not flap. */
const transitionMs = 300_000;
const systemCritical = 2_000_000_000;

export type Signal = 'memory' | 'disk' | 'inodes';

/** What the node has left, for deciding. */
export interface Resources {
  readonly memoryAvailable: number;
  readonly diskAvailable: number;
  readonly diskTotal: number;
  readonly inodesFree: number;
  readonly inodes: number;
}

/** The thresholds that {@link crossedSignals} knows, in upstream's words. */
export const hardThresholds = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
} as const;

/** The signals whose hard threshold is crossed: memory under 100Mi, disk under 10 %, inodes under 5 %. */
export function crossedSignals(resources: Resources): Signal[] {
  const signals: Signal[] = [];
  if (resources.memoryAvailable < evictionReserve.memoryBytes) signals.push('memory');
  if (resources.diskAvailable < resources.diskTotal * evictionReserve.disk) signals.push('disk');
  if (resources.inodes > 0 && resources.inodesFree < resources.inodes * 0.05) signals.push('inodes');
  return signals;
}

export interface Candidate {
  readonly pod: Shared<Pod>;
  /** Bytes of the starved resource that it uses. */
  readonly usage: number;
}

/** Who goes first: those above their request, then by priority, then by how much they exceed it. */
export function rankForEviction(
  candidates: readonly Candidate[],
  resource: 'memory' | 'ephemeral-storage',
): Candidate[] {
  const excess = ({ pod, usage }: Candidate) => usage - requestOf(pod, resource);
  return candidates
    .filter(({ pod }) => (pod.spec.priority ?? 0) < systemCritical)
    .sort(
      (a, b) =>
        Number(excess(b) > 0) - Number(excess(a) > 0) ||
        (a.pod.spec.priority ?? 0) - (b.pod.spec.priority ?? 0) ||
        excess(b) - excess(a),
    );
}

function requestOf(pod: Shared<Pod>, resource: string): number {
  return pod.spec.containers.reduce(
    (sum, container) => sum + Number(Quantity.parse(container.resources?.requests?.[resource] ?? '0').value()),
    0,
  );
}

export class Evictions {
  readonly #kit: PodKit;
  readonly #workers: PodWorkers;
  readonly #imageGc: ImageGc;
  readonly #lastSeen = new Map<Signal, number>();
  #timer: Timer | undefined;

  constructor(kit: PodKit, workers: PodWorkers, imageGc: ImageGc) {
    this.#kit = kit;
    this.#workers = workers;
    this.#imageGc = imageGc;
  }

  start(): void {
    this.#timer = this.#kit.context.clock.every(intervalMs, () => void this.#run());
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** Whether the node is, or was a short while ago, short of something. */
  underPressure(signal: 'memory' | 'disk'): boolean {
    const now = this.#kit.context.clock.now();
    const signals: Signal[] = signal === 'memory' ? ['memory'] : ['disk', 'inodes'];
    return signals.some((name) => now - (this.#lastSeen.get(name) ?? Number.NEGATIVE_INFINITY) < transitionMs);
  }

  async #run(): Promise<void> {
    const { log, clock } = this.#kit.context;
    try {
      const signals = crossedSignals(await this.#resources());
      for (const signal of signals) this.#lastSeen.set(signal, clock.now());
      if (signals.some((signal) => signal !== 'memory')) {
        await this.#imageGc.collectAll();
        if (!crossedSignals(await this.#resources()).some((signal) => signal !== 'memory'))
          signals.splice(0, signals.length, ...signals.filter((s) => s === 'memory'));
      }
      if (signals[0]) await this.#evictOne(signals[0]);
    } catch (error) {
      log.warn('the node could not be looked at for evictions', { error });
    }
  }

  async #resources(): Promise<Resources> {
    const disk = await fileSystem(this.#kit.context.rootDir);
    return {
      memoryAvailable: availableMemory(),
      diskAvailable: disk.available,
      diskTotal: disk.total,
      inodesFree: disk.inodesFree,
      inodes: disk.inodes,
    };
  }

  /** One at a time: what it frees is seen before another goes. */
  async #evictOne(signal: Signal): Promise<void> {
    const { context } = this.#kit;
    const resource = signal === 'memory' ? 'memory' : 'ephemeral-storage';
    const usages = await containerUsages(this.#kit, this.#workers);
    const candidates = this.#workers
      .all()
      .filter((worker) => worker.active)
      .map((worker) => ({
        pod: worker.pod,
        usage: usages
          .filter((usage) => usage.podUid === worker.uid)
          .reduce((sum, usage) => sum + (signal === 'memory' ? usage.workingSetBytes : usage.writableBytes), 0),
      }));
    const [victim] = rankForEviction(candidates, resource);
    if (!victim) return;
    const message = `The node was low on resource: ${signal === 'inodes' ? 'inodes' : resource}. `;
    context.log.warn('a pod is evicted', { pod: victim.pod.metadata.name, qos: podQosClass(victim.pod.spec), signal });
    context.events.event(victim.pod as never, 'Warning', 'Evicted', message);
    this.#workers.byUid(victim.pod.metadata.uid!)?.fail({ reason: 'Evicted', message });
  }
}
