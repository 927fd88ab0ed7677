/** Metrics in the shape that autoscaling/v1's annotations give them, to and from v2's. */
import type * as v1 from '../types/autoscaling-v1.ts';
import type * as v2 from '../types/autoscaling-v2.ts';

/**
 * Specs and statuses have the same shape but for names: a spec says `targetAverageValue` and `target`, a status
 * `currentAverageValue` and `current`. An annotation's object metric calls its average value `averageValue` in both.
 */
type Side = 'target' | 'current';
type Loose = Record<string, unknown>;
type Amounts = Pick<v2.MetricValueStatus, 'value' | 'averageValue' | 'averageUtilization'>;

const names = {
  target: { value: 'targetValue', averageValue: 'targetAverageValue', averageUtilization: 'targetAverageUtilization' },
  current: {
    value: 'currentValue',
    averageValue: 'currentAverageValue',
    averageUtilization: 'currentAverageUtilization',
  },
} as const;

/** Leaves out what is undefined, so that JSON and equality see an absent field. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}

/** The amounts of v2; a target also says which of them counts. */
function amounts(side: Side, { value, averageValue, averageUtilization }: Amounts): Loose {
  const type = value !== undefined ? 'Value' : averageValue !== undefined ? 'AverageValue' : 'Utilization';
  return defined({ ...(side === 'target' ? { type } : {}), value, averageValue, averageUtilization });
}

const identifier = (name: unknown, selector: unknown): Loose => defined({ name, selector });

function fromV1(metric: Loose, side: Side): Loose {
  const name = names[side];
  const out: Loose = { type: metric['type'] };
  const part = (key: string) => metric[key] as Loose | undefined;
  const text = (source: Loose, key: string) => source[key] as string | undefined;
  for (const key of ['resource', 'containerResource']) {
    const source = part(key);
    if (!source) continue;
    const found = amounts(side, {
      averageValue: text(source, name.averageValue),
      averageUtilization: source[name.averageUtilization] as number | undefined,
    });
    out[key] = defined({ name: source['name'], container: source['container'], [side]: found });
  }
  const pods = part('pods');
  if (pods) {
    out['pods'] = {
      metric: identifier(pods['metricName'], pods['selector']),
      [side]: amounts(side, { averageValue: text(pods, name.averageValue) }),
    };
  }
  const object = part('object');
  if (object) {
    const averageValue = text(object, 'averageValue');
    // A target is one of the two; a status tells both.
    const value = side === 'target' && averageValue !== undefined ? undefined : text(object, name.value);
    out['object'] = {
      describedObject: object['target'],
      metric: identifier(object['metricName'], object['selector']),
      [side]: amounts(side, { value, averageValue }),
    };
  }
  const external = part('external');
  if (external) {
    out['external'] = {
      metric: identifier(external['metricName'], external['metricSelector']),
      [side]: amounts(side, { value: text(external, name.value), averageValue: text(external, name.averageValue) }),
    };
  }
  return out;
}

function toV1(metric: Loose, side: Side): Loose {
  const name = names[side];
  const out: Loose = { type: metric['type'] };
  const part = (key: string) => metric[key] as (Loose & { metric: v2.MetricIdentifier }) | undefined;
  const amountsOf = (source: Loose) => source[side] as Amounts;
  // Statuses always tell the amount; of targets only what cannot be absent is made up.
  const shown = (value: string | undefined) => value ?? (side === 'current' ? '0' : undefined);
  for (const key of ['resource', 'containerResource']) {
    const source = part(key);
    if (!source) continue;
    const { averageUtilization, averageValue } = amountsOf(source);
    out[key] = defined({
      name: source['name'],
      [name.averageUtilization]: averageUtilization,
      [name.averageValue]: shown(averageValue),
      container: source['container'],
    });
  }
  const pods = part('pods');
  if (pods) {
    out['pods'] = defined({
      metricName: pods.metric.name,
      [name.averageValue]: amountsOf(pods).averageValue ?? '0',
      selector: pods.metric.selector,
    });
  }
  const object = part('object');
  if (object) {
    out['object'] = defined({
      target: object['describedObject'],
      metricName: object.metric.name,
      [name.value]: amountsOf(object).value ?? '0',
      selector: object.metric.selector,
      averageValue: amountsOf(object).averageValue,
    });
  }
  const external = part('external');
  if (external) {
    out['external'] = defined({
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      [name.value]: shown(amountsOf(external).value),
      [name.averageValue]: amountsOf(external).averageValue,
    });
  }
  return out;
}

/** One metric of the annotation as v2 writes it. */
export const metricSpecFromV1 = (metric: v1.MetricSpec): v2.MetricSpec =>
  fromV1(metric as unknown as Loose, 'target') as unknown as v2.MetricSpec;

/** One metric of v2 as the annotation has it. */
export const metricSpecToV1 = (metric: v2.MetricSpec): v1.MetricSpec =>
  toV1(metric as unknown as Loose, 'target') as unknown as v1.MetricSpec;

/** One current metric of the annotation as v2 writes it. */
export const metricStatusFromV1 = (metric: v1.MetricStatus): v2.MetricStatus =>
  fromV1(metric as unknown as Loose, 'current') as unknown as v2.MetricStatus;

/** One current metric of v2 as the annotation has it. */
export const metricStatusToV1 = (metric: v2.MetricStatus): v1.MetricStatus =>
  toV1(metric as unknown as Loose, 'current') as unknown as v1.MetricStatus;
