/** What the controls of the Pod Security Standards have in common. */
import type { Shared } from '../../../api/kind.ts';
import type { Container, PodSpec, PodTemplateSpec, SecurityContext } from '../../../api/types/core-v1.ts';

/** The part of a pod that the controls look at: a pod, or the template of a workload. */
export interface CheckedPod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: Shared<PodSpec>;
}

export type CheckedTemplate = Shared<PodTemplateSpec>;

/** Why a pod is not allowed: `privileged (container "a" must not set …)`. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

/** One control, from the version on that first had it. */
export interface Control {
  readonly id: string;
  /** Minor version of Kubernetes 1; the same id again with a higher one replaces the check from there on. */
  readonly since: number;
  check(pod: CheckedPod): Violation | undefined;
}

/** Every container of a pod: init, main, ephemeral. */
export function containersOf(spec: Shared<PodSpec>): readonly Shared<Container>[] {
  return [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...((spec.ephemeralContainers ?? []) as readonly Shared<Container>[]),
  ];
}

export const quoted = (values: Iterable<string>): string => [...values].map((v) => JSON.stringify(v)).join(', ');

export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);

/** `container "a"` or `containers "a", "b"`. */
export const named = (containers: readonly { readonly name: string }[]): string =>
  `${plural('container', 'containers', containers.length)} ${quoted(containers.map((c) => c.name))}`;

/** `pod`, `container "a"`, or both joined: who has set something. */
export function setters(pod: boolean, containers: readonly { readonly name: string }[]): string {
  return [...(pod ? ['pod'] : []), ...(containers.length ? [named(containers)] : [])].join(' and ');
}

/** Containers whose security context fails a test. */
export const failing = (
  spec: Shared<PodSpec>,
  isBad: (context: Shared<SecurityContext> | undefined) => boolean,
): readonly Shared<Container>[] => containersOf(spec).filter((container) => isBad(container.securityContext));

export const isWindows = (spec: Shared<PodSpec>): boolean => spec.os?.name === 'windows';
