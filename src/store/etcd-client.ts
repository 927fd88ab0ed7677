import grpc from '@grpc/grpc-js';
import { realClock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Method, ResponseHeader } from './etcd-messages.ts';
import { StoreError } from './store.ts';

/** PEM texts. */
export interface EtcdTls {
  /** The authority that signed the members' certificates; the system's ones when absent. */
  readonly ca?: string | Uint8Array;
  /** This server's own certificate and key, where etcd asks for one. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
}

export interface EtcdClientOptions {
  /** `https://host:port` or `http://host:port`. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls | undefined;
  readonly log: Logger;
  /** How long one attempt at one member may take. */
  readonly attemptTimeoutMs: number;
}

const channelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // A member that stopped answering without closing the connection is noticed within 15 seconds, even when idle.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
};

/** Why a call failed, as far as the store must tell cases apart. */
export interface CallFailure {
  readonly error: StoreError;
  /** The request never left: another member may be asked without the risk of doing it twice. */
  readonly notSent: boolean;
  /** Another member may do better. */
  readonly retriable: boolean;
}

/**
 * Connections to the members of an etcd cluster. Everything uses one member until that fails, so that a watch sees a
 * write as soon as the write is answered; then all move on to the next.
 */
export class EtcdClient {
  readonly endpoints: readonly string[];
  readonly #clients: readonly grpc.Client[];
  readonly #timeoutMs: number;
  readonly #log: Logger;
  readonly #onMove = new Set<() => void>();
  #current = 0;
  #clusterId: string | undefined;
  #closed = false;

