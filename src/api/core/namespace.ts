import { defineKind } from '../kind.ts';
import { nameIsDnsLabel } from '../machinery/names.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, nameColumn, textColumn } from './columns.ts';
import { validateNamespace, validateNamespaceStatus } from './node-validation.ts';

/** A scope for names, policies and quotas. */
export type Namespace = core.Namespace;

/** core/v1 Namespace. */
export const Namespace = defineKind<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  scope: 'Cluster',
  schema: 'core/v1.Namespace',
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: { status: true, finalize: { verbs: ['update'] } },
  defaults(namespace) {
    namespace.status.phase ||= 'Active';
    const { name, labels } = namespace.metadata;
    if (name) namespace.metadata.labels = { ...labels, 'kubernetes.io/metadata.name': name };
  },
  prepareCreate(namespace) {
    namespace.status = { phase: 'Active' };
    // A namespace without the finalizer of its contents would vanish before them.
    const finalizers = namespace.spec.finalizers ?? [];
    if (!finalizers.includes('kubernetes')) namespace.spec.finalizers = [...finalizers, 'kubernetes'];
    if (namespace.metadata.name) {
      namespace.metadata.labels = {
        ...namespace.metadata.labels,
        'kubernetes.io/metadata.name': namespace.metadata.name,
      };
    }
  },
  prepareUpdate(namespace, old) {
    if (old.spec.finalizers) namespace.spec.finalizers = [...old.spec.finalizers];
    else delete namespace.spec.finalizers;
  },
  validateName: nameIsDnsLabel,
  validate: validateNamespace,
  validateStatusUpdate: validateNamespaceStatus,
  columns: [nameColumn, textColumn('Status', (n) => n.status.phase ?? ''), ageColumn],
  fieldLabels: { 'status.phase': (n) => n.status.phase ?? '', name: (n) => n.metadata.name },
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
});
