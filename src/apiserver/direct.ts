/** The transport for callers in the server's own process: objects instead of bytes, everything else the same. */
import type { KubeObject } from '../api/kind.ts';
import { StatusError } from '../api/machinery/status.ts';
import { queryString, resourcePath } from '../client/resource-path.ts';
import type {
  RequestQuery,
  ResourceRequest,
  Transport,
  WatchEvent,
  WatchHandle,
  WatchHandler,
  WatchRequest,
} from '../client/transport.ts';
import { forbiddenByAuthorizer } from './authz/forbidden.ts';
import type { ApiContext } from './context.ts';
import { DirectTrail, type RequestObservers } from './direct-trail.ts';
import { asStatusError } from './encoding/respond.ts';
import { parseRequestInfo } from './filters/request-info.ts';
import type { ServedResource } from './registry/resource.ts';
import type { UserInfo } from './user.ts';
import { answerObject, type Call, type CallVerb } from './verbs/call.ts';
import { resourceNotFound } from './verbs/refusals.ts';
import { runCall } from './verbs/run.ts';
import { type RunningWatch, watch as startWatch } from './verbs/watch.ts';

const noOptions: RequestQuery = Object.freeze({});

type DirectRequest = WatchRequest & Partial<Omit<ResourceRequest, 'verb' | 'kind'>>;

export interface DirectServer {
  readonly api: ApiContext;
  readonly observers: RequestObservers;
  /** Answers a non-resource path. */
  raw(path: string, user: UserInfo): Promise<{ status: number; body: string }>;
  /** Sends a request for an aggregated API; undefined when the group is not aggregated. */
  proxied?(user: UserInfo, request: ResourceRequest): Promise<unknown> | undefined;
}

/** A transport of one user. What it answers is shared with the cache: never to be changed. */
export function createDirectTransport(server: DirectServer, user: UserInfo): Transport {
  const { api } = server;
  const watches = new Set<{ close(): void }>();
  const userAgent = `timonel/${user.name}`;
  let closed = false;

  const resourceOf = (kind: { group: string; version: string; plural: string }): ServedResource => {
    const resource = api.registry.resolve(kind.group, kind.version, kind.plural);
    if (!resource) throw resourceNotFound();
    return resource;
  };

  const follow = (verb: string, request: DirectRequest) => {
    const { kind, namespace = '', name = '', subresource = '', query } = request;
    const { group, version, plural } = kind;
    return new DirectTrail(server.observers, {
      user,
      userAgent,
      info: { path: '', resourceRequest: true, verb, group, version, plural, namespace, name, subresource },
      body: request.body,
      dryRun: query?.dryRun === 'All',
      apply: request.patchType === 'apply',
      uri: () => resourcePath(request) + queryString(query, verb === 'watch' ? { watch: 'true' } : undefined),
    });
  };

  const makeCall = (verb: CallVerb, request: DirectRequest, trail: DirectTrail): Call => {
    const warnings: string[] = [];
    return {
      verb,
      resource: resourceOf(request.kind),
      namespace: request.namespace ?? '',
      name: request.name ?? '',
      subresource: request.subresource ?? '',
      options: request.query ?? noOptions,
      body: trail.requestObject,
      patchType: request.patchType,
      user,
      userAgent,
      signal: request.signal,
      warnings,
      annotate: (key, value) => trail.annotate(key, value),
    };
  };

  const authorize = async (request: DirectRequest, trail: DirectTrail) => {
    const { kind, namespace, name, subresource, query } = request;
    const attributes = {
      user,
      verb: trail.info.verb,
      resourceRequest: true,
      group: kind.group,
      version: kind.version,
      resource: kind.plural,
      ...(subresource ? { subresource } : {}),
      ...(namespace ? { namespace } : {}),
      ...(name ? { name } : {}),
      ...(query?.fieldSelector ? { fieldSelector: query.fieldSelector } : {}),
      ...(query?.labelSelector ? { labelSelector: query.labelSelector } : {}),
    };
    const answered = api.authorizer.authorize(attributes);
    const result = answered instanceof Promise ? await answered : answered;
    trail.annotate('authorization.k8s.io/decision', result.decision === 'Allow' ? 'allow' : 'forbid');
    trail.annotate('authorization.k8s.io/reason', result.reason);
    if (result.decision !== 'Allow') throw forbiddenByAuthorizer(attributes, result.reason);
  };

  return {
    async request(request) {
      if (closed) throw new StatusError('ServiceUnavailable', 'the transport was closed');
      request.signal?.throwIfAborted();
      const trail = follow(request.verb, request);
      try {
        await authorize(request, trail);
        const proxied = server.proxied?.(user, request);
        if (proxied) {
          const answer = await proxied;
          trail.finished(200, answer);
          return answer;
        }
        const answer = await runCall(api, makeCall(request.verb, request, trail));
        trail.finished(answer.code, answer.entry?.object ?? answer.object);
        return answerObject(answer);
      } catch (error) {
        const status = asStatusError(error);
        if (status !== error)
          api.log.error('a request failed unexpectedly', { verb: request.verb, resource: request.kind.plural, error });
        trail.failed(status);
        throw status;
      }
    },
    watch<T extends KubeObject>(request: WatchRequest, handler: WatchHandler<T>): WatchHandle {
      if (closed) return { close() {} };
      let running: RunningWatch | undefined;
      let stopped = false;
      const trail = follow('watch', request);
      const finish = (error?: StatusError) => {
        stopped = true;
        watches.delete(handle);
        running?.stop();
        if (error && !running) trail.failed(error);
        else trail.finished(200);
      };
      const handle = {
        close() {
          if (!stopped) finish();
        },
      };
      const end = (error: StatusError | undefined) => {
        if (stopped) return;
        finish(error);
        handler.onEnd(error);
      };
      const timeoutSeconds = request.query?.timeoutSeconds;
      const start = async () => {
        await authorize(request, trail);
        if (stopped) return;
        const sink = {
          onItems(items: readonly { type: WatchEvent['type']; entry: { object: unknown } }[]) {
            if (stopped) return;
            const events: WatchEvent<T>[] = new Array(items.length);
            for (let i = 0; i < items.length; i++)
              events[i] = { type: items[i]!.type, object: items[i]!.entry.object as WatchEvent<T>['object'] };
            handler.onEvents(events);
          },
          onEnd: end,
        };
        const timeoutMs = timeoutSeconds === undefined ? undefined : timeoutSeconds * 1000;
        running = await startWatch(api, makeCall('watch', request, trail), {
          sink,
          settings: { timeoutMs, bookmarkIntervalMs: undefined },
          open() {
            if (!stopped) trail.started();
          },
        });
        if (stopped) running.stop();
      };
      watches.add(handle);
      start().catch((error) => end(asStatusError(error)));
      return handle;
    },
    async raw(path) {
      const trail = new DirectTrail(server.observers, {
        user,
        userAgent,
        info: parseRequestInfo('GET', path),
        uri: () => path,
      });
      try {
        const answer = await server.raw(path, user);
        trail.finished(answer.status);
        return answer;
      } catch (error) {
        trail.failed(asStatusError(error));
        throw error;
      }
    },
    async close() {
      closed = true;
      for (const handle of [...watches]) handle.close();
    },
  };
}
