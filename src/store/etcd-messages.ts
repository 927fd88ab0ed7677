import protobuf from 'protobufjs';

/** The messages of etcd's v3 API that the store uses, with the numbers that etcd documents. */
const definition = `
syntax = "proto3";
package etcdserverpb;
message KeyValue { bytes key = 1; int64 create_revision = 2; int64 mod_revision = 3; bytes value = 5; }
message Event { int32 type = 1; KeyValue kv = 2; }
message ResponseHeader { uint64 cluster_id = 1; uint64 member_id = 2; int64 revision = 3; }
message RangeRequest { bytes key = 1; bytes range_end = 2; int64 limit = 3; int64 revision = 4; bool serializable = 7; }
message RangeResponse { ResponseHeader header = 1; repeated KeyValue kvs = 2; bool more = 3; int64 count = 4; }
message PutRequest { bytes key = 1; bytes value = 2; }
message PutResponse { ResponseHeader header = 1; }
message DeleteRangeRequest { bytes key = 1; bytes range_end = 2; }
message DeleteRangeResponse { ResponseHeader header = 1; int64 deleted = 2; }
message RequestOp {
  oneof request {
    RangeRequest request_range = 1; PutRequest request_put = 2; DeleteRangeRequest request_delete_range = 3;
  }
}
message ResponseOp {
  oneof response {
    RangeResponse response_range = 1; PutResponse response_put = 2; DeleteRangeResponse response_delete_range = 3;
  }
}
message Compare {
  int32 result = 1; int32 target = 2; bytes key = 3;
  oneof target_union { int64 version = 4; int64 mod_revision = 6; }
}
message TxnRequest { repeated Compare compare = 1; repeated RequestOp success = 2; repeated RequestOp failure = 3; }
message TxnResponse { ResponseHeader header = 1; bool succeeded = 2; repeated ResponseOp responses = 3; }
message CompactionRequest { int64 revision = 1; }
message CompactionResponse { ResponseHeader header = 1; }
message WatchRequest { oneof request { WatchCreateRequest create_request = 1; } }
message WatchCreateRequest { bytes key = 1; bytes range_end = 2; int64 start_revision = 3; bool fragment = 8; }
message WatchResponse {
  ResponseHeader header = 1; int64 watch_id = 2; bool created = 3; bool canceled = 4; int64 compact_revision = 5;
  string cancel_reason = 6; bool fragment = 7; repeated Event events = 11;
}
message StatusRequest {}
message StatusResponse { ResponseHeader header = 1; string version = 2; int64 dbSize = 3; uint64 leader = 4; }
`;

const { root } = protobuf.parse(definition);

/** int64 as protobufjs yields it. Revisions are below 2^53; ids are compared only as texts. */
export type Int64 = number | { toNumber(): number; toString(): string };

/** The number of an int64 field; absent fields are 0. */
export function toNumber(value: Int64 | undefined): number {
  return value === undefined || typeof value === 'number' ? (value ?? 0) : value.toNumber();
}

export interface ResponseHeader {
  readonly clusterId: Int64;
  readonly revision: Int64;
}

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: Int64;
  readonly modRevision: Int64;
}

export interface RangeRequest {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
  readonly limit?: number;
  readonly revision?: number;
  readonly serializable?: boolean;
}

export interface RangeResponse {
  readonly header: ResponseHeader;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
}

export interface RequestOp {
  readonly requestRange?: RangeRequest;
  readonly requestPut?: { readonly key: Uint8Array; readonly value: Uint8Array };
  readonly requestDeleteRange?: { readonly key: Uint8Array };
}

export interface Compare {
  /** 0: equal. */
  readonly result: 0;
  /** 0: version (0 for what is not there), 2: revision of the last change. */
  readonly target: 0 | 2;
  readonly key: Uint8Array;
  readonly version?: number;
  readonly modRevision?: number;
}

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header: ResponseHeader;
  readonly succeeded: boolean;
  readonly responses: readonly { readonly responseRange?: RangeResponse }[];
}

export interface WatchResponse {
  readonly header: ResponseHeader;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: Int64;
  readonly cancelReason: string;
  readonly fragment: boolean;
  readonly events: readonly { readonly type: number; readonly kv: KeyValue }[];
}

export interface StatusResponse {
  readonly header: ResponseHeader;
  readonly version: string;
  readonly dbSize: Int64;
  readonly leader: Int64;
}

/** A method of etcd's API: its path and how its messages become bytes. */
export interface Method<Q, R> {
  readonly path: string;
  readonly encode: (request: Q) => Buffer;
  readonly decode: (bytes: Buffer) => R;
}

function method<Q, R>(path: string, request: string, response: string): Method<Q, R> {
  const requestType = root.lookupType(`etcdserverpb.${request}`);
  const responseType = root.lookupType(`etcdserverpb.${response}`);
  return {
    path: `/etcdserverpb.${path}`,
    encode: (value) => Buffer.from(requestType.encode(value as Record<string, unknown>).finish()),
    decode: (bytes) => responseType.decode(bytes) as unknown as R,
  };
}

export const rangeMethod = method<RangeRequest, RangeResponse>('KV/Range', 'RangeRequest', 'RangeResponse');
export const txnMethod = method<TxnRequest, TxnResponse>('KV/Txn', 'TxnRequest', 'TxnResponse');
export const compactMethod = method<{ revision: number }, { header: ResponseHeader }>(
  'KV/Compact',
  'CompactionRequest',
  'CompactionResponse',
);
export const statusMethod = method<Record<string, never>, StatusResponse>(
  'Maintenance/Status',
  'StatusRequest',
  'StatusResponse',
);
export const watchMethod = method<
  { createRequest: { key: Uint8Array; rangeEnd: Uint8Array; startRevision: number; fragment: boolean } },
  WatchResponse
>('Watch/Watch', 'WatchRequest', 'WatchResponse');

/** The end of the range of all keys that begin with `prefix`, as etcd counts ranges; `\0` (the end of all keys) for none. */
export function rangeEnd(prefix: Uint8Array): Uint8Array {
  for (let at = prefix.length - 1; at >= 0; at--) {
    if (prefix[at]! === 0xff) continue;
    const end = Uint8Array.from(prefix.subarray(0, at + 1));
    end[at]!++;
    return end;
  }
  return Uint8Array.of(0);
}
