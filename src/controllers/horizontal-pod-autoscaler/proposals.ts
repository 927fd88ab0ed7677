/** What each metric of an autoscaler proposes, with the status that reports it. */
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
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
  readonly selector: LabelMatcher;
  readonly tolerances: Tolerances;
}

/** A metric that has no figures: with the reason that the ScalingActive condition gives. */
export class MetricError extends Error {
  override readonly name = 'MetricError';
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

const reasons: Readonly<Record<string, string>> = {
  Object: 'FailedGetObjectMetric',
  Pods: 'FailedGetPodsMetric',
  Resource: 'FailedGetResourceMetric',
  ContainerResource: 'FailedGetContainerResourceMetric',
  External: 'FailedGetExternalMetric',
};

function describe(spec: Shared<MetricSpec>): string {
  const resource = spec.resource ?? spec.containerResource;
  return resource ? `${resource.name} utilization` : `${spec.type.toLowerCase()} metric value`;
}

/** The replicas that one metric asks for. Throws {@link MetricError}. */
export async function propose(spec: Shared<MetricSpec>, facts: ProposalFacts): Promise<MetricProposal> {
  try {
    return await proposeBy(spec, facts);
  } catch (error) {
    if (error instanceof MetricError) throw error;
    const what = describe(spec);
    throw new MetricError(
      reasons[spec.type] ?? 'InvalidMetricSourceType',
      `failed to get ${what}: ${(error as Error).message}`,
    );
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
    case 'External':
      return byExternalMetric(facts, spec.external!);
    default:
      throw new MetricError('InvalidMetricSourceType', `unknown metric source type ${JSON.stringify(spec.type)}`);
  }
}

const podsOf = ({ hpa, context, selector }: ProposalFacts): readonly Shared<Pod>[] =>
  context
    .lister(Pod)
    .list(hpa.metadata.namespace)
    .filter((pod) => selector.matches(pod.metadata.labels));

const quantity = (milli: number): string => Quantity.ofMilli(Math.round(milli)).toString();

async function byResource(
  facts: ProposalFacts,
  source: { readonly name: string; readonly container?: string; readonly target: Shared<MetricTarget> },
): Promise<MetricProposal> {
  const { name: resource, container, target } = source;
  const { context, hpa, selector, current, tolerances } = facts;
  const pods = podsOf(facts);
  const of = { resource, ...(container === undefined ? {} : { container }) };
  const usage = await resourceUsage(context.client, {
    namespace: hpa.metadata.namespace,
    selector: selector.toString(),
    ...of,
  });
  const calculation: Calculation = {
    pods,
    usage,
    now: context.clock.now(),
    isCpu: resource === 'cpu',
    current,
    tolerances,
  };
  const byPercent = target.averageUtilization !== undefined;
  const proposal: Proposal = byPercent
    ? byUtilization(calculation, requestsOf(pods, of), target.averageUtilization)
    : byAverage({ ...calculation, isCpu: resource === 'cpu' }, milliOf(target.averageValue));
  const state = {
    name: resource,
    current: {
      averageValue: quantity(proposal.averageMilli),
      ...(byPercent ? { averageUtilization: proposal.utilization ?? 0 } : {}),
    },
  };
  const kind = byPercent
    ? `${resource} ${container ? 'container ' : ''}resource utilization (percentage of request)`
    : `${resource} ${container ? 'container ' : ''}resource`;
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
  const usage = await podMetric(context.client, { namespace, selector: selector.toString(), metric: metricOf(metric) });
  const calculation = { pods: podsOf(facts), usage, now: context.clock.now(), isCpu: false, current, tolerances };
  const proposal = byAverage(calculation, milliOf(target.averageValue));
  return {
    replicas: proposal.replicas,
    name: `pods metric ${metric.name}`,
    status: {
      type: 'Pods',
      pods: { metric: metric as never, current: { averageValue: quantity(proposal.averageMilli) } },
    },
  };
}

async function byObjectMetric(
  facts: ProposalFacts,
  { metric, target, describedObject }: Sources['object'],
): Promise<MetricProposal> {
  const { context, hpa, current, tolerances } = facts;
  const apiVersion = describedObject.apiVersion ?? 'v1';
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const resource = (await apiResourceCache(context.client, context.informers).get()).find(group, describedObject.kind);
  if (!resource)
    throw new Error(`unable to find the resource of ${describedObject.kind} in group ${JSON.stringify(group)}`);
  const { namespace } = hpa.metadata;
  const figure = await objectMetric(context.client, resource, {
    namespace,
    name: describedObject.name,
    metric: metricOf(metric),
  });
  const replicas = bySingleValue(figure, target, { current, pods: podsOf(facts), tolerances });
  return {
    replicas,
    name: `${describedObject.kind} metric ${metric.name}`,
    status: {
      type: 'Object',
      object: { metric: metric as never, describedObject, current: valueStatus(figure, target, current) },
    },
  };
}

async function byExternalMetric(
  facts: ProposalFacts,
  { metric, target }: Sources['external'],
): Promise<MetricProposal> {
  const { context, hpa, current, tolerances } = facts;
  const figure = await externalMetric(context.client, hpa.metadata.namespace, metricOf(metric));
  const replicas = bySingleValue(figure, target, { current, pods: podsOf(facts), tolerances });
  return {
    replicas,
    name: `external metric ${metric.name}(${JSON.stringify(metric.selector ?? null)})`,
    status: { type: 'External', external: { metric: metric as never, current: valueStatus(figure, target, current) } },
  };
}

const valueStatus = (milli: number, target: Shared<MetricTarget>, current: number) =>
  target.value === undefined
    ? { averageValue: quantity(current > 0 ? milli / current : milli) }
    : { value: quantity(milli) };
