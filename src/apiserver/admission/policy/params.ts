/** Finding the parameters that a policy's binding refers to. */
import { CustomResourceDefinition } from '../../../api/apiextensions/custom-resource-definition.ts';
import type { KindRef, KubeObject, Shared } from '../../../api/kind.ts';
import { builtinKinds } from '../../../api/kinds.gen.ts';
import { labelSelectorMatcher } from '../../../api/machinery/selectors.ts';
import type { ParamKind, ParamRef } from '../../../api/types/admissionregistration-v1.ts';
import type { AdmissionEnvironment, AdmissionRequest } from '../admission.ts';

/** Why a binding's parameters cannot be had; the failure policy decides what follows. */
export class ParamError extends Error {
  override readonly name = 'ParamError';
}

/** The resource of a kind, built-in or custom. */
async function resourceOf(
  { client }: AdmissionEnvironment,
  { apiVersion = '', kind = '' }: Shared<ParamKind>,
): Promise<KindRef> {
  const slash = apiVersion.indexOf('/');
  const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
  const builtin = builtinKinds.find((one) => one.group === group && one.version === version && one.kind === kind);
  if (builtin) return builtin;
  const { items } = await client.list(CustomResourceDefinition);
  const found = items.find(
    ({ spec }) =>
      spec.group === group && spec.names.kind === kind && spec.versions.some((v) => v.name === version && v.served),
  );
  if (!found) throw new ParamError(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`);
  return { group, version, kind, plural: found.spec.names.plural, namespaced: found.spec.scope === 'Namespaced' };
}

/**
 * The parameters to evaluate a policy with, each on its own: [undefined] when the policy takes none, an empty list when
 * the binding allows that there are none. Throws ParamError.
 */
export async function findParams(
  environment: AdmissionEnvironment,
  request: AdmissionRequest,
  { paramKind, paramRef }: { paramKind: Shared<ParamKind> | undefined; paramRef: Shared<ParamRef> | undefined },
): Promise<readonly (Shared<KubeObject> | undefined)[]> {
  if (!paramKind || !paramRef) return [undefined];
  const kind = await resourceOf(environment, paramKind);
  const namespace = kind.namespaced ? paramRef.namespace || request.namespace : '';
  if (kind.namespaced && !namespace) {
    throw new ParamError('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  }
  if (!kind.namespaced && paramRef.namespace) {
    throw new ParamError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  }
  const found = await search(environment, { kind, namespace, paramRef });
  if (found.length) return found;
  if (paramRef.parameterNotFoundAction === 'Allow') return [];
  throw new ParamError('no params found for policy binding with `Deny` parameterNotFoundAction');
}

async function search(
  { client }: AdmissionEnvironment,
  { kind, namespace, paramRef }: { kind: KindRef; namespace: string; paramRef: Shared<ParamRef> },
): Promise<readonly Shared<KubeObject>[]> {
  const scope = namespace ? { namespace } : {};
  if (paramRef.name) {
    const one = await client.find(kind, { ...scope, name: paramRef.name });
    return one ? [one] : [];
  }
  const matcher = labelSelectorMatcher(paramRef.selector);
  const { items } = await client.list(kind, scope);
  return items.filter((item) => matcher.matches(item.metadata.labels ?? {}));
}
