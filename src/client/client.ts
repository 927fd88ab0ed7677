/** The typed client: what every role uses to talk to the API. */
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import type { ListMeta } from '../api/types/meta-v1.ts';
import type { DeepPartial } from '../base/deep.ts';
import type { PatchType, RequestQuery, Transport, WatchHandle, WatchHandler } from './transport.ts';

/** What is given to create: everything may be left to defaulting; apiVersion and kind come from the kind. */
export type Draft<T extends KubeObject> = DeepPartial<Omit<T, 'apiVersion' | 'kind'>> & {
  apiVersion?: string;
  kind?: string;
};

/** Names one object; no namespace for cluster-scoped kinds. */
export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

export interface ListResult<T extends KubeObject> {
  readonly metadata: ListMeta;
  readonly items: readonly Shared<T>[];
}

export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly signal?: AbortSignal;
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact';
  readonly limit?: number;
  readonly continue?: string;
  readonly signal?: AbortSignal;
}

export interface PatchOptions extends WriteOptions {
  readonly type: PatchType;
  readonly subresource?: string;
  /** Takes over conflicting fields (server-side apply). */
  readonly force?: boolean;
}

export interface DeleteOptions extends WriteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

/** All methods throw StatusError for what the server refuses. Returned objects are shared and read-only. */
export interface Client {
  readonly transport: Transport;
  get<T extends KubeObject>(
    kind: KindRef<T>,
    ref: ObjectRef,
    options?: { resourceVersion?: string; signal?: AbortSignal },
  ): Promise<Shared<T>>;
  /** As get, but undefined where the object does not exist. */
  find<T extends KubeObject>(kind: KindRef<T>, ref: ObjectRef): Promise<Shared<T> | undefined>;
  list<T extends KubeObject>(kind: KindRef<T>, options?: ListOptions): Promise<ListResult<T>>;
  create<T extends KubeObject>(kind: KindRef<T>, draft: Draft<NoInfer<T>>, options?: WriteOptions): Promise<Shared<T>>;
  /** Replaces the object; a resourceVersion in it is the precondition. */
  update<T extends KubeObject>(
    kind: KindRef<T>,
    object: Shared<NoInfer<T>>,
    options?: WriteOptions,
  ): Promise<Shared<T>>;
  updateStatus<T extends KubeObject>(
    kind: KindRef<T>,
    object: Shared<NoInfer<T>>,
    options?: WriteOptions,
  ): Promise<Shared<T>>;
  patch<T extends KubeObject>(
    kind: KindRef<T>,
    ref: ObjectRef,
    patch: unknown,
    options: PatchOptions,
  ): Promise<Shared<T>>;
  delete<T extends KubeObject>(kind: KindRef<T>, ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  deleteCollection<T extends KubeObject>(
    kind: KindRef<T>,
    selection: ListOptions,
    options?: DeleteOptions,
  ): Promise<void>;
  watch<T extends KubeObject>(kind: KindRef<T>, options: WatchOptions, handler: WatchHandler<NoInfer<T>>): WatchHandle;
  /** A verb on a subresource, such as create on `pods/eviction`. */
  subresource<R>(
    verb: 'get' | 'create' | 'update',
    kind: KindRef,
    ref: ObjectRef & { readonly subresource: string },
    body?: unknown,
    options?: WriteOptions,
  ): Promise<R>;
}

/** A client on a transport. */
export function createClient(transport: Transport, defaults: { fieldManager?: string } = {}): Client {
  const writeQuery = (options: WriteOptions | undefined): RequestQuery => {
    const fieldManager = options?.fieldManager ?? defaults.fieldManager;
    return { ...(options?.dryRun ? { dryRun: 'All' as const } : {}), ...(fieldManager ? { fieldManager } : {}) };
  };
  const target = (ref: { namespace?: string | undefined; name?: string | undefined }) => ({
    ...(ref.namespace ? { namespace: ref.namespace } : {}),
    ...(ref.name ? { name: ref.name } : {}),
  });
  const aborting = (options: { signal?: AbortSignal } | undefined) =>
    options?.signal ? { signal: options.signal } : {};
  const typed = (kind: KindRef, body: object) => ({
    apiVersion: kind.group ? `${kind.group}/${kind.version}` : kind.version,
    kind: kind.kind,
    ...body,
  });
  const deleteBody = ({ gracePeriodSeconds, propagationPolicy, preconditions, dryRun }: DeleteOptions = {}) => ({
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy ? { propagationPolicy } : {}),
    ...(preconditions ? { preconditions } : {}),
    ...(dryRun ? { dryRun: ['All'] } : {}),
  });

