/** A request for a resource, from whichever transport it came, and its answer. */
import type { AnyKind, KubeObject, Shared } from '../../api/kind.ts';
import type { PatchType } from '../../client/transport.ts';
import type { Entry, ServedResource } from '../registry/resource.ts';
import type { UserInfo } from '../user.ts';
import type { CallOptions } from './call-options.ts';

export type CallVerb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  | 'connect';

/** What a client sent: bytes that are still to be decoded, or an object of this process. */
export type CallBody = { readonly bytes: Uint8Array; readonly contentType: string } | { readonly object: unknown };

export interface Call {
  readonly verb: CallVerb;
  readonly resource: ServedResource;
  readonly namespace: string;
  /** Empty for collections and for create on a resource. */
  readonly name: string;
  readonly subresource: string;
  readonly options: CallOptions;
  readonly body: CallBody | undefined;
  readonly patchType: PatchType | undefined;
  readonly user: UserInfo;
  readonly userAgent: string;
  readonly signal: AbortSignal | undefined;
  /** Warning headers of the answer. */
  readonly warnings: string[];
  /** Annotations of the audit event. */
  annotate(key: string, value: string): void;
}

/** What a verb answers. Exactly one of `entry`, `object` and `list` is there. */
export interface Answer {
  readonly code: number;
  /** A stored object, with its encodings. */
  readonly entry?: Entry;
  /** An object that is not stored: a Status, a Scale, a review. */
  readonly object?: unknown;
  /** The kind of `object` when it has one, for protobuf. */
  readonly kind?: AnyKind;
  readonly list?: ListAnswer;
}

export interface ListAnswer {
  readonly kind: AnyKind;
  readonly entries: readonly Entry[];
  readonly resourceVersion: string;
  readonly continueToken?: string;
  readonly remainingItemCount?: number;
}

/** The object that an answer stands for, as callers in this process get it. */
export function answerObject(answer: Answer): unknown {
  if (answer.entry) return answer.entry.object;
  if (!answer.list) return answer.object;
  const { kind, entries, resourceVersion, continueToken, remainingItemCount } = answer.list;
  const items: Shared<KubeObject>[] = new Array(entries.length);
  for (let i = 0; i < entries.length; i++) items[i] = entries[i]!.object;
  return {
    kind: kind.listKind,
    apiVersion: kind.apiVersion,
    metadata: {
      resourceVersion,
      ...(continueToken ? { continue: continueToken } : {}),
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
    },
    items,
  };
}

/** metav1.Status of a success. */
export function successStatus(kind: AnyKind, object: Shared<KubeObject>): Record<string, unknown> {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: object.metadata.name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.plural,
      uid: object.metadata.uid,
    },
  };
}
