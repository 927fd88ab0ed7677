/** Services, slices and pods as the API server would give them. */

/** A service of the default namespace. */
export function service(name: string, spec: object, status: object = { loadBalancer: {} }): object {
  const clusterIP = (spec as { clusterIP?: string }).clusterIP ?? 'None';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name, uid: name, resourceVersion: '1' },
    spec: {
      type: 'ClusterIP',
      clusterIPs: [clusterIP],
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }],
      ...spec,
    },
    status,
  };
}

type EndpointDraft = string | ({ address: string; node?: string; hints?: object } & Record<string, unknown>);

/** The endpoint slice of a service: addresses, or objects with conditions and a node (`node` by default). */
export function slice(
  serviceName: string,
  endpoints: EndpointDraft[],
  options: { ports?: object[]; addressType?: string; name?: string } = {},
): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: 'default',
      name: options.name ?? `${serviceName}-${options.addressType ?? 'IPv4'}`,
      uid: `${serviceName}-slice`,
      resourceVersion: '1',
      labels: { 'kubernetes.io/service-name': serviceName },
    },
    addressType: options.addressType ?? 'IPv4',
    ports: options.ports ?? [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map((draft) => {
      const { address, node = 'node', hints, ...conditions } = typeof draft === 'string' ? { address: draft } : draft;
      return {
        addresses: [address],
        conditions: { ready: true, serving: true, terminating: false, ...conditions },
        nodeName: node,
        ...(hints ? { hints } : {}),
      };
    }),
  };
}
