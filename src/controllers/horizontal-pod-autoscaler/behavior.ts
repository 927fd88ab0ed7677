/** How far and how fast a size may change: limits, stabilisation and scaling policies. Pure functions over a history. */
import type { Shared } from '../../api/kind.ts';
import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from '../../api/types/autoscaling-v2.ts';

type Rules = Shared<HPAScalingRules>;

export interface History {
  /** What was recommended when. */
  recommendations: { readonly at: number; readonly replicas: number }[];
  /** Changes that were made: positive ones up, negative ones down. */
  changes: { readonly at: number; readonly by: number }[];
}

export interface Limited {
  readonly replicas: number;
  readonly stabilized: { readonly reason: string; readonly message: string };
  readonly limited: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string };
}

export interface SizeFacts {
  readonly current: number;
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  readonly behavior: Shared<HorizontalPodAutoscalerBehavior> | undefined;
  readonly history: History;
  readonly now: number;
}

/** As upstream's --horizontal-pod-autoscaler-downscale-stabilization. */
const downStabilizationSeconds = 300;
const defaultUp: Rules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const defaultDown: Rules = {
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};
const longestHistoryMs = 3_600_000;

const ready = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };

/** The size that is allowed now, and why it is another than the desired one. Notes the recommendation in the history. */
export function limitSize(facts: SizeFacts): Limited {
  const { history, now, desired } = facts;
  history.recommendations = history.recommendations.filter(({ at }) => now - at < longestHistoryMs);
  history.changes = history.changes.filter(({ at }) => now - at < longestHistoryMs);
  history.recommendations.push({ at: now, replicas: desired });
  const { replicas: calm, stabilized } = stabilize(facts);
  return { stabilized, ...(facts.behavior ? limitByPolicies(facts, calm) : limitPlainly(facts, calm)) };
}

function stabilize({ behavior, desired, current, history, now }: SizeFacts): Pick<Limited, 'replicas' | 'stabilized'> {
  const upMs = (behavior?.scaleUp?.stabilizationWindowSeconds ?? 0) * 1000;
  const downMs = (behavior?.scaleDown?.stabilizationWindowSeconds ?? downStabilizationSeconds) * 1000;
  const since = (windowMs: number) =>
    history.recommendations.filter(({ at }) => at > now - windowMs).map((one) => one.replicas);
  const lowest = Math.min(desired, ...since(upMs));
  const highest = Math.max(desired, ...since(downMs));
  let replicas = current;
  if (replicas < lowest) replicas = lowest;
  if (replicas > highest) replicas = highest;
  if (replicas === desired) return { replicas, stabilized: ready };
  return {
    replicas,
    stabilized:
      desired < replicas
        ? {
            reason: 'ScaleDownStabilized',
            message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
          }
        : {
            reason: 'ScaleUpStabilized',
            message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
          },
  };
}

const inRange = {
  status: 'False',
  reason: 'DesiredWithinRange',
  message: 'the desired count is within the acceptable range',
} as const;
const tooMany = {
  status: 'True',
  reason: 'TooManyReplicas',
  message: 'the desired replica count is more than the maximum replica count',
} as const;
const tooFew = {
  status: 'True',
  reason: 'TooFewReplicas',
  message: 'the desired replica count is less than the minimum replica count',
} as const;

function limitPlainly({ current, min, max }: SizeFacts, wanted: number): Pick<Limited, 'replicas' | 'limited'> {
  const fastest = Math.max(2 * current, 4);
  if (wanted < min) return { replicas: min, limited: tooFew };
  if (wanted > Math.min(max, fastest)) {
    if (max <= fastest) return { replicas: max, limited: tooMany };
    const message = 'the desired replica count is increasing faster than the maximum scale rate';
    return { replicas: fastest, limited: { status: 'True', reason: 'ScaleUpLimit', message } };
  }
  return { replicas: wanted, limited: inRange };
}

function limitByPolicies(facts: SizeFacts, wanted: number): Pick<Limited, 'replicas' | 'limited'> {
  const { current, min, max, behavior } = facts;
  if (wanted > current) {
    const fastest = Math.max(current, limitOf({ ...defaultUp, ...behavior?.scaleUp }, facts, 1));
    if (wanted <= Math.min(max, fastest)) return { replicas: wanted, limited: inRange };
    if (max <= fastest) return { replicas: max, limited: tooMany };
    const message = 'the desired replica count is increasing faster than the maximum scale rate';
    return { replicas: fastest, limited: { status: 'True', reason: 'ScaleUpLimit', message } };
  }
  if (wanted < current) {
    const lowest = Math.min(current, limitOf({ ...defaultDown, ...behavior?.scaleDown }, facts, -1));
    if (wanted >= Math.max(min, lowest)) return { replicas: wanted, limited: inRange };
    if (min >= lowest) return { replicas: min, limited: tooFew };
    const message = 'the desired replica count is decreasing faster than the maximum scale rate';
    return { replicas: lowest, limited: { status: 'True', reason: 'ScaleDownLimit', message } };
  }
  return { replicas: wanted, limited: inRange };
}

/** The furthest size that the policies of a direction (1 up, -1 down) allow. */
function limitOf({ selectPolicy, policies = [] }: Rules, facts: SizeFacts, direction: 1 | -1): number {
  const { current, history, now } = facts;
  if (selectPolicy === 'Disabled') return current;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const recent = history.changes.filter(({ at }) => at > now - periodSeconds * 1000);
    const start = current - recent.reduce((total, { by }) => total + by, 0);
    if (type === 'Pods') return start + direction * value;
    const share = start * (1 + (direction * value) / 100);
    // Upstream rounds up on the way up and down on the way down: a policy never blocks the first step.
    return direction > 0 ? Math.ceil(share - 1e-9) : Math.floor(share + 1e-9);
  });
  if (limits.length === 0) return current;
  const furthest = selectPolicy === 'Min' ? direction < 0 : direction > 0;
  return furthest ? Math.max(...limits) : Math.min(...limits);
}
