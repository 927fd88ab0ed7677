import { HorizontalPodAutoscaler } from '../../api/autoscaling/horizontal-pod-autoscaler.ts';
import { Pod } from '../../api/core/pod.ts';
import type { KindRef, Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import { type LabelMatcher, parseLabelSelector } from '../../api/machinery/selectors.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import type { Scale } from '../../api/types/autoscaling-v1.ts';
import type { HorizontalPodAutoscalerCondition, MetricStatus } from '../../api/types/autoscaling-v2.ts';
import { formatTime } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import {
  type ControllerContext,
  defineController,
  keyOf,
  type ObjectKey,
  type ReconcileResult,
  watches,
} from '../../client/reconcile.ts';
import { apiResourceCache } from '../api-resources.ts';
import { withCondition } from '../conditions.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { type History, limitSize } from './behavior.ts';
import { MetricError, type MetricProposal, propose } from './proposals.ts';

type Hpa = Shared<HorizontalPodAutoscaler>;

/** As upstream's --horizontal-pod-autoscaler-sync-period and -tolerance. */
const defaultSyncSeconds = 15;
const defaultTolerance = 0.1;
const histories = new WeakMap<ControllerContext, Map<ObjectKey, History>>();

/** Sizes whatever has a scale subresource by what its pods, other objects or the outside world measure. */
export const horizontalPodAutoscalerController = defineController({
  name: 'horizontal-pod-autoscaler',
  reads: [Pod],
  watches: [
    // Its own status must not wake it: each look counts for stabilisation.
    watches<HorizontalPodAutoscaler>({
      kind: HorizontalPodAutoscaler,
      changed: (hpa, old) => !deepEqual(hpa.spec, old.spec),
      keys: (hpa) => [keyOf(hpa)],
    }),
  ],
  rbac: [
    allow('get list watch', 'autoscaling', 'horizontalpodautoscalers'),
    allow('update', 'autoscaling', 'horizontalpodautoscalers/status'),
    allow('get update', '*', '*/scale'),
    allow('list watch', '', 'pods'),
    allow('list watch', 'metrics.k8s.io', 'pods'),
    allow('get list watch', 'custom.metrics.k8s.io', '*'),
    allow('get list watch', 'external.metrics.k8s.io', '*'),
    recordEvents,
  ],
  start(context) {
    histories.set(context, new Map());
    apiResourceCache(context.client, context.informers);
    return undefined;
  },
  async reconcile(key, context) {
    const hpa = context.lister(HorizontalPodAutoscaler).byKey(key);
    const known = histories.get(context)!;
    if (!hpa) {
      known.delete(key);
      return undefined;
    }
    if (hpa.metadata.deletionTimestamp) return undefined;
    let history = known.get(key);
    if (!history) {
      history = { recommendations: [], changes: [] };
      known.set(key, history);
    }
    return new Autoscaling(hpa, context, history).run();
  },
});

interface Target {
  readonly resource: KindRef;
  readonly scale: Scale;
}

class Autoscaling {
  readonly #hpa: Hpa;
  readonly #context: ControllerContext;
  readonly #history: History;
  #conditions: readonly Shared<HorizontalPodAutoscalerCondition>[];
  #metrics: readonly MetricStatus[] | undefined;

  constructor(hpa: Hpa, context: ControllerContext, history: History) {
    this.#hpa = hpa;
    this.#context = context;
    this.#history = history;
    this.#conditions = hpa.status.conditions ?? [];
  }

  async run(): Promise<ReconcileResult> {
    const seconds = Number(this.#context.settings['horizontalPodAutoscalerSyncPeriodSeconds'] ?? defaultSyncSeconds);
    const again = { requeueAfterMs: seconds * 1000 };
    const target = await this.#target();
    if (!target) {
      await this.#write({ replicas: this.#hpa.status.currentReplicas, desired: this.#hpa.status.desiredReplicas });
      return again;
    }
    const current = target.scale.spec.replicas ?? 0;
    if (this.#history.recommendations.length === 0) {
      this.#history.recommendations.push({ at: this.#context.clock.now(), replicas: current });
    }
    const decision = await this.#decide(target, current);
    if (!decision) {
      await this.#write({ replicas: current, desired: this.#hpa.status.desiredReplicas });
      return again;
    }
    const changed = decision.replicas !== current && (await this.#rescale(target, decision, current));
    await this.#write({ replicas: current, desired: changed ? decision.replicas : current, scaled: changed });
    return again;
  }

  /** The scale of the target; undefined when there is none to be had, which the conditions then say. */
  async #target(): Promise<Target | undefined> {
    const { client, informers, events } = this.#context;
    const { apiVersion = 'v1', kind, name } = this.#hpa.spec.scaleTargetRef;
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    try {
      const resource = (await apiResourceCache(client, informers).get()).find(group, kind);
      if (!resource) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
      const where = { namespace: this.#hpa.metadata.namespace, name, subresource: 'scale' };
      const scale = await client.subresource<Scale>('get', resource, where);
      this.#set(
        'AbleToScale',
        'True',
        'SucceededGetScale',
        "the HPA controller was able to get the target's current scale",
      );
      return { resource, scale };
    } catch (error) {
      const message = (error as Error).message;
      events.event(this.#hpa, 'Warning', 'FailedGetScale', message);
      this.#set(
        'AbleToScale',
        'False',
        'FailedGetScale',
        `the HPA controller was unable to get the target's current scale: ${message}`,
      );
      return undefined;
    }
  }

  async #decide({ scale }: Target, current: number): Promise<{ replicas: number; reason: string } | undefined> {
    const { spec } = this.#hpa;
    const min = spec.minReplicas ?? 1;
    if (current === 0 && min !== 0) {
      this.#set(
        'ScalingActive',
        'False',
        'ScalingDisabled',
        'scaling is disabled since the replica count of the target is zero',
      );
      return { replicas: 0, reason: '' };
    }
    if (current > spec.maxReplicas) {
      return { replicas: spec.maxReplicas, reason: 'Current number of replicas above Spec.MaxReplicas' };
    }
    if (current < min) return { replicas: min, reason: 'Current number of replicas below Spec.MinReplicas' };
    const best = await this.#measure(scale, current);
    if (!best) return undefined;
    const { replicas, stabilized, limited } = limitSize({
      current,
      desired: best.replicas,
      min,
      max: spec.maxReplicas,
      behavior: spec.behavior,
      history: this.#history,
      now: this.#context.clock.now(),
    });
    this.#set('AbleToScale', 'True', stabilized.reason, stabilized.message);
    this.#set('ScalingLimited', limited.status, limited.reason, limited.message);
    const reason = replicas > current ? `${best.name} above target` : 'All metrics below target';
    return { replicas, reason };
  }

  /** The largest proposal of all metrics. With a metric missing nothing is scaled down. */
  async #measure(scale: Scale, current: number): Promise<MetricProposal | undefined> {
    const { events } = this.#context;
    const selector = this.#selector(scale);
    if (!selector) return undefined;
    const { behavior, metrics = [] } = this.#hpa.spec;
    const toleranceOf = (text: string | undefined) => Quantity.tryParse(text)?.toNumber() ?? defaultTolerance;
    const tolerances = {
      up: toleranceOf(behavior?.scaleUp?.tolerance),
      down: toleranceOf(behavior?.scaleDown?.tolerance),
    };
    const proposals: MetricProposal[] = [];
    const statuses: MetricStatus[] = [];
    const failures: MetricError[] = [];
    for (const metric of metrics) {
      try {
        const facts = { hpa: this.#hpa, context: this.#context, current, selector, tolerances };
        const proposal = await propose(metric, { ...facts, reported: scale.status.replicas ?? 0 });
        proposals.push(proposal);
        statuses.push(proposal.status);
      } catch (error) {
        if (!(error instanceof MetricError)) throw error;
        failures.push(error);
        // Clients find the status of a metric at the place that its specification has.
        statuses.push({ type: '' });
        events.event(this.#hpa, 'Warning', error.reason, error.message);
      }
    }
    this.#metrics = statuses;
    const best = proposals.reduce<MetricProposal | undefined>(
      (a, b) => (a && a.replicas >= b.replicas ? a : b),
      undefined,
    );
    const [first] = failures;
    if (first && (!best || best.replicas < current)) {
      const message = `invalid metrics (${failures.length} invalid out of ${metrics.length}), first error is: ${first.summary}`;
      events.event(this.#hpa, 'Warning', 'FailedComputeMetricsReplicas', message);
      const why = `the HPA was unable to compute the replica count: ${first.message}`;
      this.#set('ScalingActive', 'False', first.reason, why);
      return undefined;
    }
    if (!best) return undefined;
    const message = `the HPA was able to successfully calculate a replica count from ${best.name}`;
    this.#set('ScalingActive', 'True', 'ValidMetricFound', message);
    return best;
  }

  #selector(scale: Scale): LabelMatcher | undefined {
    const { events } = this.#context;
    if (!scale.status.selector) {
      events.event(this.#hpa, 'Warning', 'SelectorRequired', 'selector is required');
      this.#set('ScalingActive', 'False', 'InvalidSelector', "the HPA target's scale is missing a selector");
      return undefined;
    }
    try {
      return parseLabelSelector(scale.status.selector);
    } catch (error) {
      const message = `couldn't convert selector into a corresponding internal selector object: ${(error as Error).message}`;
      events.event(this.#hpa, 'Warning', 'InvalidSelector', message);
      this.#set('ScalingActive', 'False', 'InvalidSelector', message);
      return undefined;
    }
  }

  async #rescale(
    { resource, scale }: Target,
    { replicas, reason }: { replicas: number; reason: string },
    current: number,
  ): Promise<boolean> {
    const { client, clock, events } = this.#context;
    const { namespace } = this.#hpa.metadata;
    const where = { namespace, name: this.#hpa.spec.scaleTargetRef.name, subresource: 'scale' };
    try {
      await client.subresource('update', resource, where, { ...scale, spec: { ...scale.spec, replicas } });
    } catch (error) {
      const message = (error as Error).message;
      events.event(
        this.#hpa,
        'Warning',
        'FailedRescale',
        `New size: ${replicas}; reason: ${reason}; error: ${message}`,
      );
      const why = `the HPA controller was unable to update the target scale: ${message}`;
      this.#set('AbleToScale', 'False', 'FailedUpdateScale', why);
      await this.#write({ replicas: current, desired: this.#hpa.status.desiredReplicas });
      throw error;
    }
    this.#history.changes.push({ at: clock.now(), by: replicas - current });
    events.event(this.#hpa, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${reason}`);
    const message = `the HPA controller was able to update the target scale to ${replicas}`;
    this.#set('AbleToScale', 'True', 'SucceededRescale', message);
    return true;
  }

  // Four short words of a condition read better in a row than as an object at twelve places.
  #set(type: string, status: 'True' | 'False', reason: string, message: string): void {
    this.#conditions = withCondition(this.#conditions, { type, status, reason, message }, this.#context.clock.now());
  }

  async #write(counts: { replicas: number | undefined; desired: number; scaled?: boolean }): Promise<void> {
    const before = this.#hpa.status;
    const lastScaleTime = counts.scaled ? formatTime(this.#context.clock.now()) : before.lastScaleTime;
    const status = {
      ...(this.#hpa.metadata.generation ? { observedGeneration: this.#hpa.metadata.generation } : {}),
      ...(lastScaleTime ? { lastScaleTime } : {}),
      ...(counts.replicas ? { currentReplicas: counts.replicas } : {}),
      desiredReplicas: counts.desired,
      currentMetrics: this.#metrics ?? before.currentMetrics,
      ...(this.#conditions.length ? { conditions: this.#conditions } : {}),
    };
    if (deepEqual(status, before)) return;
    try {
      await this.#context.client.updateStatus(HorizontalPodAutoscaler, { ...this.#hpa, status });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
