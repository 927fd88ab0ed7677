/** What updates of pods, and of kinds with pod templates, may keep (upstream: GetValidationOptionsFromPodSpecAndMeta). */
import { notResized } from './container-validation.ts';
import { keptAddresses } from './ip-rules.ts';
import { selectorValues, type Tolerable, tolerable } from './ratcheting.ts';

const localPath = /must be a relative path|must not contain '\.\.'|must not start with '\.\.'/;

/** Rules that are younger than some stored pods and templates. */
export const podRules: readonly Tolerable[] = [
  selectorValues,
  keptAddresses,
  tolerable({ path: /annotations\[controller\.kubernetes\.io\/pod-deletion-cost\]$/ }),
  tolerable({ detail: /is not positive integer multiple of hugepages-/ }),
  tolerable({ path: /nodeAffinity\.requiredDuringSchedulingIgnoredDuringExecution\..*\.values\[\d+\]$/ }),
  tolerable({ path: /topologySpreadConstraints\[\d+\]\.labelSelector/ }),
  tolerable({ detail: /^exists in both (matchLabelKeys and labelSelector|matchLabelKeys and mismatchLabelKeys)$/ }),
  tolerable({ path: /\.projected\.path$/, detail: localPath }),
  tolerable({ path: /\.sysctls\[\d+\]\.name$/, detail: /^may not be specified when 'host(Network|IPC)' is true$/ }),
  tolerable({ path: /\.resizePolicy$/, detail: new RegExp(`^${notResized}$`) }),
  tolerable({ path: /\.volumeDevices$/, detail: /^when `hostUsers` is false$/ }),
];
