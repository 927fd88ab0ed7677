import { Namespace } from '../../api/core/namespace.ts';
import type { Shared } from '../../api/kind.ts';
import { StatusError } from '../../api/machinery/status.ts';
import { type AdmissionEnvironment, defineAdmissionPlugin } from './admission.ts';
import { refusal } from './refusal.ts';

/** Namespaces that a cluster cannot do without. */
const immortal: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

/**
 * Nothing is created in a namespace that does not exist or is going away, and the basic namespaces stay (upstream
 * plugin/namespace/lifecycle).
 */
export const namespaceLifecycle = defineAdmissionPlugin({
  name: 'NamespaceLifecycle',
  order: 20,
  enabledByDefault: true,
  handles: ({ operation }) => operation !== 'CONNECT',
  create(environment) {
    const namespaces = environment.informers.informer(Namespace);
    return {
      mutate(request) {
        const { operation, namespace, resource } = request;
        const aboutNamespace = resource.plural === 'namespaces' && resource.group === '';
        if (aboutNamespace && operation === 'DELETE' && immortal.has(request.name)) {
          throw refusal(request, 'this namespace may not be deleted');
        }
        if (!namespace || aboutNamespace || operation === 'DELETE') return;
        if (resource.group === 'authorization.k8s.io') return;
        const found = namespaces.get(undefined, namespace);
        if (found) return assertOpen(found);
        return liveNamespace(environment, namespace).then(assertOpen);

        function assertOpen(ns: Shared<Namespace>): void {
          if (operation !== 'CREATE' || ns.status.phase !== 'Terminating') return;
          const error = refusal(
            request,
            `unable to create new content in namespace ${namespace} because it is being terminated`,
          );
          throw new StatusError('Forbidden', error.message, {
            ...error.details,
            causes: [
              {
                reason: 'NamespaceTerminating',
                message: `namespace ${namespace} is being terminated`,
                field: 'metadata.namespace',
              },
            ],
          });
        }
      },
    };
  },
});

/** The informer may be a moment behind somebody who created the namespace just now. Throws NotFound. */
const liveNamespace = (environment: AdmissionEnvironment, name: string): Promise<Shared<Namespace>> =>
  environment.client.get(Namespace, { name });
