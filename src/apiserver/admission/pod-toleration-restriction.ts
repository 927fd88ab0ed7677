import type { Pod } from '../../api/core/pod.ts';
import { podQosClass } from '../../api/core/pod-qos.ts';
import type { Toleration } from '../../api/types/core-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { namespaceAnnotations } from './namespace-annotation.ts';
import { isCore, refusal } from './refusal.ts';

const annotations = {
  defaults: 'scheduler.alpha.kubernetes.io/defaultTolerations',
  allowed: 'scheduler.alpha.kubernetes.io/tolerationsWhitelist',
} as const;

/** Whether everything that one tolerates, the other does as well. */
export function toleratesAll(wide: Toleration, narrow: Toleration): boolean {
  if (deepEqual(wide, narrow)) return true;
  if (narrow.key !== wide.key && (wide.key || wide.operator !== 'Exists')) return false;
  if (narrow.effect !== wide.effect && wide.effect) return false;
  const [most, asked] = [wide.tolerationSeconds, narrow.tolerationSeconds];
  if (wide.effect === 'NoExecute' && most !== undefined && (asked === undefined || asked > most)) return false;
  if (wide.operator === 'Exists') return true;
  return (!wide.operator || wide.operator === 'Equal') && narrow.operator === 'Equal' && narrow.value === wide.value;
}

/** Both lists as one, without what another of them covers. */
function merged(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  const kept: Toleration[] = [];
  for (const [i, one] of all.entries()) {
    const later = all.slice(i + 1).some((other) => !deepEqual(one, other) && toleratesAll(other, one));
    if (!later && !kept.some((other) => toleratesAll(other, one))) kept.push(one);
  }
  return kept;
}

/**
 * Pods get the tolerations that their namespace gives by default, and may have no others than it allows; the cluster's
 * configuration stands in for a namespace that says nothing. On request.
 */
export const podTolerationRestriction = defineAdmissionPlugin({
  name: 'PodTolerationRestriction',
  order: 160,
  enabledByDefault: false,
  handles: (request) => (request.operation === 'CREATE' || request.operation === 'UPDATE') && isCore(request, 'pods'),
  create(environment) {
    const configured = (environment.configuration ?? {}) as {
      default?: readonly Toleration[];
      whitelist?: readonly Toleration[];
    };
    const annotationOf = namespaceAnnotations(environment);

    /** What the namespace says; undefined when it says nothing. */
    async function ownList(request: AdmissionRequest, name: string): Promise<readonly Toleration[] | undefined> {
      const text = await annotationOf(request.namespace, name);
      if (text === undefined) return undefined;
      try {
        return text === '' ? [] : (JSON.parse(text) as Toleration[]);
      } catch (error) {
        throw refusal(request, `the annotation ${name} of its namespace: ${(error as Error).message}`);
      }
    }
    async function check(request: AdmissionRequest): Promise<void> {
      const { tolerations = [] } = (request.object as Pod).spec;
      const own = await ownList(request, annotations.allowed);
      const allowed = own ?? configured.whitelist ?? [];
      if (allowed.length === 0 || tolerations.every((one) => allowed.some((wide) => toleratesAll(wide, one)))) return;
      throw refusal(
        request,
        `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${own ? 'namespace' : 'cluster'} whitelist`,
      );
    }
    return {
      async mutate(request) {
        const { spec } = request.object as Pod;
        const extra =
          request.operation === 'CREATE'
            ? [...((await ownList(request, annotations.defaults)) ?? configured.default ?? [])]
            : [];
        if (podQosClass(spec) !== 'BestEffort') {
          extra.push({ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' });
        }
        if (extra.length) spec.tolerations = merged(spec.tolerations ?? [], extra);
        await check(request);
      },
      validate: check,
    };
  },
});
