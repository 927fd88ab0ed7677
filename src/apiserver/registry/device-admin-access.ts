/** Administrators' access to devices that others may be using: only in namespaces that are labelled for it (KEP-5018). */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { type FieldError, forbidden } from '../../api/machinery/field-error.ts';
import type { ResourceClaim } from '../../api/resource/resource-claim.ts';
import type { ResourceClaimTemplate } from '../../api/resource/resource-claim-template.ts';
import type { ApiContext, WriteHook } from '../context.ts';
import { keyFor } from './resource.ts';

const label = 'resource.kubernetes.io/admin-access';

/** What claims and their templates are checked for besides their own form. */
export function addAdminAccessHooks(api: ApiContext): void {
  const namespaces = api.registry.storage('', 'namespaces')!;
  const refusal = (namespace: string | undefined, path: string): FieldError[] => {
    const labels = namespaces.cache.get(keyFor(namespaces, '', namespace ?? ''))?.object.metadata.labels;
    if (labels?.[label] === 'true') return [];
    const detail = `admin access to devices requires the \`${label}: true\` label on the containing namespace`;
    return [forbidden(path, detail)];
  };
  const hook: WriteHook = {
    validate(object, old) {
      // What is asked for never changes.
      const i = old ? -1 : requestsOf(object).findIndex(({ exactly }) => exactly?.adminAccess);
      return i < 0 ? [] : refusal(object.metadata.namespace, `spec.devices.requests[${i}].adminAccess`);
    },
    validateStatus(object, old) {
      if (resultsOf(old).some(({ adminAccess }) => adminAccess)) return [];
      const i = resultsOf(object).findIndex(({ adminAccess }) => adminAccess);
      return i < 0 ? [] : refusal(object.metadata.namespace, `status.allocation.devices.results[${i}].adminAccess`);
    },
    beforeWrite: () => [],
  };
  for (const plural of ['resourceclaims', 'resourceclaimtemplates']) {
    api.writeHooks.set(api.registry.storage('resource.k8s.io', plural)!.prefix, hook);
  }
}

function requestsOf(object: Shared<KubeObject>) {
  const { spec } = object as Shared<ResourceClaim> | Shared<ResourceClaimTemplate>;
  return ('spec' in spec ? spec.spec : spec).devices.requests ?? [];
}

const resultsOf = (object: Shared<KubeObject>) =>
  (object as Shared<ResourceClaim>).status?.allocation?.devices.results ?? [];