  constructor(options: EtcdClientOptions) {
    if (options.endpoints.length === 0) throw new StoreError('unavailable', 'no etcd endpoint is given');
    this.endpoints = options.endpoints;
    this.#timeoutMs = options.attemptTimeoutMs;
    this.#log = options.log;
    this.#clients = options.endpoints.map((endpoint) => connect(endpoint, options.tls));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** One call to one member (the current one unless given). Rejects with a {@link CallFailure}. */
  async callOnce<Q, R extends { readonly header: ResponseHeader }>(
    method: Method<Q, R>,
    request: Q,
    member = this.#current,
  ): Promise<R> {
    if (this.#closed) throw failure(new StoreError('closed', 'the store is closed'));
    const endpoint = this.endpoints[member]!;
    const response = await new Promise<R>((resolve, reject) => {
      this.#clients[member]!.makeUnaryRequest(
        method.path,
        method.encode,
        method.decode,
        request,
        new grpc.Metadata(),
        { deadline: realClock.now() + this.#timeoutMs },
        (error, value) => (error || !value ? reject(this.#explain(error, endpoint)) : resolve(value)),
      );
    });
    this.#checkCluster(response.header, endpoint);
    return response;
  }

  /** A call that may be repeated: asks each member in turn, for two rounds, before it gives up. */
  async callAny<Q, R extends { readonly header: ResponseHeader }>(method: Method<Q, R>, request: Q): Promise<R> {
    for (let attempt = 1; ; attempt++) {
      const member = this.#current;
      try {
        return await this.callOnce(method, request, member);
      } catch (reason) {
        const { error, retriable } = reason as CallFailure;
        if (!retriable || attempt >= 2 * this.endpoints.length + 1) throw error ?? reason;
        this.moveFrom(member);
        if (attempt % this.endpoints.length === 0) await realClock.sleep(300);
      }
    }
  }

  /** The member that is in use, to be given to {@link moveFrom}. */
  get member(): number {
    return this.#current;
  }

  /** Leaves a member that failed, unless that was done already. */
  moveFrom(member: number): void {
    if (member !== this.#current || this.#closed || this.endpoints.length === 1) return;
    this.#current = (member + 1) % this.endpoints.length;
    this.#log.warn('moving to another etcd member', {
      from: this.endpoints[member],
      to: this.endpoints[this.#current],
    });
    for (const moved of [...this.#onMove]) moved();
  }

  /** Calls `moved` when another member is used from now on; returns how to stop that. */
  onMove(moved: () => void): () => void {
    this.#onMove.add(moved);
    return () => this.#onMove.delete(moved);
  }

  /** A stream in both directions to the current member, which ends itself when the member loses its leader. */
  openStream<Q, R>(method: Method<Q, R>): grpc.ClientDuplexStream<Q, R> {
    const metadata = new grpc.Metadata();
    metadata.set('hasleader', 'true');
    return this.#clients[this.#current]!.makeBidiStreamRequest(method.path, method.encode, method.decode, metadata, {});
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients) client.close();
  }

  #checkCluster(header: ResponseHeader | null, endpoint: string): void {
    const id = String(header?.clusterId);
    this.#clusterId ??= id;
    if (id === this.#clusterId) return;
    throw failure(
      new StoreError(
        'wrong-cluster',
        `etcd at ${endpoint} belongs to cluster ${id}, the others to ${this.#clusterId}: correct the list of endpoints`,
      ),
    );
  }

  #explain(error: grpc.ServiceError | null, endpoint: string): CallFailure {
    if (!error) return failure(new StoreError('unavailable', `etcd at ${endpoint} gave an empty answer`));
    const { code, details } = error;
    const options = { cause: error };
    if (this.#closed) return failure(new StoreError('closed', 'the store is closed', options));
    if (/required revision has been compacted/.test(details))
      return failure(new StoreError('compacted', details, options));
    if (/request is too large|too many operations|larger than max/.test(details)) {
      return failure(new StoreError('too-large', `etcd refused the write: ${details}`, options));
    }
    if (/database space exceeded|NOSPACE/.test(details)) {
      return failure(
        new StoreError(
          'disk-full',
          `etcd has no space left (${details}): compact, defragment and disarm its alarm`,
          options,
        ),
      );
    }
    if (code === grpc.status.UNIMPLEMENTED) {
      return failure(new StoreError('unavailable', `${endpoint} is no etcd with the v3 API: ${details}`, options));
    }
    if (code === grpc.status.UNAUTHENTICATED || code === grpc.status.PERMISSION_DENIED) {
      return failure(new StoreError('unavailable', `etcd at ${endpoint} refuses this client: ${details}`, options));
    }
    const retriable =
      code === grpc.status.UNAVAILABLE ||
      code === grpc.status.DEADLINE_EXCEEDED ||
      code === grpc.status.INTERNAL ||
      code === grpc.status.CANCELLED ||
      code === grpc.status.UNKNOWN;
    return {
      error: new StoreError(
        'unavailable',
        `etcd at ${endpoint} does not answer: ${details}${tlsHint(details)}`,
        options,
      ),
      notSent: code === grpc.status.UNAVAILABLE && /No connection established|Name resolution failed/.test(details),
      retriable,
    };
  }
}

const failure = (error: StoreError): CallFailure => ({ error, notSent: false, retriable: false });

function tlsHint(details: string): string {
  if (/certificate|self.signed|issuer|altnames|verify|SSL|TLS|EPROTO|handshake/i.test(details)) {
    return '; check the CA, the client certificate and that the endpoint is https exactly where etcd serves TLS';
  }
  return '';
}

function connect(endpoint: string, tls: EtcdTls | undefined): grpc.Client {
  const url = endpoint.includes('://') ? endpoint : `${tls ? 'https' : 'http'}://${endpoint}`;
  const { protocol, host } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new StoreError('unavailable', `${endpoint} is no etcd endpoint: write https://host:port or http://host:port`);
  }
  if (protocol === 'http:') return new grpc.Client(host, grpc.credentials.createInsecure(), channelOptions);
  const pem = (text: string | Uint8Array | undefined) => (text === undefined ? null : Buffer.from(text));
  const credentials = grpc.credentials.createSsl(pem(tls?.ca), pem(tls?.key), pem(tls?.cert));
  return new grpc.Client(host, credentials, channelOptions);
}
