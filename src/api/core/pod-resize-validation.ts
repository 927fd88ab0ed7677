/** What `pods/resize` may change: cpu and memory of running containers (KEP-1287) and of the pod (KEP-5419). */
import { type DeepReadonly, deepEqual, mutableCopy } from '../../base/deep.ts';
import { at, child, type FieldError, forbidden, invalid } from '../machinery/field-error.ts';
import type { Container, Pod, PodSpec, ResourceRequirements } from '../types/core-v1.ts';
import { podQosClass } from './pod-qos.ts';
import { resizableContainers } from './pod-update-validation.ts';

type SharedPod = DeepReadonly<Pod>;

/** An update through the resize subresource; the pod's own validation has been run too. */
export function validatePodResize(pod: SharedPod, old: SharedPod): FieldError[] {
  const refusal = refuseResize(old);
  if (refusal) return [forbidden('', refusal)];
  const errors: FieldError[] = [];
  if ((old.status.qosClass || podQosClass(old.spec)) !== podQosClass(pod.spec)) {
    errors.push(invalid('spec', pod.status.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  }
  const running = old.status.containerStatuses?.find((status) => status.state.running);
  if (running && !running.resources) errors.push(forbidden('spec', 'Pod running on node without support for resize'));
  errors.push(...validateResize(pod.spec.resources ?? {}, old.spec.resources ?? {}, 'spec.resources'));
  for (const [listPath, i, before] of resizableContainers(old.spec)) {
    const list = listPath === 'spec.containers' ? pod.spec.containers : pod.spec.initContainers;
    const after = list?.[i];
    if (after) errors.push(...validateResize(after.resources, before.resources, child(at(listPath, i), 'resources')));
  }
  errors.push(...validateInitContainers(pod.spec, old.spec));
  if (errors.length) return errors;
  return deepEqual(withResourcesOf(pod.spec, old.spec), old.spec)
    ? []
    : [forbidden('spec', 'only cpu and memory resources are mutable')];
}

function refuseResize(old: SharedPod): string | undefined {
  if (old.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return 'static pods cannot be resized';
  return old.spec.os?.name === 'windows' ? 'windows pods cannot be resized' : undefined;
}

type Requirements = DeepReadonly<ResourceRequirements>;

function validateResize(resources: Requirements, old: Requirements, path: string): FieldError[] {
  return (['requests', 'limits'] as const).flatMap((list) =>
    Object.keys(old[list] ?? {}).some((name) => resources[list]?.[name] === undefined)
      ? [forbidden(child(path, list), `resource ${list} cannot be removed`)]
      : [],
  );
}

/** Those that are not sidecars have run, or run once. */
function validateInitContainers({ initContainers = [] }: Spec, { initContainers: old = [] }: Spec): FieldError[] {
  return old.flatMap((before, i) =>
    before.restartPolicy === 'Always' || deepEqual(initContainers[i], before)
      ? []
      : [forbidden('spec', 'resources for non-sidecar init containers are immutable')],
  );
}

type Spec = DeepReadonly<PodSpec>;

/** The spec with the cpu and memory of the old one, so that any difference left is one that may not be. */
function withResourcesOf(spec: Spec, old: Spec): PodSpec {
  const munged = mutableCopy(spec) as PodSpec;
  if (munged.resources) {
    setBack(munged.resources, old.resources ?? {});
    if (!old.resources && !Object.keys(munged.resources).length) delete munged.resources;
  }
  for (const [listPath, i, before] of resizableContainers(old)) {
    const container = (listPath === 'spec.containers' ? munged.containers : munged.initContainers)?.[i];
    if (!container) continue;
    setBack(container.resources, before.resources);
    if (before.resizePolicy)
      container.resizePolicy = mutableCopy(before.resizePolicy) as Container['resizePolicy'] & {};
    else delete container.resizePolicy;
  }
  return munged;
}

function setBack(resources: ResourceRequirements, old: Requirements): void {
  for (const list of ['requests', 'limits'] as const) {
    const kept = Object.entries(resources[list] ?? {}).filter(([n]) => n !== 'cpu' && n !== 'memory');
    const back = Object.entries(old[list] ?? {}).filter(([n]) => n === 'cpu' || n === 'memory');
    if (old[list] === undefined && kept.length === 0) delete resources[list];
    else resources[list] = Object.fromEntries([...kept, ...back]);
  }
}
