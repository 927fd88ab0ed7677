/** What two older plugins do about namespaces that do not exist; NamespaceLifecycle is what clusters have by default. */
import { Namespace } from '../../api/core/namespace.ts';
import { isAlreadyExists } from '../../api/machinery/status.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';

const isInside = ({ namespace, resource }: AdmissionRequest): boolean =>
  namespace !== '' && !(resource.group === '' && resource.plural === 'namespaces');

/** Makes the namespace that something is created in, when there is none. On request. */
export const namespaceAutoProvision = defineAdmissionPlugin({
  name: 'NamespaceAutoProvision',
  order: 10,
  enabledByDefault: false,
  handles: (request) => request.operation === 'CREATE' && !request.dryRun && isInside(request),
  create({ client, informers }) {
    const namespaces = informers.informer(Namespace);
    return {
      mutate({ namespace: name }) {
        if (namespaces.get(undefined, name)) return;
        return client.create(Namespace, { metadata: { name } }).then(
          () => {},
          (error: unknown) => {
            if (!isAlreadyExists(error)) throw error;
          },
        );
      },
    };
  },
});

/** Refuses whatever is to happen in a namespace that does not exist. On request. */
export const namespaceExists = defineAdmissionPlugin({
  name: 'NamespaceExists',
  order: 25,
  enabledByDefault: false,
  handles: (request) => request.operation !== 'CONNECT' && isInside(request),
  create({ client, informers }) {
    const namespaces = informers.informer(Namespace);
    return {
      validate({ namespace: name }) {
        if (namespaces.get(undefined, name)) return;
        return client.get(Namespace, { name }).then(() => {});
      },
    };
  },
});
