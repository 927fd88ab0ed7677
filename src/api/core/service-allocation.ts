/** Keeps what the server allocated for a service when an update leaves it out. */
import type { DeepReadonly } from '../../base/deep.ts';
import type { Service } from '../types/core-v1.ts';

type SharedService = DeepReadonly<Service>;

const hasClusterIp = ({ spec }: SharedService) => spec.type !== 'ExternalName';
const hasNodePorts = ({ spec }: SharedService) => spec.type === 'NodePort' || spec.type === 'LoadBalancer';

/** `clusterIP` and the first of `clusterIPs` say the same, whichever of them the client wrote. */
export function normalizeClusterIps({ spec }: Service, old?: SharedService): void {
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const sameList = JSON.stringify(spec.clusterIPs ?? []) === JSON.stringify(old.spec.clusterIPs ?? []);
  if ((spec.clusterIP ?? '') !== (old.spec.clusterIP ?? '') && sameList) {
    if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
    else delete spec.clusterIPs;
  }
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
}

/** Copies addresses and ports that the update does not mention from the stored service. */
export function patchAllocatedValues(service: Service, old: SharedService): void {
  const { spec } = service;
  if (hasClusterIp(service) && hasClusterIp(old)) {
    if (!spec.clusterIP && old.spec.clusterIP) spec.clusterIP = old.spec.clusterIP;
    if (!spec.clusterIPs?.length && spec.clusterIP === old.spec.clusterIP && old.spec.clusterIPs) {
      spec.clusterIPs = [...old.spec.clusterIPs];
    }
  }
  if (hasNodePorts(service) && hasNodePorts(old)) {
    const taken = new Set((spec.ports ?? []).map((p) => `${p.protocol}/${p.nodePort}`));
    for (const port of spec.ports ?? []) {
      if (port.nodePort) continue;
      const before = (old.spec.ports ?? []).find((p) => p.port === port.port && p.protocol === port.protocol);
      if (before?.nodePort && !taken.has(`${port.protocol}/${before.nodePort}`)) port.nodePort = before.nodePort;
    }
  }
  const local = (s: SharedService) => s.spec.type === 'LoadBalancer' && s.spec.externalTrafficPolicy === 'Local';
  if (local(service) && local(old) && old.spec.healthCheckNodePort) {
    spec.healthCheckNodePort ||= old.spec.healthCheckNodePort;
  }
}
