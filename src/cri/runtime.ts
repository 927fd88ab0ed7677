/** A gRPC client of a container runtime: the CRI's two services with typed methods. */
import { type ChannelOptions, Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { realClock } from '../base/clock.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import { services } from './schema.ts';
import type { MessageName, MethodName, RequestOf, ResponseOf } from './types.ts';

type ServiceName = keyof typeof services;

/** Options of one call; without `timeoutMs` it may take two minutes, as upstream's runtime-request-timeout. */
export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

type Unary<S extends ServiceName> = {
  readonly [M in MethodName<S> as Uncapitalize<M & string>]: (
    request: RequestOf<S, M>,
    options?: CallOptions,
  ) => Promise<ResponseOf<S, M>>;
};

/** A connected runtime. Methods reject with {@link CriError}. */
export interface CriRuntime {
  /** The endpoint as it was given, `unix:///run/…`. */
  readonly endpoint: string;
  /** RuntimeService: `runPodSandbox`, `createContainer`, `execSync`, … */
  readonly runtime: Unary<'RuntimeService'>;
  /** ImageService: `pullImage`, `imageStatus`, … */
  readonly images: Unary<'ImageService'>;
  /**
   * Opens a server stream of any gRPC service on the same socket. Returns a function that ends it.
   * @param onEnd called once when it ended for any other reason
   */
  stream(
    method: string,
    request: Buffer,
    handler: { onMessage(bytes: Buffer): void; onEnd(error: CriError | undefined): void },
  ): () => void;
  close(): void;
}

/** What a runtime refused. `code` is the gRPC status' name: `NOT_FOUND`, `UNIMPLEMENTED`, `UNAVAILABLE`, … */
export class CriError extends Error {
  override readonly name = 'CriError';
  readonly code: string;
  readonly method: string;
  constructor(code: string, method: string, message: string) {
    super(message);
    this.code = code;
    this.method = method;
  }
}

/** Whether the runtime does not know the sandbox, container or image that was named. */
export function isCriNotFound(error: unknown): boolean {
  return error instanceof CriError && (error.code === 'NOT_FOUND' || /not ?found/i.test(error.message));
}

const defaultTimeoutMs = 120_000;

const channelOptions: ChannelOptions = {
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
  'grpc.max_send_message_length': 16 * 1024 * 1024,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.default_authority': 'localhost',
  'grpc.use_local_subchannel_pool': 1,
};

function toCriError(error: ServiceError, method: string): CriError {
  return new CriError(status[error.code] ?? String(error.code), method, error.details || error.message);
}

/** `unix:///path` for what users write: a path, `unix:///path` or `unix:path`. */
export function normalizeEndpoint(endpoint: string): string {
  return endpoint.startsWith('/') ? `unix://${endpoint}` : endpoint.replace(/^unix:(?!\/\/)/, 'unix://');
}

/**
 * A client of the runtime at `endpoint`. It connects on first use and again after the runtime has been away; calls while
 * it is away reject with code UNAVAILABLE.
 */
export function connectCri(endpoint: string): CriRuntime {
  const normalized = normalizeEndpoint(endpoint);
  const client = new Client(normalized, credentials.createInsecure(), channelOptions);

  const call = (service: ServiceName, method: string, types: readonly string[]) => {
    const path = `/runtime.v1.${service}/${method}`;
    const [requestType, responseType] = types as [MessageName, MessageName];
    return (request: object, options: CallOptions = {}) =>
      new Promise<unknown>((resolve, reject) => {
        if (options.signal?.aborted) return reject(options.signal.reason);
        // The runtime is a real process, so its deadlines are real time whatever clock the cluster runs on.
        const deadline = realClock.now() + (options.timeoutMs ?? defaultTimeoutMs);
        const pending = client.makeUnaryRequest(
          path,
          (value: object) => encodeMessage(requestType, value),
          (bytes: Buffer) => decodeMessage(responseType, bytes),
          request,
          { deadline },
          (error, response) => {
            options.signal?.removeEventListener('abort', cancel);
            if (error) reject(options.signal?.aborted ? options.signal.reason : toCriError(error, method));
            else resolve(response);
          },
        );
        const cancel = () => pending.cancel();
        options.signal?.addEventListener('abort', cancel, { once: true });
      });
  };

  const serviceClient = <S extends ServiceName>(service: S): Unary<S> =>
    Object.fromEntries(
      Object.entries(services[service] as Record<string, readonly string[]>)
        .filter(([, types]) => types[2] !== 'stream')
        .map(([method, types]) => [method[0]!.toLowerCase() + method.slice(1), call(service, method, types)]),
    ) as unknown as Unary<S>;

  return {
    endpoint: normalized,
    runtime: serviceClient('RuntimeService'),
    images: serviceClient('ImageService'),
    stream(method, request, handler) {
      const stream = client.makeServerStreamRequest(
        method,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        request,
      );
      let ended = false;
      const end = (error: CriError | undefined) => {
        if (!ended) {
          ended = true;
          handler.onEnd(error);
        }
      };
      stream.on('data', (bytes: Buffer) => handler.onMessage(bytes));
      stream.on('error', (error: ServiceError) => end(toCriError(error, method)));
      stream.on('end', () => end(undefined));
      return () => {
        ended = true;
        stream.cancel();
      };
    },
    close: () => client.close(),
  };
}
