import { defineKind, type Shared } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { podColumns } from './pod-columns.ts';
import { setPodDefaults } from './pod-defaults.ts';
import { preparePodCreate, preparePodStatusUpdate } from './pod-preparation.ts';
import { podRules } from './pod-ratcheting.ts';
import { validatePodResize } from './pod-resize-validation.ts';
import { validateEphemeralContainersUpdate, validatePodUpdate } from './pod-update-validation.ts';
import { validatePod, validatePodCreate, validatePodStatusUpdate } from './pod-validation.ts';
import { podWarnings } from './pod-warnings.ts';
import { ratcheted } from './ratcheting.ts';

/** A group of containers on one node. */
export type Pod = core.Pod;

const validateRatcheted = ratcheted(validatePod, podRules);

/** core/v1 Pod. */
export const Pod = defineKind<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'core/v1.Pod',
  subresources: {
    status: true,
    attach: { verbs: ['create', 'get'], group: '', version: 'v1', kind: 'PodAttachOptions' },
    binding: { verbs: ['create'], group: '', version: 'v1', kind: 'Binding' },
    ephemeralcontainers: { verbs: ['get', 'patch', 'update'] },
    eviction: { verbs: ['create'], group: 'policy', version: 'v1', kind: 'Eviction' },
    exec: { verbs: ['create', 'get'], group: '', version: 'v1', kind: 'PodExecOptions' },
    log: { verbs: ['get'] },
    portforward: { verbs: ['create', 'get'], group: '', version: 'v1', kind: 'PodPortForwardOptions' },
    proxy: {
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
      group: '',
      version: 'v1',
      kind: 'PodProxyOptions',
    },
    resize: { verbs: ['get', 'patch', 'update'] },
  },
  defaults: setPodDefaults,
  prepareCreate: preparePodCreate,
  prepareStatusUpdate: preparePodStatusUpdate,
  validate: validateRatcheted,
  validateCreate: validatePodCreate,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  validateSubresourceUpdate(subresource, pod, old) {
    if (subresource === 'ephemeralcontainers')
      return [...validateRatcheted(pod, old), ...validateEphemeralContainersUpdate(pod, old)];
    return subresource === 'resize' ? [...validateRatcheted(pod, old), ...validatePodResize(pod, old)] : [];
  },
  warnings: podWarnings,
  columns: podColumns,
  fieldLabels: {
    'spec.nodeName': (pod) => pod.spec.nodeName ?? '',
    'spec.restartPolicy': (pod) => pod.spec.restartPolicy ?? '',
    'spec.schedulerName': (pod) => pod.spec.schedulerName ?? '',
    'spec.serviceAccountName': (pod) => pod.spec.serviceAccountName ?? '',
    'spec.hostNetwork': (pod) => String(pod.spec.hostNetwork ?? false),
    'status.phase': (pod) => pod.status.phase ?? '',
    'status.podIP': (pod) => pod.status.podIPs?.[0]?.ip ?? pod.status.podIP ?? '',
    'status.podIPs': (pod) => pod.status.podIPs?.[0]?.ip ?? '',
    'status.nominatedNodeName': (pod) => pod.status.nominatedNodeName ?? '',
  },
  gracePeriodSeconds: podGracePeriodSeconds,
  allowUnconditionalUpdate: true,
});

/** Undefined when the pod may go at once: never scheduled, or already ended. */
function podGracePeriodSeconds(pod: Shared<Pod>): number | undefined {
  if (!pod.spec.nodeName || pod.status.phase === 'Failed' || pod.status.phase === 'Succeeded') return undefined;
  const seconds = pod.spec.terminationGracePeriodSeconds ?? 30;
  return seconds < 0 ? 1 : seconds;
}
