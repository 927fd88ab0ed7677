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

/** A namespace with labels. */
export function namespace(name: string, labels: Record<string, string> = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, uid: name, resourceVersion: '1', labels },
    spec: {},
    status: {},
  };
}

/** A running pod on the node `node`, with one container. */
export function pod(
  name: string,
  labels: Record<string, string>,
  address: string,
  options: { namespace?: string; ports?: object[]; nodeName?: string; spec?: object; status?: object } = {},
): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: options.namespace ?? 'default', name, uid: name, resourceVersion: '1', labels },
    spec: {
      nodeName: options.nodeName ?? 'node',
      containers: [{ name: 'c', image: 'i', ports: options.ports ?? [] }],
      ...options.spec,
    },
    status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }], ...options.status },
  };
}

/** A network policy of the default namespace. */
export function policy(name: string, spec: object): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace: 'default', name, uid: name, resourceVersion: '1' },
    spec: { policyTypes: ['Ingress'], ...spec },
  };
}
