/** Defaults of device requests, in claims and in templates of claims. */
import type { DeviceToleration, ExactDeviceRequest, ResourceClaimSpec } from '../types/resource-v1.ts';

/** One device exactly, unless the request says otherwise; tolerations compare values by default. */
export function setClaimSpecDefaults({ devices }: ResourceClaimSpec): void {
  for (const request of devices.requests ?? []) {
    if (request.exactly) setRequestDefaults(request.exactly);
    for (const alternative of request.firstAvailable ?? []) setRequestDefaults(alternative);
  }
}

function setRequestDefaults(request: Pick<ExactDeviceRequest, 'allocationMode' | 'count' | 'tolerations'>): void {
  request.allocationMode ||= 'ExactCount';
  if (request.allocationMode === 'ExactCount') request.count ||= 1;
  for (const toleration of request.tolerations ?? []) setTolerationDefaults(toleration);
}

/** An empty operator means Equal. */
export function setTolerationDefaults(toleration: DeviceToleration): void {
  toleration.operator ||= 'Equal';
}
