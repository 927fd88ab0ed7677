/**
 * What a client and an API server exchange: requests about resources, answered with objects. The server implements it for
 * callers in its own process (no bytes); http.ts implements it over TLS. Errors are thrown as StatusError in both.
 */
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';

/** Patch types, by their content types. */
export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export const patchContentTypes: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** Request verbs, by their methods on the wire. */
export const httpMethods = {
  get: 'GET',
  list: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
} as const;

/** Query parameters as their wire names have them. */
export interface RequestQuery {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Of the custom metrics API: which series of a metric. */
  readonly metricLabelSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact';
  readonly limit?: number;
  readonly continue?: string;
  readonly timeoutSeconds?: number;
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly dryRun?: 'All';
  readonly fieldManager?: string;
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  readonly force?: boolean;
}

export interface ResourceRequest {
  readonly verb: 'get' | 'list' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';
  readonly kind: KindRef;
  readonly namespace?: string;
  readonly name?: string;
  /** `status`, `scale`, `eviction`, `binding`, `token`, … */
  readonly subresource?: string;
  readonly query?: RequestQuery;
  /** The object to create or update, the patch, or DeleteOptions. */
  readonly body?: unknown;
  readonly patchType?: PatchType;
  readonly signal?: AbortSignal;
}

export interface WatchEvent<T extends KubeObject = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: Shared<T>;
}

export interface WatchRequest {
  readonly kind: KindRef;
  readonly namespace?: string;
  readonly query?: RequestQuery;
}

export interface WatchHandler<T extends KubeObject> {
  /** In order; batches are what arrived together. Must not throw. */
  onEvents(events: readonly WatchEvent<T>[]): void;
  /** Once, when the watch ended for any reason but close(): undefined at a normal end (time-out), a StatusError else. */
  onEnd(error: Error | undefined): void;
}

export interface WatchHandle {
  close(): void;
}

/** A way to one API server as one user. */
export interface Transport {
  /** The answer's object (a list for `list`, a Status for some deletes). Objects of an in-process server are shared: never change them. */
  request(request: ResourceRequest): Promise<unknown>;
  watch<T extends KubeObject>(request: WatchRequest, handler: WatchHandler<T>): WatchHandle;
  /** A non-resource GET such as /version or /readyz, as text. */
  raw(path: string, signal?: AbortSignal): Promise<{ status: number; body: string }>;
  close(): Promise<void>;
}
