/** What is told of a node in events when its status changes, in upstream's words. */
import type { Shared } from '../../api/kind.ts';
import type { NodeStatus } from '../../api/types/core-v1.ts';

export interface NodeEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** By condition: the events of True and False. */
const words: Readonly<Record<string, { readonly True: string; readonly False: string }>> = {
  MemoryPressure: { True: 'NodeHasInsufficientMemory', False: 'NodeHasSufficientMemory' },
  DiskPressure: { True: 'NodeHasDiskPressure', False: 'NodeHasNoDiskPressure' },
  PIDPressure: { True: 'NodeHasInsufficientPID', False: 'NodeHasSufficientPID' },
  Ready: { True: 'NodeReady', False: 'NodeNotReady' },
};

/** The events of a change from one status to another; undefined is a node that was not there. */
export function nodeEvents(
  name: string,
  before: Shared<NodeStatus> | undefined,
  after: Shared<NodeStatus>,
): NodeEvent[] {
  const events: NodeEvent[] = [];
  const bootId = after.nodeInfo?.bootID;
  if (before?.nodeInfo?.bootID && before.nodeInfo.bootID !== bootId) {
    events.push({ type: 'Warning', reason: 'Rebooted', message: `Node ${name} has been rebooted, boot id: ${bootId}` });
  }
  for (const { type, status } of after.conditions ?? []) {
    const reason = words[type]?.[status as 'True' | 'False'];
    if (!reason || before?.conditions?.find((condition) => condition.type === type)?.status === status) continue;
    events.push({ type: 'Normal', reason, message: `Node ${name} status is now: ${reason}` });
  }
  return events;
}
