import { defineKind } from '../kind.ts';
import type * as apiextensions from '../types/apiextensions-v1.ts';

/** Adds a kind to the API. */
export type CustomResourceDefinition = apiextensions.CustomResourceDefinition;

/** apiextensions.k8s.io/v1 CustomResourceDefinition. */
export const CustomResourceDefinition = defineKind<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  scope: 'Cluster',
  schema: 'apiextensions/v1.CustomResourceDefinition',
  subresources: { status: true },
  defaults({ spec }) {
    spec.names.singular ||= spec.names.kind.toLowerCase();
    if (!spec.names.listKind && spec.names.kind) spec.names.listKind = `${spec.names.kind}List`;
    spec.conversion ??= { strategy: 'None' };
    const service = spec.conversion.webhook?.clientConfig?.service;
    if (service) service.port ??= 443;
  },
  prepareCreate(definition) {
    const storedVersions = definition.spec.versions.filter((v) => v.storage).map((v) => v.name);
    definition.status = {
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions,
    };
  },
  prepareUpdate(definition) {
    // Objects may be stored in every version that was once the storage version.
    const stored = definition.status.storedVersions;
    for (const { name, storage } of definition.spec.versions) {
      if (storage && !stored?.includes(name)) definition.status.storedVersions = [...(stored ?? []), name];
    }
  },
});
