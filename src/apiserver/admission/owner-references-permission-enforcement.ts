import type { KubeObject, Shared } from '../../api/kind.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import type { AuthorizationAttributes } from '../authz/authorizer.ts';
import { type AdmissionEnvironment, type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { isCore, refusal } from './refusal.ts';

const ownersOf = (object: Shared<KubeObject> | undefined): readonly Shared<OwnerReference>[] =>
  object?.metadata?.ownerReferences ?? [];

/**
 * Whoever says what an object belongs to must be allowed to delete that object, since the owner's end will be its own;
 * whoever makes it hold its owner back must be allowed to set the owner's finalizers. On request.
 */
export const ownerReferencesPermissionEnforcement = defineAdmissionPlugin({
  name: 'OwnerReferencesPermissionEnforcement',
  order: 210,
  enabledByDefault: false,
  handles: (request) =>
    (request.operation === 'CREATE' || request.operation === 'UPDATE') && !isCore(request, 'pods', 'status'),
  create: (environment) => ({
    validate(request) {
      if (deepEqual(ownersOf(request.object), ownersOf(request.oldObject))) return;
      return check(environment, request);
    },
  }),
});

async function check(environment: AdmissionEnvironment, request: AdmissionRequest): Promise<void> {
  const { operation, user, namespace, name, resource, subresource } = request;
  const answer = (about: Omit<AuthorizationAttributes, 'user' | 'resourceRequest'>) =>
    environment.authorizer.authorize({ user, resourceRequest: true, ...about });
  if (operation !== 'CREATE') {
    const { group, version, plural } = resource;
    const about = { verb: 'delete', group, version, resource: plural, subresource, namespace, name };
    const { decision, reason, error } = await answer(about);
    if (decision !== 'Allow') {
      throw refusal(request, `cannot set an ownerRef on a resource you can't delete: ${reason}, ${error ?? '<nil>'}`);
    }
  }
  const blocking = newlyBlocking(request);
  if (blocking.length === 0) return;
  const everything = { verb: 'update', group: '*', version: '*', resource: '*', subresource: 'finalizers', name: '*' };
  if ((await answer(everything)).decision === 'Allow') return;
  for (const { apiVersion, kind, name: owner } of blocking) {
    const [version = '', group = ''] = apiVersion.split('/').reverse();
    const found = environment.kindNamed(group, version, kind);
    if (!found) {
      throw refusal(
        request,
        `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`,
      );
    }
    const { decision, reason, error } = await answer({
      ...{ verb: 'update', group, version, resource: found.plural, subresource: 'finalizers', name: owner },
      ...(found.namespaced ? { namespace } : {}),
    });
    if (decision !== 'Allow') {
      throw refusal(
        request,
        `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${reason}, ${error ?? '<nil>'}`,
      );
    }
  }
}

/** Owners that the object is to hold back from now on. */
function newlyBlocking({ object, oldObject }: AdmissionRequest): readonly Shared<OwnerReference>[] {
  const held = new Set(ownersOf(oldObject).flatMap((owner) => (owner.blockOwnerDeletion ? [owner.uid] : [])));
  return ownersOf(object).filter((owner) => owner.blockOwnerDeletion && !held.has(owner.uid));
}
