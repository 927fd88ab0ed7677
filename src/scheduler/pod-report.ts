/** Telling a pod why it waits: an event, and the PodScheduled condition. */
import { Pod } from '../api/core/pod.ts';
import type { Shared } from '../api/kind.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { type Clock, formatTime } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';

export interface PodReport {
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly message: string;
  /** The node that was promised; null takes a promise back. */
  readonly nominatedNode?: string | null | undefined;
}

/** A function that reports; it writes only what is new, and never fails. */
export function podReporter({
  client,
  events,
  clock,
  log,
}: {
  client: Client;
  events: EventRecorder;
  clock: Clock;
  log: Logger;
}): (pod: Shared<Pod>, report: PodReport) => Promise<void> {
  return async (pod, { reason, message, nominatedNode }) => {
    events.event(pod, 'Warning', 'FailedScheduling', message);
    const known = pod.status.conditions?.find((c) => c.type === 'PodScheduled');
    const nominated = pod.status.nominatedNodeName ?? null;
    const isSaid = known?.status === 'False' && known.reason === reason && known.message === message;
    if (isSaid && (nominatedNode === undefined || nominated === nominatedNode)) return;
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastProbeTime: null,
      lastTransitionTime:
        known?.status === 'False' && known.lastTransitionTime ? known.lastTransitionTime : formatTime(clock.now()),
    };
    try {
      await client.patch(
        Pod,
        pod.metadata,
        {
          status: {
            conditions: [condition],
            ...(nominatedNode === undefined ? {} : { nominatedNodeName: nominatedNode }),
          },
        },
        { type: 'strategic', subresource: 'status' },
      );
    } catch (error) {
      if (!isNotFound(error))
        log.warn('the reason why a pod waits could not be written', { pod: pod.metadata.name, error });
    }
  };
}
