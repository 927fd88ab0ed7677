/** Requests for aggregated groups from callers in this process. */
import { type Status, StatusError, serviceUnavailable } from '../../api/machinery/status.ts';
import { queryString, resourcePath } from '../../client/resource-path.ts';
import { httpMethods, patchContentTypes, type ResourceRequest } from '../../client/transport.ts';
import type { UserInfo } from '../user.ts';
import { requestJson } from './json-request.ts';
import { identityHeaders } from './proxy-filter.ts';
import type { RemoteApis } from './remote-services.ts';

const timeoutMs = 30_000;

/** The answer of the server that a group is aggregated from; undefined when this server has the group itself. */
export function proxyDirect(
  remote: RemoteApis,
  user: UserInfo,
  request: ResourceRequest,
): Promise<unknown> | undefined {
  const service = remote.find(request.kind.group, request.kind.version);
  if (!service) return undefined;
  return send(remote, service, user, request);
}

async function send(
  remote: RemoteApis,
  service: NonNullable<ReturnType<RemoteApis['find']>>,
  user: UserInfo,
  request: ResourceRequest,
): Promise<unknown> {
  if (!remote.isAvailable(service)) throw serviceUnavailable('service unavailable');
  let answer: { status: number; json: unknown };
  try {
    answer = await requestJson(remote.target(service), {
      path: resourcePath(request) + queryString(request.query),
      method: httpMethods[request.verb],
      headers: identityHeaders(user),
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(request.patchType ? { contentType: patchContentTypes[request.patchType] } : {}),
      timeoutMs,
    });
  } catch (error) {
    throw serviceUnavailable(
      `error trying to reach service: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (answer.status >= 400) throw StatusError.fromStatus(answer.json as Partial<Status>, answer.status);
  return answer.json;
}
