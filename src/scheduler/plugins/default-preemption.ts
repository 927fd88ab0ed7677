import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import { PodDisruptionBudget } from '../../api/policy/pod-disruption-budget.ts';
import { formatTime } from '../../base/clock.ts';
import { createEventRecorder } from '../../client/event-recorder.ts';
import { defineSchedulerPlugin, type Verdict } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import { type Candidate, cheapest, priorityOf, selectVictims } from '../preemption/victims.ts';

const name = 'DefaultPreemption';

/** Makes room for a pod of higher priority by deleting pods of lower priority from one node (KEP-268). */
export const defaultPreemption = defineSchedulerPlugin({
  name,
  order: 140,
  enabledByDefault: true,
  events: [],
  create({ cache, informers, client, clock, random, log, args, framework }) {
    const budgets = informers.informer(PodDisruptionBudget);
    const events = createEventRecorder(client, { component: 'default-scheduler', clock, random, log, series: true });
    const minPercentage = (args['minCandidateNodesPercentage'] as number | undefined) ?? 10;
    const minAbsolute = (args['minCandidateNodesAbsolute'] as number | undefined) ?? 100;

    /** A pod that has victims going already waits for them. */
    function mayPreempt(pod: Shared<Pod>, verdicts: ReadonlyMap<string, Verdict>): string | undefined {
      if (pod.spec.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
      const nominated = pod.status.nominatedNodeName;
      if (!nominated || verdicts.get(nominated)?.code === 'UnschedulableAndUnresolvable') return undefined;
      for (const { pod: other } of cache.node(nominated)?.pods.values() ?? []) {
        const leaving = other.metadata.deletionTimestamp && priorityOf(other) < priorityOf(pod);
        if (
          leaving &&
          other.status.conditions?.some(
            (c) => c.type === 'DisruptionTarget' && c.status === 'True' && c.reason === 'PreemptionByScheduler',
          )
        ) {
          return 'not eligible due to a terminating pod on the nominated node.';
        }
      }
      return undefined;
    }

    async function evict(victim: Shared<Pod>, preemptor: Shared<Pod>, nodeName: string): Promise<void> {
      const condition = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'PreemptionByScheduler',
        message: `${preemptor.spec.schedulerName ?? 'default-scheduler'}: preempting to accommodate a higher priority pod`,
        lastTransitionTime: formatTime(clock.now()),
      };
      try {
        if (!victim.metadata.deletionTimestamp) {
          await client.patch(
            Pod,
            victim.metadata,
            { status: { conditions: [condition] } },
            { type: 'strategic', subresource: 'status' },
          );
          await client.delete(Pod, victim.metadata, { preconditions: { uid: victim.metadata.uid } });
        }
      } catch (error) {
        if (isNotFound(error)) return;
        throw error;
      }
      events.event(victim, 'Normal', 'Preempted', `Preempted by pod ${preemptor.metadata.uid} on node ${nodeName}`);
    }

    return {
      async postFilter(state, pod, verdicts) {
        const refusal = mayPreempt(pod, verdicts);
        if (refusal) return { message: `preemption: ${refusal}` };
        const possible: NodeInfo[] = [];
        for (const [nodeName, verdict] of verdicts) {
          const node = verdict.code === 'Unschedulable' ? cache.node(nodeName) : undefined;
          if (node) possible.push(node);
        }
        const enough = Math.max(minAbsolute, Math.floor((possible.length * minPercentage) / 100));
        const start = possible.length ? random.below(possible.length) : 0;
        const candidates: Candidate[] = [];
        let futile = 0;
        for (let i = 0; i < possible.length && candidates.length < enough; i++) {
          const candidate = selectVictims(framework(), state, {
            pod,
            node: possible[(start + i) % possible.length]!,
            budgets: budgets.list(),
          });
          if (candidate) candidates.push(candidate);
          else futile++;
        }
        const chosen = cheapest(candidates);
        if (!chosen) {
          const parts = [
            ...(futile ? [`${futile} No preemption victims found for incoming pod`] : []),
            ...(verdicts.size > possible.length
              ? [`${verdicts.size - possible.length} Preemption is not helpful for scheduling`]
              : []),
          ];
          return { message: `preemption: 0/${cache.nodeCount} nodes are available: ${parts.join(', ')}.` };
        }
        await Promise.all(chosen.victims.map((victim) => evict(victim, pod, chosen.nodeName)));
        return { nominatedNode: chosen.nodeName };
      },
    };
  },
});
