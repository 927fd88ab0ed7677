/** What each metric of an autoscaler proposes, with the status that reports it. */
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { type LabelMatcher, labelSelectorMatcher } from '../../api/machinery/selectors.ts';
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
} from '../../api/types/autoscaling-v2.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { ControllerContext } from '../../client/reconcile.ts';
import { apiResourceCache } from '../api-resources.ts';
import { externalMetric, objectMetric, podMetric, requestsOf, resourceUsage } from './metrics.ts';
import {
  byAverage,
  bySingleValue,
  byUtilization,
  type Calculation,
  milliOf,
  type Proposal,
  printMilli,
  type Tolerances,
} from './ratio.ts';

export interface MetricProposal {
  readonly replicas: number;
  /** How messages name the metric. */
  readonly name: string;
  readonly status: MetricStatus;
}

export interface ProposalFacts {
  readonly hpa: Shared<HorizontalPodAutoscaler>;
  readonly context: ControllerContext;
  readonly current: number;
  /** The replicas that the target reports to have. */
  readonly reported: number;
  readonly selector: LabelMatcher;
  readonly tolerances: Tolerances;
}

/** A metric that has no figures. */
export class MetricError extends Error {
  override readonly name = 'MetricError';
  /** What the ScalingActive condition gives as its reason. */
  readonly reason: string;
  /** The message as it is counted among the failures of all metrics. */
  readonly summary: string;

  constructor(reason: string, message: string, summary: string) {
    super(message);
    this.reason = reason;
    this.summary = summary;
  }
}

const reasons: Readonly<Record<string, string>> = {
  Object: 'FailedGetObjectMetric',
  Pods: 'FailedGetPodsMetric',
  Resource: 'FailedGetResourceMetric',
  ContainerResource: 'FailedGetContainerResourceMetric',
  External: 'FailedGetExternalMetric',
};

/** How a failure of a metric is introduced where all failures are told. */
function introductionOf({ type, resource, containerResource, object, external }: Shared<MetricSpec>): string {
  switch (type) {
    case 'Resource':
      return `failed to get ${resource!.name} resource metric value: `;
    case 'ContainerResource':
      return `failed to get ${containerResource!.container} container metric value: `;
    case 'External': {
      const { name } = external!.metric;
      const what = external!.target.value === undefined ? `${name} external metric` : `external metric ${name}`;
      return `failed to get ${name} external metric value: failed to get ${what}: `;
    }
    case 'Object': {
      const failed = 'failed to get object metric value: ';
      return object!.target.value === undefined
        ? `${failed}failed to get ${object!.metric.name} object metric: `
        : failed;
    }
    default:
      return `failed to get ${type.toLowerCase()} metric value: `;
  }
}

/** The replicas that one metric asks for. Throws {@link MetricError}. */
export async function propose(spec: Shared<MetricSpec>, facts: ProposalFacts): Promise<MetricProposal> {
  const reason = reasons[spec.type];
  if (!reason) {
    const message = `unknown metric source type ${JSON.stringify(spec.type)}`;
    throw new MetricError('InvalidMetricSourceType', message, message);
  }
  try {
    return await proposeBy(spec, facts);
  } catch (error) {
    const { message } = error as Error;
    throw new MetricError(reason, message, `${introductionOf(spec)}${message}`);
  }
}

