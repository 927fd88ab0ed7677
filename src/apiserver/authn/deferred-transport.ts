/** A transport that may be used before there is a server: authenticators and authorizers are made first, and need one. */
import type { Transport, WatchHandle } from '../../client/transport.ts';

export interface DeferredTransport extends Transport {
  /** Gives it the transport that all requests, also those made before, go to. */
  resolve(transport: Transport): void;
}

/** Requests and watches wait until {@link DeferredTransport.resolve} is called, then cost nothing extra. */
export function createDeferredTransport(): DeferredTransport {
  let target: Transport | undefined;
  const { promise, resolve } = Promise.withResolvers<Transport>();
  return {
    resolve(transport) {
      target = transport;
      resolve(transport);
    },
    request: (request) => (target ? target.request(request) : promise.then((transport) => transport.request(request))),
    watch(request, handler) {
      if (target) return target.watch(request, handler);
      let closed = false;
      let handle: WatchHandle | undefined;
      void promise.then((transport) => {
        if (!closed) handle = transport.watch(request, handler);
      });
      return {
        close() {
          closed = true;
          handle?.close();
        },
      };
    },
    raw: async (path, signal) => (target ?? (await promise)).raw(path, signal),
    close: async () => target?.close(),
  };
}
