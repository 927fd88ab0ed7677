/** The quality-of-service class of a pod. */
import type { DeepReadonly } from '../../base/deep.ts';
import { Quantity } from '../machinery/quantity.ts';
import type { PodSpec, ResourceRequirements } from '../types/core-v1.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** Guaranteed when every container limits cpu and memory to what it requests, BestEffort when none asks for anything. */
export function podQosClass(spec: DeepReadonly<PodSpec>): QosClass {
  const podLevel = spec.resources;
  const units: DeepReadonly<ResourceRequirements>[] =
    podLevel && (podLevel.requests || podLevel.limits)
      ? [podLevel]
      : [...spec.containers, ...(spec.initContainers ?? [])].map((c) => c.resources);
  const requests = new Map<string, Quantity>();
  const limits = new Map<string, Quantity>();
  let guaranteed = true;
  for (const unit of units) {
    sumInto(requests, unit.requests);
    if (sumInto(limits, unit.limits) < 2) guaranteed = false;
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  const equal =
    requests.size === limits.size && [...requests].every(([name, quantity]) => limits.get(name)?.cmp(quantity) === 0);
  return guaranteed && equal ? 'Guaranteed' : 'Burstable';
}

function sumInto(sums: Map<string, Quantity>, list: Readonly<Record<string, string>> | undefined): number {
  let found = 0;
  for (const name of ['cpu', 'memory']) {
    const text = list?.[name];
    const quantity = text === undefined ? undefined : Quantity.tryParse(text);
    if (!quantity || quantity.sign() <= 0) continue;
    found++;
    const sum = sums.get(name);
    sums.set(name, sum ? sum.add(quantity) : quantity);
  }
  return found;
}
