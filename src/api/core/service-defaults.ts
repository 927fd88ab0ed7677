/** Defaults of services, and what a change of type takes away. */
import type { DeepReadonly } from '../../base/deep.ts';
import type { Service } from '../types/core-v1.ts';

/** Whether traffic from outside the cluster may reach a service: what externalTrafficPolicy is for. */
export function isExternallyAccessible({ spec }: DeepReadonly<Service>): boolean {
  return (
    spec.type === 'LoadBalancer' ||
    spec.type === 'NodePort' ||
    (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0)
  );
}

/** Upstream's SetDefaults_Service. */
export function setServiceDefaults(service: Service): void {
  const { spec } = service;
  spec.type ||= 'ClusterIP';
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  else if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10800 } };
  }
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    port.targetPort ||= port.port;
  }
  if (isExternallyAccessible(service)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'LoadBalancer') return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of service.status.loadBalancer.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
}

const needsClusterIp = (s: DeepReadonly<Service>) => s.spec.type !== 'ExternalName';
const needsNodePort = (s: DeepReadonly<Service>) =>
  s.spec.type === 'NodePort' || (s.spec.type === 'LoadBalancer' && (s.spec.allocateLoadBalancerNodePorts ?? true));
const needsHealthCheckPort = (s: DeepReadonly<Service>) =>
  s.spec.type === 'LoadBalancer' && s.spec.externalTrafficPolicy === 'Local';

/**
 * Clears values that the new type cannot have, where the update only left them as they were: so that changing the
 * type alone is enough.
 */
export function dropTypeDependentFields(service: Service, old: DeepReadonly<Service>): void {
  const { spec } = service;
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  if (needsClusterIp(old) && !needsClusterIp(service)) {
    if (same(spec.clusterIP, old.spec.clusterIP) && same(spec.clusterIPs, old.spec.clusterIPs)) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (same(spec.ipFamilies, old.spec.ipFamilies)) delete spec.ipFamilies;
    if (same(spec.ipFamilyPolicy, old.spec.ipFamilyPolicy)) delete spec.ipFamilyPolicy;
  }
  if (needsNodePort(old) && !needsNodePort(service) && sameNodePorts(service, old)) {
    for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (needsHealthCheckPort(old) && !needsHealthCheckPort(service)) {
    if (spec.healthCheckNodePort === old.spec.healthCheckNodePort) delete spec.healthCheckNodePort;
  }
  if (old.spec.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === old.spec.allocateLoadBalancerNodePorts) {
      delete spec.allocateLoadBalancerNodePorts;
    }
    if (spec.loadBalancerClass === old.spec.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (isExternallyAccessible(old) && !isExternallyAccessible(service)) {
    if (spec.externalTrafficPolicy === old.spec.externalTrafficPolicy) delete spec.externalTrafficPolicy;
  }
  if (spec.type === 'ExternalName' && old.spec.type !== 'ExternalName') {
    if (spec.internalTrafficPolicy === old.spec.internalTrafficPolicy) delete spec.internalTrafficPolicy;
  }
}

function sameNodePorts(service: Service, old: DeepReadonly<Service>): boolean {
  const oldPorts = new Set((old.spec.ports ?? []).map((p) => p.nodePort ?? 0));
  return (service.spec.ports ?? []).every((p) => !p.nodePort || oldPorts.has(p.nodePort));
}
