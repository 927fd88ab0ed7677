/** The transport for callers in the server's own process: objects instead of bytes, everything else the same. */
import type { KubeObject } from '../api/kind.ts';
import { StatusError } from '../api/machinery/status.ts';
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
import { asStatusError } from './encoding/respond.ts';
import type { ServedResource } from './registry/resource.ts';
import type { UserInfo } from './user.ts';
import { answerObject, type Call, type CallVerb } from './verbs/call.ts';
import { resourceNotFound } from './verbs/refusals.ts';
import { runCall } from './verbs/run.ts';
import { type RunningWatch, watch as startWatch } from './verbs/watch.ts';

const noOptions: RequestQuery = Object.freeze({});

export interface DirectServer {
  readonly api: ApiContext;
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

  const makeCall = (verb: CallVerb, request: WatchRequest & Partial<ResourceRequest>): Call => {
    const warnings: string[] = [];
    return {
      verb,
      resource: resourceOf(request.kind),
      namespace: request.namespace ?? '',
      name: request.name ?? '',
      subresource: request.subresource ?? '',
      options: request.query ?? noOptions,
      body: request.body === undefined ? undefined : { object: request.body },
      patchType: request.patchType,
      user,
      userAgent,
      signal: request.signal,
      warnings,
      annotate() {},
    };
  };

  const authorize = async (verb: string, request: WatchRequest & { name?: string; subresource?: string }) => {
    const { kind, namespace, name, subresource, query } = request;
    const attributes = {
      user,
      verb,
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
    if (result.decision !== 'Allow') throw forbiddenByAuthorizer(attributes, result.reason);
  };

  return {
    async request(request) {
      if (closed) throw new StatusError('ServiceUnavailable', 'the transport was closed');
      request.signal?.throwIfAborted();
      await authorize(request.verb, request);
      const remote = server.proxied?.(user, request);
      if (remote) return remote;
      try {
        return answerObject(await runCall(api, makeCall(request.verb, request)));
      } catch (error) {
        if (error instanceof StatusError) throw error;
        api.log.error('a request failed unexpectedly', { verb: request.verb, resource: request.kind.plural, error });
        throw asStatusError(error);
      }
    },
    watch<T extends KubeObject>(request: WatchRequest, handler: WatchHandler<T>): WatchHandle {
      let running: RunningWatch | undefined;
      let stopped = closed;
      const handle = {
        close() {
          stopped = true;
          watches.delete(handle);
          running?.stop();
        },
      };
      const end = (error: Error | undefined) => {
        if (stopped) return;
        handle.close();
        handler.onEnd(error);
      };
      const timeoutSeconds = request.query?.timeoutSeconds;
      const start = async () => {
        await authorize('watch', request);
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
        running = await startWatch(api, makeCall('watch', request), {
          sink,
          settings: { timeoutMs, bookmarkIntervalMs: undefined },
        });
        if (stopped) running.stop();
      };
      watches.add(handle);
      start().catch((error) => end(asStatusError(error)));
      return handle;
    },
    raw: (path) => server.raw(path, user),
    async close() {
      closed = true;
      for (const handle of [...watches]) handle.close();
    },
  };
}