  const client: Client = {
    transport,
    get: async <T extends KubeObject>(
      kind: KindRef<T>,
      ref: ObjectRef,
      options?: { resourceVersion?: string; signal?: AbortSignal },
    ) =>
      (await transport.request({
        verb: 'get',
        kind,
        ...target(ref),
        ...(options?.resourceVersion === undefined ? {} : { query: { resourceVersion: options.resourceVersion } }),
        ...aborting(options),
      })) as Shared<T>,
    async find(kind, ref) {
      try {
        return await client.get(kind, ref);
      } catch (error) {
        if ((error as { reason?: string }).reason === 'NotFound') return undefined;
        throw error;
      }
    },
    list: async <T extends KubeObject>(kind: KindRef<T>, { namespace, signal, ...query }: ListOptions = {}) =>
      (await transport.request({
        verb: 'list',
        kind,
        ...target({ namespace }),
        query,
        ...aborting({ ...(signal ? { signal } : {}) }),
      })) as ListResult<T>,
    create: async <T extends KubeObject>(kind: KindRef<T>, draft: Draft<T>, options?: WriteOptions) => {
      const metadata = (draft as { metadata?: { namespace?: string } }).metadata;
      return (await transport.request({
        verb: 'create',
        kind,
        ...target({ namespace: metadata?.namespace }),
        query: writeQuery(options),
        body: typed(kind, draft),
        ...aborting(options),
      })) as Shared<T>;
    },
    update: async <T extends KubeObject>(kind: KindRef<T>, object: Shared<T>, options?: WriteOptions) =>
      (await transport.request({
        verb: 'update',
        kind,
        ...target(object.metadata),
        query: writeQuery(options),
        body: object,
        ...aborting(options),
      })) as Shared<T>,
    updateStatus: async <T extends KubeObject>(kind: KindRef<T>, object: Shared<T>, options?: WriteOptions) =>
      (await transport.request({
        verb: 'update',
        kind,
        ...target(object.metadata),
        subresource: 'status',
        query: writeQuery(options),
        body: object,
        ...aborting(options),
      })) as Shared<T>,
    patch: async <T extends KubeObject>(kind: KindRef<T>, ref: ObjectRef, patch: unknown, options: PatchOptions) =>
      (await transport.request({
        verb: 'patch',
        kind,
        ...target(ref),
        ...(options.subresource ? { subresource: options.subresource } : {}),
        query: { ...writeQuery(options), ...(options.force ? { force: true } : {}) },
        body: patch,
        patchType: options.type,
        ...aborting(options),
      })) as Shared<T>,
    async delete(kind, ref, options) {
      await transport.request({
        verb: 'delete',
        kind,
        ...target(ref),
        body: deleteBody(options),
        ...aborting(options),
      });
    },
    async deleteCollection(kind, { namespace, signal: _, ...query }, options) {
      await transport.request({
        verb: 'deletecollection',
        kind,
        ...target({ namespace }),
        query,
        body: deleteBody(options),
        ...aborting(options),
      });
    },
    watch: (kind, { namespace, ...query }, handler) =>
      transport.watch({ kind, ...target({ namespace }), query }, handler),
    subresource: async <R>(
      verb: 'get' | 'create' | 'update',
      kind: KindRef,
      ref: ObjectRef & { readonly subresource: string },
      body?: unknown,
      options?: WriteOptions,
    ) =>
      (await transport.request({
        verb,
        kind,
        ...target(ref),
        subresource: ref.subresource,
        query: writeQuery(options),
        ...(body === undefined ? {} : { body }),
        ...aborting(options),
      })) as R,
  };
  return client;
}