async function naming<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${what}${(error as Error).message}`);
  }
}

async function proposeBy(spec: Shared<MetricSpec>, facts: ProposalFacts): Promise<MetricProposal> {
  switch (spec.type) {
    case 'Resource':
      return byResource(facts, { ...spec.resource! });
    case 'ContainerResource':
      return byResource(facts, { ...spec.containerResource! });
    case 'Pods':
      return byPodsMetric(facts, spec.pods!);
    case 'Object':
      return byObjectMetric(facts, spec.object!);
    default:
      return byExternalMetric(facts, spec.external!);
  }
}

const podsOf = ({ hpa, context, selector }: ProposalFacts): readonly Shared<Pod>[] =>
  context
    .lister(Pod)
    .list(hpa.metadata.namespace)
    .filter((pod) => selector.matches(pod.metadata.labels));

async function byResource(
  facts: ProposalFacts,
  source: { readonly name: string; readonly container?: string; readonly target: Shared<MetricTarget> },
): Promise<MetricProposal> {
  const { name: resource, container, target } = source;
  const { context, hpa, selector, current, tolerances } = facts;
  const pods = podsOf(facts);
  const of = { resource, ...(container === undefined ? {} : { container }) };
  const byPercent = target.averageUtilization !== undefined;
  const failed = `failed to get ${resource} ${byPercent ? 'utilization' : 'usage'}: `;
  const usage = await naming(`${failed}unable to get metrics for resource ${resource}: `, () =>
    resourceUsage(context.client, { namespace: hpa.metadata.namespace, selector: selector.toString(), ...of }),
  );
  const calculation: Calculation = {
    pods,
    usage,
    now: context.clock.now(),
    isCpu: resource === 'cpu',
    current,
    tolerances,
  };
  const proposal: Proposal = await naming(failed, async () =>
    byPercent
      ? byUtilization(calculation, requestsOf(pods, of), target.averageUtilization!)
      : byAverage(calculation, milliOf(target.averageValue)),
  );
  const state = {
    name: resource,
    current: {
      averageValue: printMilli(proposal.averageMilli),
      ...(byPercent ? { averageUtilization: proposal.utilization ?? 0 } : {}),
    },
  };
  const kind = byPercent ? `${resource} resource utilization (percentage of request)` : `${resource} resource`;
  return container === undefined
    ? { replicas: proposal.replicas, name: kind, status: { type: 'Resource', resource: state } }
    : {
        replicas: proposal.replicas,
        name: kind,
        status: { type: 'ContainerResource', containerResource: { ...state, container } },
      };
}

type Sources = Required<Shared<MetricSpec>>;

const metricOf = (metric: { readonly name: string; readonly selector?: Shared<LabelSelector> }) => ({
  name: metric.name,
  selector: metric.selector ? labelSelectorMatcher(metric.selector).toString() : '',
});

async function byPodsMetric(facts: ProposalFacts, { metric, target }: Sources['pods']): Promise<MetricProposal> {
  const { context, hpa, selector, current, tolerances } = facts;
  const { namespace } = hpa.metadata;
  const usage = await naming(`unable to get metric ${metric.name}: `, () =>
    podMetric(context.client, { namespace, selector: selector.toString(), metric: metricOf(metric) }),
  );
  const calculation = { pods: podsOf(facts), usage, now: context.clock.now(), isCpu: false, current, tolerances };
  const proposal = byAverage(calculation, milliOf(target.averageValue));
  return {
    replicas: proposal.replicas,
    name: `pods metric ${metric.name}`,
    status: {
      type: 'Pods',
      pods: { metric: metric as never, current: { averageValue: printMilli(proposal.averageMilli) } },
    },
  };
}

async function byObjectMetric(
  facts: ProposalFacts,
  { metric, target, describedObject }: Sources['object'],
): Promise<MetricProposal> {
  const { context, hpa } = facts;
  const { apiVersion = 'v1', kind, name } = describedObject;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const { namespace } = hpa.metadata;
  const figure = await naming(`unable to get metric ${metric.name}: ${kind} on ${namespace} ${name}/`, async () => {
    const resource = (await apiResourceCache(context.client, context.informers).get()).find(group, kind);
    if (!resource) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
    return objectMetric(context.client, resource, { namespace, name, metric: metricOf(metric) });
  });
  const { replicas, current } = bySingleValue(figure, target, { ...facts, pods: podsOf(facts) });
  return {
    replicas,
    name: target.value === undefined ? externalName(metric) : `${kind} metric ${metric.name}`,
    status: { type: 'Object', object: { metric: metric as never, describedObject, current } },
  };
}

async function byExternalMetric(
  facts: ProposalFacts,
  { metric, target }: Sources['external'],
): Promise<MetricProposal> {
  const { context, hpa } = facts;
  const { namespace } = hpa.metadata;
  const figure = await naming(
    `unable to get external metric ${namespace}/${metric.name}/${printSelector(metric.selector)}: `,
    () => externalMetric(context.client, namespace, metricOf(metric)),
  );
  const { replicas, current } = bySingleValue(figure, target, { ...facts, pods: podsOf(facts) });
  return {
    replicas,
    name: externalName(metric),
    status: { type: 'External', external: { metric: metric as never, current } },
  };
}

const externalName = ({ name, selector }: { readonly name: string; readonly selector?: Shared<LabelSelector> }) =>
  `external metric ${name}(${printSelector(selector)})`;

/** As Go prints the struct: messages have it so. */
function printSelector(selector: Shared<LabelSelector> | undefined): string {
  if (!selector) return 'nil';
  const labels = Object.entries(selector.matchLabels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`);
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
}
