/** Refusals that several verbs and subresources give. */
import { methodNotSupported, StatusError } from '../../api/machinery/status.ts';
import type { Call } from './call.ts';

/** 405, as the router of upstream words it. */
export function notAllowed(call: Call): StatusError {
  return call.resource.stored
    ? new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {})
    : methodNotSupported(call.resource.kind, call.verb);
}

/** 404 for a URL that no resource is served at. */
export function resourceNotFound(): StatusError {
  return new StatusError('NotFound', 'the server could not find the requested resource', {});
}
