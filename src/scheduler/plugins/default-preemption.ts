import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import { PodDisruptionBudget } from '../../api/policy/pod-disruption-budget.ts';
import { formatTime } from '../../base/clock.ts';
import { filterQuestion, NodeAnswers } from '../filter-memo.ts';
import { type CycleState, defineSchedulerPlugin } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import type { NodeVerdicts } from '../node-verdicts.ts';
import { type Candidate, candidateOf, cheapest, priorityOf, selectVictims } from '../preemption/victims.ts';

const name = 'DefaultPreemption';

/** Makes room for a pod of higher priority by deleting pods of lower priority from one node (KEP-268). */
export const defaultPreemption = defineSchedulerPlugin({
  name,
  order: 140,
  enabledByDefault: true,
  events: [],
  create({ cache, nominator, informers, client, clock, random, events, extenders, args, framework }) {
    const budgets = informers.informer(PodDisruptionBudget);
    const minPercentage = (args['minCandidateNodesPercentage'] as number | undefined) ?? 10;
    const minAbsolute = (args['minCandidateNodesAbsolute'] as number | undefined) ?? 100;

    /** What-ifs of the pods asked about last, by the place of the node. */
    let remembered: { question: string; budgets: unknown; trials: NodeAnswers<Candidate> } | undefined;

    /** A pod that has victims going already waits for them. */
    function mayPreempt(pod: Shared<Pod>, verdicts: NodeVerdicts): string | undefined {
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
          if (outlivesDeletion(victim))
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

    /** What-if for a pod, node by node; remembered for the pods like it while all that it depends on stays as it is. */
    function trialOf(
      state: CycleState,
      pod: Shared<Pod>,
      nodes: readonly NodeInfo[],
    ): (place: number) => Candidate | undefined {
      const running = framework();
      const skipped = state.get('skipped') as ReadonlySet<string>;
      const ask = (node: NodeInfo) => selectVictims(running, state, { pod, node, budgets: budgets.list(), nominator });
      if (!running.filter.every(({ definition }) => definition.nodeLocal || skipped.has(definition.name)))
        return (place) => ask(nodes[place]!);
      const question = `${priorityOf(pod)} ${filterQuestion(pod)}`;
      const list = budgets.list();
      if (remembered?.question !== question || remembered.budgets !== list || remembered.trials.nodes !== nodes)
        remembered = { question, budgets: list, trials: new NodeAnswers(nodes) };
      const { trials } = remembered;
      return (place) => trials.at(place, ask);
    }

    /** The candidates that the extenders agree to, with the victims that they would choose. */
    async function agreed(pod: Shared<Pod>, candidates: readonly Candidate[]): Promise<Candidate[]> {
      const offered = new Map(
        candidates.map(({ nodeName, victims, budgetViolations }) => [nodeName, { pods: victims, budgetViolations }]),
      );
      const left = await extenders!.preempt(pod, offered, (nodeName) => cache.node(nodeName));
      return [...left].map(([nodeName, { pods, budgetViolations }]) => candidateOf(nodeName, pods, budgetViolations));
    }

    async function forgetPromise(pod: Shared<Pod>): Promise<void> {
      nominator.remove(pod.metadata.uid);
      try {
        await client.patch(
          Pod,
          pod.metadata,
          { status: { nominatedNodeName: null } },
          { type: 'merge', subresource: 'status' },
        );
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }

    return {
      async postFilter(state, pod, verdicts) {
        const refusal = mayPreempt(pod, verdicts);
        if (refusal) return { message: `preemption: ${refusal}` };
        const possible = verdicts.placesWith('Unschedulable');
        const enough = Math.max(minAbsolute, Math.floor((possible.length * minPercentage) / 100));
        const start = possible.length ? random.below(possible.length) : 0;
        const candidates: Candidate[] = [];
        let futile = 0;
        const trial = trialOf(state, pod, verdicts.nodes);
        for (let i = 0, at = start; i < possible.length && candidates.length < enough; i++) {
          const candidate = trial(possible[at]!);
          if (candidate) candidates.push(candidate);
          else futile++;
          if (++at === possible.length) at = 0;
        }
        const chosen = cheapest(extenders ? await agreed(pod, candidates) : candidates);
        if (!chosen) {
          const parts = [
            ...(futile ? [`${futile} No preemption victims found for incoming pod`] : []),
            ...(cache.nodeCount > possible.length
              ? [`${cache.nodeCount - possible.length} Preemption is not helpful for scheduling`]
              : []),
          ];
          return {
            nominatedNode: null,
            message: `preemption: 0/${cache.nodeCount} nodes are available: ${parts.join(', ')}.`,
          };
        }
        // Taken before the first wait, so that the next pod's cycle reckons with it.
        const displaced = nominator.lessImportant(chosen.nodeName, pod);
        nominator.add(pod, chosen.nodeName);
        await Promise.all([
          ...chosen.victims.map((victim) => evict(victim, pod, chosen.nodeName)),
          ...displaced.map(forgetPromise),
        ]);
        return { nominatedNode: chosen.nodeName };
      },
    };
  },
});

/** Whether somebody can still read why a pod goes: one without grace is gone the moment it is deleted. */
const outlivesDeletion = ({ spec, metadata }: Shared<Pod>): boolean =>
  spec.terminationGracePeriodSeconds !== 0 || Boolean(metadata.finalizers?.length);
