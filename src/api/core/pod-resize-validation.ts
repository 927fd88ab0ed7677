/** What `pods/resize` may change: cpu and memory of running containers (KEP-1287). */
import { type DeepReadonly, deepEqual, mutableCopy } from '../../base/deep.ts';
import { at, child, type FieldError, forbidden, invalid } from '../machinery/field-error.ts';
import type { Container, Pod, PodSpec, ResourceRequirements } from '../types/core-v1.ts';
import { podQosClass } from './pod-qos.ts';
import { resizableContainers } from './pod-update-validation.ts';

type SharedPod = DeepReadonly<Pod>;

/** An update through the resize subresource; the pod's own validation has been run too. */
export function validatePodResize(pod: SharedPod, old: SharedPod): FieldError[] {
  const refusal = refuseResize(pod, old);
  if (refusal) return [forbidden('', refusal)];
  const errors: FieldError[] = [];
  if ((old.status.qosClass || podQosClass(old.spec)) !== podQosClass(pod.spec)) {
    errors.push(invalid('spec', pod.status.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  }
  const running = old.status.containerStatuses?.find((status) => status.state.running);
  if (running && !running.resources) errors.push(forbidden('spec', 'Pod running on node without support for resize'));
  for (const [listPath, i, before] of resizableContainers(old.spec)) {
    const list = listPath === 'spec.containers' ? pod.spec.containers : pod.spec.initContainers;
    const after = list?.[i];
    if (after) errors.push(...validateContainerResize(after, before.resources, child(at(listPath, i), 'resources')));
  }
  if (errors.length) return errors;
  return deepEqual(withResourcesOf(pod.spec, old.spec), old.spec)
    ? []
    : [forbidden('spec', 'only cpu and memory resources are mutable')];
}

function refuseResize(pod: SharedPod, old: SharedPod): string | undefined {
  const podLevel = ({ spec: { resources } }: SharedPod) =>
    Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0;
  if (podLevel(pod) || podLevel(old)) return 'pods with pod-level resources cannot be resized';
  if (old.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return 'static pods cannot be resized';
  return old.spec.os?.name === 'windows' ? 'windows pods cannot be resized' : undefined;
}

function validateContainerResize(
  { resources }: DeepReadonly<Container>,
  old: DeepReadonly<ResourceRequirements>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const list of ['requests', 'limits'] as const) {
    if (Object.keys(old[list] ?? {}).some((name) => resources[list]?.[name] === undefined)) {
      errors.push(forbidden(child(path, list), `resource ${list} cannot be removed`));
    }
  }
  return errors;
}

/** The spec with the cpu and memory of the old one, so that any difference left is one that may not be. */
function withResourcesOf(spec: DeepReadonly<PodSpec>, old: DeepReadonly<PodSpec>): PodSpec {
  const munged = mutableCopy(spec) as PodSpec;
  for (const [listPath, i, before] of resizableContainers(old)) {
    const container = (listPath === 'spec.containers' ? munged.containers : munged.initContainers)?.[i];
    if (!container) continue;
    for (const list of ['requests', 'limits'] as const) {
      const kept = Object.entries(container.resources[list] ?? {}).filter(([n]) => n !== 'cpu' && n !== 'memory');
      const back = Object.entries(before.resources[list] ?? {}).filter(([n]) => n === 'cpu' || n === 'memory');
      if (before.resources[list] === undefined && kept.length === 0) delete container.resources[list];
      else container.resources[list] = Object.fromEntries([...kept, ...back]);
    }
    if (before.resizePolicy)
      container.resizePolicy = mutableCopy(before.resizePolicy) as Container['resizePolicy'] & {};
    else delete container.resizePolicy;
  }
  return munged;
}
