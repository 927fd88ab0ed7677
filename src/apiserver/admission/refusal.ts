/** Refusing a request as upstream's admission plugins do. */
import { forbiddenError, type StatusError } from '../../api/machinery/status.ts';
import type { AdmissionRequest } from './admission.ts';

type About = Pick<AdmissionRequest, 'resource' | 'name' | 'object'>;

/** The name that messages call the object by: generateName before there is a name. */
export function refusedName({ name, object }: About): string {
  return name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown';
}

/** `pods "x" is forbidden: WHY`. */
export function refusal(request: About, why: string): StatusError {
  return forbiddenError(request.resource, refusedName(request), why);
}

/** Several reasons as Go's aggregate error writes them: one alone, more in brackets. */
export function aggregate(reasons: readonly string[]): string {
  const unique = [...new Set(reasons)];
  return unique.length === 1 ? unique[0]! : `[${unique.join(', ')}]`;
}

/** Whether a request is about a resource of the core group (and this subresource; none by default). */
export function isCore(request: AdmissionRequest, plural: string, subresource = ''): boolean {
  return isResource(request, '', plural, subresource);
}

/** Whether a request is about a resource of a group (and this subresource; none by default). */
export function isResource(request: AdmissionRequest, group: string, plural: string, subresource = ''): boolean {
  return request.resource.plural === plural && request.resource.group === group && request.subresource === subresource;
}
