/** Writes pods' statuses to the API: the newest one of each pod, one write at a time, again after failures. */
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import type { PodStatus } from '../../api/types/core-v1.ts';
import { backoffDelay } from '../../base/backoff.ts';
import { deepEqual } from '../../base/deep.ts';
import type { KubeletContext } from '../context.ts';

interface Slot {
  readonly namespace: string;
  readonly name: string;
  /** What is to be written; undefined when all is. */
  wanted: PodStatus | undefined;
  /** What the API has, as far as known. */
  written: Shared<PodStatus>;
  busy: Promise<void> | undefined;
  failures: number;
}

const retry = { initialMs: 200, maxMs: 10_000 };

/** The parts of a status that the agent owns; lists in it are replaced whole, but conditions are merged by type. */
const ownedFields = [
  'observedGeneration',
  'phase',
  'reason',
  'message',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'startTime',
  'initContainerStatuses',
  'containerStatuses',
  'ephemeralContainerStatuses',
  'qosClass',
  'resize',
] as const satisfies readonly (keyof PodStatus)[];

/** A strategic merge patch from one status to another; undefined when there is nothing to change. */
export function statusPatch(from: Shared<PodStatus>, to: Shared<PodStatus>): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const field of ownedFields) {
    if (deepEqual(from[field], to[field])) continue;
    const mergesByIp = field === 'podIPs' || field === 'hostIPs';
    if (mergesByIp && to[field]) {
      const gone = (from[field] ?? []).filter(({ ip }) => !to[field]!.some((kept) => kept.ip === ip));
      patch[field] = [...to[field], ...gone.map(({ ip }) => ({ ip, $patch: 'delete' }))];
    } else patch[field] = to[field] ?? null;
  }
  const conditions = (to.conditions ?? []).filter(
    (condition) =>
      !deepEqual(
        condition,
        from.conditions?.find((old) => old.type === condition.type),
      ),
  );
  const ended = (from.conditions ?? []).filter(
    ({ type }) =>
      (type === 'PodResizePending' || type === 'PodResizeInProgress') &&
      !to.conditions?.some((condition) => condition.type === type),
  );
  if (conditions.length + ended.length > 0) {
    patch['conditions'] = [
      // A reason that is no longer given must be taken away, because the merge is field by field.
      ...conditions.map((condition) => ({ reason: null, message: null, ...condition })),
      ...ended.map(({ type }) => ({ type, $patch: 'delete' })),
    ];
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

export class StatusWriter {
  readonly #slots = new Map<string, Slot>();
  readonly #context: Pick<KubeletContext, 'client' | 'clock' | 'log'>;
  readonly #closing = new AbortController();

  constructor(context: Pick<KubeletContext, 'client' | 'clock' | 'log'>) {
    this.#context = context;
  }

  /** The status that a pod has or will have once everything is written. */
  latest(pod: Shared<Pod>): Shared<PodStatus> {
    const slot = this.#slots.get(pod.metadata.uid!);
    return slot?.wanted ?? slot?.written ?? pod.status;
  }

  /** Has the status written in the background. */
  write(pod: Shared<Pod>, status: PodStatus): void {
    const uid = pod.metadata.uid!;
    let slot = this.#slots.get(uid);
    if (!slot) {
      slot = {
        namespace: pod.metadata.namespace!,
        name: pod.metadata.name!,
        wanted: undefined,
        written: pod.status,
        busy: undefined,
        failures: 0,
      };
      this.#slots.set(uid, slot);
    }
    slot.wanted = status;
    this.#start(uid, slot);
  }

  /** The API shows a pod's status: if it is not what was written (someone reset it), it is written again. */
  observe(pod: Shared<Pod>): void {
    const slot = this.#slots.get(pod.metadata.uid!);
    if (slot && !slot.busy && !slot.wanted) slot.written = pod.status;
  }

  /** Resolves when everything of a pod is written, or cannot be because it is gone. */
  async flush(uid: string): Promise<void> {
    for (let slot = this.#slots.get(uid); slot?.busy; slot = this.#slots.get(uid)) await slot.busy;
  }

  forget(uid: string): void {
    this.#slots.delete(uid);
  }

  /** Gives up what is not written: the next agent makes every status anew. */
  close(): void {
    this.#closing.abort();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  #start(uid: string, slot: Slot): void {
    if (slot.busy || this.#closed) return;
    slot.busy = this.#drain(uid, slot).finally(() => {
      slot.busy = undefined;
      if (slot.wanted && this.#slots.get(uid) === slot) this.#start(uid, slot);
    });
  }

  async #drain(uid: string, slot: Slot): Promise<void> {
    const { client, clock, log } = this.#context;
    while (slot.wanted && !this.#closed && this.#slots.get(uid) === slot) {
      const status: PodStatus = slot.wanted;
      slot.wanted = undefined;
      const patch = statusPatch(slot.written, status);
      if (!patch) continue;
      try {
        const ref = { namespace: slot.namespace, name: slot.name };
        const answer = await client.patch(
          Pod,
          ref,
          { metadata: { uid }, status: patch },
          { type: 'strategic', subresource: 'status' },
        );
        slot.written = answer.status;
        slot.failures = 0;
      } catch (error) {
        // Another pod of that name, or none: this one's status interests nobody.
        if (isNotFound(error) || isConflict(error)) return;
        log.warn('the status of a pod could not be written', { pod: `${slot.namespace}/${slot.name}`, error });
        slot.wanted ??= status;
        await clock.sleep(backoffDelay(retry, slot.failures++), this.#closing.signal).catch(() => {});
      }
    }
  }
}
