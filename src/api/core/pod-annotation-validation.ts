/** Validation of the annotations that mean something for pods. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, type FieldError, forbidden, invalid } from '../machinery/field-error.ts';
import type { PodSpec } from '../types/core-v1.ts';
import { appArmorPrefix } from './profile-annotations.ts';

type Annotations = Readonly<Record<string, string>> | undefined;

/** Marks the API's copy of a pod that the kubelet runs from a file. */
export const mirrorAnnotation = 'kubernetes.io/config.mirror';
const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

/** Annotations as a create may have them. */
export function validatePodAnnotations(
  annotations: Annotations,
  spec: DeepReadonly<PodSpec>,
  path: string,
): FieldError[] {
  if (!annotations) return [];
  const errors: FieldError[] = [];
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName) {
    const detail = 'must set spec.nodeName if mirror pod annotation is set';
    errors.push(invalid(at(path, mirrorAnnotation), mirror, detail));
  }
  const cost = annotations[deletionCostAnnotation];
  if (cost !== undefined && !isInt32(cost)) {
    errors.push(invalid(at(path, deletionCostAnnotation), cost, 'must be a 32bit integer'));
  }
  const containers = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
  for (const [key, profile] of Object.entries(annotations)) {
    if (!key.startsWith(appArmorPrefix)) continue;
    const name = key.slice(appArmorPrefix.length);
    if (!containers.some((c) => c.name === name)) errors.push(invalid(at(path, key), name, 'container not found'));
    if (profile && profile !== 'runtime/default' && profile !== 'unconfined' && !profile.startsWith('localhost/')) {
      const detail = `invalid AppArmor profile name: ${JSON.stringify(profile)}`;
      errors.push(invalid(at(path, key), profile, detail));
    }
  }
  return errors;
}

/** Annotations that an update may not touch. */
export function validatePodAnnotationUpdate(annotations: Annotations, old: Annotations, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key of new Set([...Object.keys(annotations ?? {}), ...Object.keys(old ?? {})])) {
    if (annotations?.[key] === old?.[key]) continue;
    if (key.startsWith(appArmorPrefix)) {
      errors.push(forbidden(at(path, key), 'may not remove or update AppArmor annotations'));
    } else if (key === mirrorAnnotation) {
      const detail =
        old?.[key] === undefined
          ? 'may not add mirror pod annotation'
          : 'may not remove or update mirror pod annotation';
      errors.push(forbidden(at(path, key), detail));
    }
  }
  return errors;
}

function isInt32(text: string): boolean {
  const value = Number(text);
  return /^(0|[+-]?[1-9]\d*)$/.test(text) && value >= -2147483648 && value <= 2147483647;
}
