/** What expressions see of a request: the variables of match conditions and policies. */

import { type CelAccessCheck, CelAuthorizer, CelResourceCheck } from '../../api/cel/libraries/authorizer.ts';
import type { CelType } from '../../api/cel/types.ts';
import { celValue } from '../../api/cel/values.ts';
import { wireUser } from '../authn/reviews.ts';
import { serviceAccountGroups, serviceAccountUser } from '../authn/service-account-claims.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { UserInfo } from '../user.ts';
import type { AdmissionRequest } from './admission.ts';

const groupVersionKind: CelType = {
  object: 'meta.GroupVersionKind',
  fields: { group: 'string', version: 'string', kind: 'string' },
};
const groupVersionResource: CelType = {
  object: 'meta.GroupVersionResource',
  fields: { group: 'string', version: 'string', resource: 'string' },
};

const requestFields: Readonly<Record<string, CelType>> = {
  kind: groupVersionKind,
  resource: groupVersionResource,
  subResource: 'string',
  requestKind: groupVersionKind,
  requestResource: groupVersionResource,
  requestSubResource: 'string',
  name: 'string',
  namespace: 'string',
  operation: 'string',
  userInfo: {
    object: 'authentication.UserInfo',
    fields: { username: 'string', uid: 'string', groups: { list: 'string' }, extra: { map: { list: 'string' } } },
  },
  dryRun: 'bool',
  options: 'dyn',
};

/** The type of the variable `request`; `namespace` is written as it is and escaped. */
export const requestType: CelType = { object: 'admission.Request', fields: requestFields };

/** Variables of match conditions. */
export const matchConditionVariables: Readonly<Record<string, CelType>> = {
  object: 'dyn',
  oldObject: 'dyn',
  request: requestType,
  authorizer: 'authorizer',
};

/** The request as AdmissionReview and expressions have it. */
export function wireRequest(request: AdmissionRequest): Record<string, unknown> {
  const kind = { group: request.kind.group, version: request.kind.version, kind: request.kind.kind };
  const { group, version, plural } = request.resource;
  const resource = { group, version, resource: plural };
  return {
    kind,
    resource,
    ...(request.subresource ? { subResource: request.subresource } : {}),
    requestKind: kind,
    requestResource: resource,
    ...(request.subresource ? { requestSubResource: request.subresource } : {}),
    ...(request.name ? { name: request.name } : {}),
    ...(request.namespace ? { namespace: request.namespace } : {}),
    operation: request.operation,
    userInfo: wireUser(request.user),
    dryRun: request.dryRun,
  };
}

function accessCheck(authorizer: Authorizer, user: UserInfo): CelAccessCheck {
  return async ({ serviceAccount, path, verb, ...about }) => {
    const who: UserInfo = serviceAccount
      ? {
          name: serviceAccountUser(serviceAccount.namespace, serviceAccount.name),
          groups: [...serviceAccountGroups(serviceAccount.namespace), 'system:authenticated'],
        }
      : user;
    const { decision, reason, error } = await authorizer.authorize(
      path === undefined
        ? { user: who, verb, resourceRequest: true, version: '*', ...about }
        : { user: who, verb, resourceRequest: false, path },
    );
    return { allowed: decision === 'Allow', reason, ...(error === undefined ? {} : { error }) };
  };
}

/** The value of `authorizer`, which asks as the request's user. */
export function celAuthorizer(authorizer: Authorizer, request: AdmissionRequest): CelAuthorizer {
  const check = accessCheck(authorizer, request.user);
  const { group, plural } = request.resource;
  const resource = new CelResourceCheck(check, {
    group,
    resource: plural,
    ...(request.subresource ? { subresource: request.subresource } : {}),
    ...(request.namespace ? { namespace: request.namespace } : {}),
    ...(request.name ? { name: request.name } : {}),
  });
  return Object.assign(new CelAuthorizer(check), { requestResource: resource });
}

/** The values of {@link matchConditionVariables}. Made anew after each change of the object. */
export function matchConditionValues(authorizer: Authorizer, request: AdmissionRequest): Record<string, unknown> {
  const options = request.options === undefined ? {} : { options: request.options };
  return {
    object: celValue(request.object ?? null),
    oldObject: celValue(request.oldObject ?? null),
    request: celValue({ ...wireRequest(request), ...options }),
    authorizer: celAuthorizer(authorizer, request),
  };
}
