/** What a refused caller is told. */
import { StatusError } from '../../api/machinery/status.ts';
import type { AuthorizationAttributes } from './authorizer.ts';

const sanitized = (text: string) => text.replace(/[&<>]/g, (c) => (c === '&' ? '&amp;' : c === '<' ? '&lt;' : '&gt;'));

/** `User "x" cannot list resource "pods" in API group "" in the namespace "default"`. */
export function forbiddenMessage(attributes: AuthorizationAttributes): string {
  const user = `User ${JSON.stringify(attributes.user.name)}`;
  if (!attributes.resourceRequest) {
    return `${user} cannot ${attributes.verb} path ${JSON.stringify(attributes.path ?? '')}`;
  }
  const resource = attributes.subresource ? `${attributes.resource}/${attributes.subresource}` : attributes.resource;
  const where = attributes.namespace
    ? `in the namespace ${JSON.stringify(attributes.namespace)}`
    : 'at the cluster scope';
  return `${user} cannot ${attributes.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(attributes.group ?? '')} ${where}`;
}

/** The 403 Status of a request that no authorizer allowed; `reason` is what they said about it. */
export function forbiddenByAuthorizer(attributes: AuthorizationAttributes, reason = ''): StatusError {
  const message = sanitized(forbiddenMessage(attributes)) + (reason ? `: ${reason}` : '');
  const { group = '', resource = '', name = '' } = attributes.resourceRequest ? attributes : {};
  const subject = group ? `${resource}.${group}` : resource;
  const head = subject
    ? name
      ? `${subject} ${JSON.stringify(name)} is forbidden`
      : `${subject} is forbidden`
    : 'forbidden';
  return new StatusError('Forbidden', `${head}: ${message}`, {
    ...(name ? { name } : {}),
    ...(group ? { group } : {}),
    ...(resource ? { kind: resource } : {}),
  });
}
