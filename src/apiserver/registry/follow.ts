/** Following a resource inside the server, for as long as it runs. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import type { CacheEvent, CacheSubscription } from '../../store/cache-api.ts';
import type { StoredResource } from './resource.ts';

export interface Follower {
  onEvents(events: readonly CacheEvent<Shared<KubeObject>>[]): void;
  /** History was lost, as after a long partition: what the resource is now has to be read anew. */
  onGap(): void;
}

/** Calls the follower for every change from now on. */
export function follow({ cache }: StoredResource, follower: Follower): CacheSubscription {
  let closed = false;
  let subscription: CacheSubscription | undefined;
  const subscribe = () => {
    subscription = cache.watch(undefined, {
      onEvents: (events) => follower.onEvents(events),
      // The cache shows the new state as soon as all subscriptions to the old one have ended.
      onClosed: () =>
        queueMicrotask(() => {
          if (closed) return;
          subscribe();
          follower.onGap();
        }),
    });
  };
  subscribe();
  return {
    close() {
      closed = true;
      subscription?.close();
    },
  };
}
