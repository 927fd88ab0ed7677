/** What makes a pod the nth of its StatefulSet: name, labels, host name and volumes. */
import type { StatefulSet } from '../../api/apps/stateful-set.ts';
import { StatefulSet as StatefulSetKind } from '../../api/apps/stateful-set.ts';
import type { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import type { PodTemplateSpec, Volume } from '../../api/types/core-v1.ts';
import type { Draft } from '../../client/client.ts';
import { revisionHashLabel } from '../controller-revisions.ts';
import { podFromTemplate } from '../pods/control.ts';

type Sts = Shared<StatefulSet>;

const podNameLabel = 'statefulset.kubernetes.io/pod-name';
const podIndexLabel = 'apps.kubernetes.io/pod-index';

export const replicasOf = (set: Sts): number => set.spec.replicas ?? 1;
export const startOrdinal = (set: Sts): number => set.spec.ordinals?.start ?? 0;
export const podName = (set: Sts, ordinal: number): string => `${set.metadata.name}-${ordinal}`;

/** The ordinal of a pod's name, or undefined for a pod that is not of the set. */
export function ordinalOf(set: Sts, pod: { readonly metadata: { readonly name: string } }): number | undefined {
  const { name } = pod.metadata;
  const prefix = `${set.metadata.name}-`;
  const text = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

/** Whether the ordinal is one that the set is to have now. */
export const isWanted = (set: Sts, ordinal: number): boolean =>
  ordinal >= startOrdinal(set) && ordinal < startOrdinal(set) + replicasOf(set);

export const revisionOf = (pod: Shared<Pod>): string => pod.metadata.labels?.[revisionHashLabel] ?? '';

export const claimName = (template: string, set: Sts, ordinal: number): string =>
  `${template}-${podName(set, ordinal)}`;

/** The nth pod, from the template of a revision. */
export function newPod(
  set: Sts,
  ordinal: number,
  from: { template: Shared<PodTemplateSpec>; revision: string },
): Draft<Pod> {
  const name = podName(set, ordinal);
  const draft = podFromTemplate(from.template, set, StatefulSetKind);
  draft.metadata!.name = name;
  draft.metadata!.labels = {
    ...draft.metadata!.labels,
    ...identityLabels(set, ordinal),
    [revisionHashLabel]: from.revision,
  };
  const volumes = volumesFor(set, ordinal, from.template.spec.volumes);
  draft.spec = {
    ...draft.spec,
    hostname: name,
    ...(set.spec.serviceName ? { subdomain: set.spec.serviceName } : {}),
    ...(volumes.length ? { volumes: volumes as Volume[] } : {}),
  };
  return draft;
}

function identityLabels(set: Sts, ordinal: number): Record<string, string> {
  return { [podNameLabel]: podName(set, ordinal), [podIndexLabel]: String(ordinal) };
}

function volumesFor(set: Sts, ordinal: number, own: readonly Shared<Volume>[] | undefined): readonly Shared<Volume>[] {
  const templates = set.spec.volumeClaimTemplates ?? [];
  const claimed = templates.map(({ metadata }) => ({
    name: metadata.name!,
    persistentVolumeClaim: { claimName: claimName(metadata.name!, set, ordinal) },
  }));
  const names = new Set(claimed.map(({ name }) => name));
  return [...claimed, ...(own ?? []).filter((volume) => !names.has(volume.name))];
}

/** The claims of the nth pod. */
export function claimsFor(set: Sts, ordinal: number): Draft<PersistentVolumeClaim>[] {
  return (set.spec.volumeClaimTemplates ?? []).map((template) => {
    const { name, labels, annotations } = template.metadata;
    return {
      metadata: {
        namespace: set.metadata.namespace,
        name: claimName(name!, set, ordinal),
        labels: { ...labels, ...set.spec.selector?.matchLabels },
        ...(annotations ? { annotations: { ...annotations } } : {}),
      },
      spec: template.spec as Draft<PersistentVolumeClaim>['spec'] & object,
    };
  });
}

/** Labels that an adopted or altered pod misses; undefined when it has its identity. */
export function missingIdentity(set: Sts, ordinal: number, pod: Shared<Pod>): Record<string, string> | undefined {
  const wanted = identityLabels(set, ordinal);
  return Object.entries(wanted).every(([key, value]) => pod.metadata.labels?.[key] === value) ? undefined : wanted;
}
