import { ConfigMap } from '../api/core/config-map.ts';
import { Namespace } from '../api/core/namespace.ts';
import { isAlreadyExists } from '../api/machinery/status.ts';
import { deepEqual } from '../base/deep.ts';
import { defineController, watches } from '../client/reconcile.ts';
import { isNamespaceTerminating } from './pods/control.ts';
import { allow, recordEvents } from './rbac-rules.ts';

const name = 'kube-root-ca.crt';
const annotations = {
  'kubernetes.io/description':
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
};

/** Publishes the cluster's CA certificate in every namespace, for pods to verify the API server with. */
export const rootCaController = defineController<Namespace>({
  name: 'root-ca-cert-publisher',
  for: Namespace,
  watches: [
    watches<ConfigMap>({
      kind: ConfigMap,
      keys: (map) => (map.metadata.name === name ? [map.metadata.namespace] : []),
    }),
  ],
  rbac: [allow('create update', '', 'configmaps'), recordEvents],
  async reconcile(key, { client, lister, settings }) {
    const namespace = lister(Namespace).byKey(key);
    if (!namespace || namespace.metadata.deletionTimestamp || !settings.rootCa) return undefined;
    const data = { 'ca.crt': settings.rootCa };
    const found = lister(ConfigMap).get(key, name);
    if (!found) {
      try {
        await client.create(ConfigMap, { metadata: { namespace: key, name, annotations }, data });
      } catch (error) {
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
      }
      return undefined;
    }
    const described = Object.entries(annotations).every(([key, text]) => found.metadata.annotations?.[key] === text);
    if (described && deepEqual(found.data, data)) return undefined;
    await client.update(ConfigMap, {
      ...found,
      metadata: { ...found.metadata, annotations: { ...found.metadata.annotations, ...annotations } },
      data,
    });
    return undefined;
  },
});
