import { type Logger, silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import { type CallFailure, EtcdClient, type EtcdTls } from './etcd-client.ts';
import {
  type Compare,
  compactMethod,
  type KeyValue,
  type RangeResponse,
  type RequestOp,
  rangeEnd,
  rangeMethod,
  statusMethod,
  toNumber,
  txnMethod,
} from './etcd-messages.ts';
import { EtcdWatch, own } from './etcd-watch.ts';
import { assertDistinctKeys } from './memory.ts';
import {
  type CommitResult,
  type Store,
  type StoreEntry,
  StoreError,
  type StoreWatch,
  type StoreWatchHandler,
  type StoreWrite,
} from './store.ts';

export interface EtcdStoreOptions {
  /** `https://host:port` of each member. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  /** Put before every key, so that several clusters can share an etcd; none when absent. */
  readonly prefix?: string;
  readonly log?: Logger;
  /** The cluster that the data must belong to; an empty etcd takes it. */
  readonly clusterId?: string;
  /** How long one attempt at one member may take; 5 seconds when absent. */
  readonly attemptTimeoutMs?: number;
}

const entriesPerPage = 500;
const loadAttempts = 5;
/**
 * Every commit also writes this key, so its revision is that of the last commit to this prefix, whoever else uses the
 * etcd: the revision that a consistent read waits for, and one that the watch is sure to reach.
 */
const markerKey = '~timonel/revision';
const clusterKey = '~timonel/cluster';
const isOwn = (key: string) => key.startsWith('~timonel/');

/**
 * Connects to an etcd cluster (3.4 or newer). Several servers may use the same one and prefix at once.
 *
 * @throws StoreError `unavailable` (no member answers, wrong certificate, no etcd, too old), `wrong-cluster`
 */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store & { readonly clusterId: string }> {
  const { endpoints, tls, log = silentLogger, attemptTimeoutMs = 5_000 } = options;
  const client = new EtcdClient({ endpoints, tls, log, attemptTimeoutMs });
  try {
    await checkMembers(client);
    const store = new EtcdStore(client, options.prefix ?? '', await claim(client, options));
    return store;
  } catch (reason) {
    client.close();
    throw (reason as Partial<CallFailure>).error ?? reason;
  }
}

/** Every member that answers must be an etcd of the same cluster; one that answers is enough. */
async function checkMembers(client: EtcdClient): Promise<void> {
  let answered = 0;
  let last: unknown;
  for (const [member, endpoint] of client.endpoints.entries()) {
    try {
      const { version } = await client.callOnce(statusMethod, {}, member);
      answered++;
      const [major = 0, minor = 0] = version.split('.').map(Number);
      if (major === 3 && minor >= 4) continue;
      throw new StoreError('unavailable', `etcd at ${endpoint} is version ${version}; 3.4 or a newer 3.x is needed`);
    } catch (reason) {
      const { error, retriable = false } = reason as Partial<CallFailure>;
      if (!retriable) throw error ?? reason;
      last = error;
      client.moveFrom(member);
    }
  }
  if (answered === 0) throw last;
}

/** Takes an empty prefix for a cluster, or reads whose it is. */
async function claim(client: EtcdClient, { prefix = '', clusterId }: EtcdStoreOptions): Promise<string> {
  const key = Buffer.from(prefix + clusterKey);
  const wanted = clusterId ?? realRandom.uuid();
  const response = await client.callAny(txnMethod, {
    compare: [{ result: 0, target: 0, key, version: 0 }],
    success: [
      { requestPut: { key, value: Buffer.from(wanted) } },
      { requestPut: { key: Buffer.from(prefix + markerKey), value: Buffer.alloc(0) } },
    ],
    failure: [{ requestRange: { key } }],
  });
  if (response.succeeded) return wanted;
  const owner = Buffer.from(response.responses[0]!.responseRange!.kvs[0]!.value).toString();
  if (clusterId === undefined || owner === clusterId) return owner;
  throw new StoreError(
    'wrong-cluster',
    `etcd at ${client.endpoints.join(', ')} holds cluster ${owner} under prefix "${prefix}", not ${clusterId}`,
  );
}

class EtcdStore implements Store {
  readonly backend = 'etcd';
  readonly clusterId: string;
  readonly #client: EtcdClient;
  readonly #root: string;
  readonly #watches = new Set<EtcdWatch>();

  constructor(client: EtcdClient, root: string, clusterId: string) {
    this.#client = client;
    this.#root = root;
    this.clusterId = clusterId;
  }

  async load(prefix: string) {
    for (let attempt = 1; ; attempt++) {
      try {
        const { revision, all } = await this.#readAll(prefix);
        return { revision, entries: inBatches(all) };
      } catch (error) {
        // A compaction overtook the load: what it read so far is of no use.
        if (!(error instanceof StoreError) || error.code !== 'compacted' || attempt >= loadAttempts) throw error;
      }
    }
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    const { kvs } = await this.#client.callAny(rangeMethod, { key: this.#key(key) });
    return kvs[0] && this.#entry(kvs[0]);
  }

  async currentRevision(): Promise<number> {
    const { header, kvs } = await this.#client.callAny(rangeMethod, { key: this.#key(markerKey) });
    return kvs[0] ? toNumber(kvs[0].modRevision) : toNumber(header.revision);
  }

  async commit(writes: readonly StoreWrite[]): Promise<CommitResult> {
    assertDistinctKeys(writes);
    const compare: Compare[] = [];
    const success: RequestOp[] = [{ requestPut: { key: this.#key(markerKey), value: new Uint8Array() } }];
    const failure: RequestOp[] = [];
    const guarded: StoreWrite[] = [];
    for (const write of writes) {
      const key = this.#key(write.key);
      success.push(
        write.value === null ? { requestDeleteRange: { key } } : { requestPut: { key, value: write.value } },
      );
      if (write.expectedRevision === undefined) continue;
      guarded.push(write);
      failure.push({ requestRange: { key } });
      compare.push(
        write.expectedRevision === 0
          ? { result: 0, target: 0, key, version: 0 }
          : { result: 0, target: 2, key, modRevision: write.expectedRevision },
      );
    }
    const response = await this.#callUnlessSent({ compare, success, failure });
    if (response.succeeded) return { ok: true, revision: toNumber(response.header.revision) };
    const conflicts: { key: string; current: StoreEntry | undefined }[] = [];
    for (const [i, { key, expectedRevision }] of guarded.entries()) {
      const found = response.responses[i]?.responseRange?.kvs[0];
      const current = found && this.#entry(found);
      if ((current?.revision ?? 0) !== expectedRevision) conflicts.push({ key, current });
    }
    return { ok: false, conflicts };
  }

  watch(prefix: string, afterRevision: number, handler: StoreWatchHandler): StoreWatch {
    if (this.#client.closed) throw new StoreError('closed', 'the store is closed');
    const watch = new EtcdWatch(this.#client, { root: this.#root, prefix, afterRevision, isOwn }, handler);
    this.#watches.add(watch);
    return {
      close: () => {
        this.#watches.delete(watch);
        watch.close();
      },
    };
  }

  async compact(revision: number): Promise<void> {
    try {
      await this.#client.callAny(compactMethod, { revision });
    } catch (error) {
      // Another server was faster.
      if (!(error instanceof StoreError) || error.code !== 'compacted') throw error;
    }
  }

  async sizeBytes(): Promise<number> {
    return toNumber((await this.#client.callAny(statusMethod, {})).dbSize);
  }

  async close(): Promise<void> {
    if (this.#client.closed) return;
    this.#client.close();
    for (const watch of this.#watches) watch.fail(new StoreError('closed', 'the store was closed'));
    this.#watches.clear();
  }

  /** A write goes to another member only when it certainly did not reach the first. */
  async #callUnlessSent(request: Parameters<typeof txnMethod.encode>[0]) {
    for (let attempt = 1; ; attempt++) {
      const { member } = this.#client;
      try {
        return await this.#client.callOnce(txnMethod, request, member);
      } catch (reason) {
        const { error, notSent, retriable } = reason as CallFailure;
        if (!retriable) throw error ?? reason;
        this.#client.moveFrom(member);
        if (notSent && attempt <= this.#client.endpoints.length) continue;
        if (notSent) throw error;
        throw new StoreError('unknown-outcome', `it is not known whether the write was done: ${error.message}`, {
          cause: error,
        });
      }
    }
  }

  async #readAll(prefix: string): Promise<{ revision: number; all: StoreEntry[] }> {
    const start = this.#key(prefix);
    const end = rangeEnd(start);
    const key = start.length > 0 ? start : Buffer.of(0);
    const limit = entriesPerPage;
    const first = await this.#client.callAny(txnMethod, {
      compare: [],
      success: [{ requestRange: { key: this.#key(markerKey) } }, { requestRange: { key, rangeEnd: end, limit } }],
      failure: [],
    });
    const [marker, opening] = first.responses.map((each) => each.responseRange!) as [RangeResponse, RangeResponse];
    let revision = toNumber(marker.kvs[0]?.modRevision);
    const all: StoreEntry[] = [];
    for (let page = opening; ; ) {
      for (const kv of page.kvs) {
        const entry = this.#entry(kv);
        if (isOwn(entry.key)) continue;
        all.push(entry);
        revision = Math.max(revision, entry.revision);
      }
      if (!page.more) break;
      const after = Buffer.concat([page.kvs.at(-1)!.key, Buffer.of(0)]);
      const at = toNumber(first.header.revision);
      page = await this.#client.callAny(rangeMethod, { key: after, rangeEnd: end, limit, revision: at });
    }
    return { revision: revision || toNumber(first.header.revision), all };
  }

  #key(key: string): Buffer {
    return Buffer.from(this.#root + key);
  }

  #entry({ key, value, modRevision, createRevision }: KeyValue): StoreEntry {
    return {
      key: Buffer.from(key).toString().slice(this.#root.length),
      value: own(value),
      revision: toNumber(modRevision),
      createRevision: toNumber(createRevision),
    };
  }
}

async function* inBatches(all: readonly StoreEntry[]): AsyncGenerator<readonly StoreEntry[]> {
  for (let at = 0; at < all.length; at += entriesPerPage) yield all.slice(at, at + entriesPerPage);
}
