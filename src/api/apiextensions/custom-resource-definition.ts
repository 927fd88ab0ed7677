import { defineKind } from '../kind.ts';
import type * as apiextensions from '../types/apiextensions-v1.ts';
import { validateNames } from './names-validation.ts';

/** Adds a kind to the API. */
export type CustomResourceDefinition = apiextensions.CustomResourceDefinition;

const storageVersions = ({ spec }: CustomResourceDefinition): string[] =>
  spec.versions
    .filter((version) => version.storage)
    .map((version) => version.name)
    .slice(0, 1);

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
    definition.status = {
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: storageVersions(definition),
    };
  },
  prepareUpdate(definition) {
    // Objects may be stored in every version that was once the storage version.
    const stored = definition.status.storedVersions ?? [];
    const storage = definition.spec.versions.find((version) => version.storage);
    if (storage && !stored.includes(storage.name)) definition.status.storedVersions = [...stored, storage.name];
  },
  prepareStatusUpdate(definition) {
    if (!definition.status.storedVersions?.length) definition.status.storedVersions = storageVersions(definition);
  },
  validateStatusUpdate: ({ status }) => validateNames(status.acceptedNames, 'status.acceptedNames'),
});
