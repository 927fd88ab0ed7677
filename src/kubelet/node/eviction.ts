/** Ending pods before the machine runs out of memory or disk: upstream's hard thresholds and ranking. */
import { podQosClass } from '../../api/core/pod-qos.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Timer } from '../../base/clock.ts';
import type { ImageGc } from '../images/image-gc.ts';
import type { PodKit } from '../pods/pod-kit.ts';
import type { PodWorker } from '../pods/pod-worker.ts';
import type { PodWorkers } from '../pods/pod-workers.ts';
import { type ContainerUsage, containerUsages } from '../stats/summary.ts';
import { evictionReserve } from './capacity.ts';
import { hasStorageLimit, measureStorage, storageOverrun } from './local-storage.ts';
import { availableMemory, fileSystem } from './machine-facts.ts';
import type { Signal } from './pressures.ts';

const intervalMs = 10_000;
/** What a pod gets to stop that must go at once. */
const immediateGraceSeconds = 1;
const systemCritical = 2_000_000_000;

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
  if (resources.inodes > 0 && resources.inodesFree < resources.inodes * evictionReserve.inodes) signals.push('inodes');
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

  async #run(): Promise<void> {
    const { pressures, context } = this.#kit;
    try {
      await this.#evictOverrunning();
      let resources = await this.#resources();
      let signals = crossedSignals(resources);
      for (const signal of signals) pressures.note(signal);
      if (signals.some((signal) => signal !== 'memory')) {
        await this.#imageGc.collectAll();
        resources = await this.#resources();
        signals = crossedSignals(resources);
      }
      if (signals[0]) await this.#evictOne(signals[0], resources);
    } catch (error) {
      context.log.warn('the node could not be looked at for evictions', { error });
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

  /** Those that exceed what they may write go at once, however much the node has left. */
  async #evictOverrunning(): Promise<void> {
    const { rootDir, logDir } = this.#kit.context;
    const limited = this.#workers.all().filter((worker) => worker.active && hasStorageLimit(worker.pod));
    if (limited.length === 0) return;
    const usages = await containerUsages(this.#kit, this.#workers);
    for (const worker of limited) {
      const writable = new Map(
        usages.filter(({ podUid }) => podUid === worker.uid).map((usage) => [usage.container, usage.writableBytes]),
      );
      const message = storageOverrun(worker.pod, await measureStorage(worker.pod, { rootDir, logDir, writable }));
      if (message) this.#evict(worker, { message });
    }
  }

  /** One at a time: what it frees is seen before another goes. */
  async #evictOne(signal: Signal, resources: Resources): Promise<void> {
    const resource = signal === 'memory' ? 'memory' : 'ephemeral-storage';
    const usages = await containerUsages(this.#kit, this.#workers);
    const amount = (usage: ContainerUsage) => (signal === 'memory' ? usage.workingSetBytes : usage.writableBytes);
    const own = (uid: string) => usages.filter(({ podUid }) => podUid === uid);
    const candidates = this.#workers
      .all()
      .filter((worker) => worker.active)
      .map((worker) => ({
        pod: worker.pod,
        usage: own(worker.uid).reduce((sum, usage) => sum + amount(usage), 0),
      }));
    const [victim] = rankForEviction(candidates, resource);
    const worker = victim && this.#workers.byUid(victim.pod.metadata.uid!);
    if (!worker) return;
    const used = new Map(own(worker.uid).map((usage) => [usage.container, amount(usage)]));
    const message = pressureMessage(worker.pod, { signal, resources, used });
    this.#evict(worker, { message, disruption: true });
  }

  #evict(worker: PodWorker, { message, disruption }: { message: string; disruption?: boolean }): void {
    const { context } = this.#kit;
    const { pod } = worker;
    context.log.warn('a pod is evicted', { pod: pod.metadata.name, qos: podQosClass(pod.spec), why: message });
    context.events.event(pod as never, 'Warning', 'Evicted', message);
    worker.fail({
      reason: 'Evicted',
      message,
      graceSeconds: immediateGraceSeconds,
      ...(disruption ? { disruption } : {}),
    });
  }
}

/** Why a pod goes when the node runs short, and which of its containers take more than they asked for. */
export function pressureMessage(
  pod: Shared<Pod>,
  { signal, resources, used }: { signal: Signal; resources: Resources; used: ReadonlyMap<string, number> },
): string {
  const resource = signal === 'memory' ? 'memory' : 'ephemeral-storage';
  const [threshold, available] = {
    memory: [evictionReserve.memoryBytes, resources.memoryAvailable],
    disk: [resources.diskTotal * evictionReserve.disk, resources.diskAvailable],
    inodes: [resources.inodes * evictionReserve.inodes, resources.inodesFree],
  }[signal] as [number, number];
  const show = (amount: number) => (signal === 'inodes' ? String(Math.floor(amount)) : binary(Math.floor(amount)));
  const greedy =
    signal === 'inodes'
      ? []
      : pod.spec.containers.flatMap((container) => {
          const request = container.resources?.requests?.[resource] ?? '0';
          const bytes = used.get(container.name) ?? 0;
          return bytes > Number(Quantity.parse(request).value())
            ? `Container ${container.name} was using ${binary(bytes)}, request is ${request}, has larger consumption of ${resource}. `
            : [];
        });
  return [
    `The node was low on resource: ${signal === 'inodes' ? 'inodes' : resource}. `,
    `Threshold quantity: ${show(threshold)}, available: ${show(available)}. `,
    ...greedy,
  ].join('');
}

/** Bytes as Go's quantities print them: `100Mi`, and the bare number where it is no multiple of 1024. */
const binary = (bytes: number) => (bytes % 1024 === 0 ? Quantity.parse(`${bytes / 1024}Ki`).toString() : String(bytes));
