/** Whether the user may do what the request asks. */
import type { AuthorizationAttributes, AuthorizationResult, Authorizer } from '../authz/authorizer.ts';
import { forbiddenByAuthorizer } from '../authz/forbidden.ts';
import type { Exchange, Filter } from './exchange.ts';

/** What is decided on: as upstream's authorizer attributes. */
export function attributesOf(exchange: Exchange): AuthorizationAttributes {
  const { info, user } = exchange;
  if (!info.resourceRequest) return { user, verb: info.verb, resourceRequest: false, path: info.path };
  return {
    user,
    verb: info.verb,
    resourceRequest: true,
    group: info.group,
    version: info.version,
    resource: info.plural,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    path: info.path,
    ...selectorsOf(info.query),
  };
}

function selectorsOf(query: string): { fieldSelector?: string; labelSelector?: string } {
  if (!query.includes('Selector')) return {};
  const params = new URLSearchParams(query);
  const fieldSelector = params.get('fieldSelector');
  const labelSelector = params.get('labelSelector');
  return { ...(fieldSelector ? { fieldSelector } : {}), ...(labelSelector ? { labelSelector } : {}) };
}

export function createAuthorizationFilter(authorizer: Authorizer): Filter {
  return (exchange) => {
    const attributes = attributesOf(exchange);
    const answered = authorizer.authorize(attributes);
    if (answered instanceof Promise) return answered.then((result) => settle(exchange, attributes, result));
    settle(exchange, attributes, answered);
  };
}

function settle(exchange: Exchange, attributes: AuthorizationAttributes, result: AuthorizationResult): void {
  exchange.annotate('authorization.k8s.io/decision', result.decision === 'Allow' ? 'allow' : 'forbid');
  exchange.annotate('authorization.k8s.io/reason', result.reason);
  if (result.decision !== 'Allow') throw forbiddenByAuthorizer(attributes, result.reason);
}
