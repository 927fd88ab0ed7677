/** What the node's server serves: real pods, or simulated ones. */
import type { WebSocket } from 'ws';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { LogQuery } from './log-reader.ts';
import type { RemoteCommandOptions } from './remote-command.ts';

/** An answer other than success. */
export class NodeRequestError extends Error {
  override readonly name = 'NodeRequestError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A container as requests name it. */
export interface ContainerRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly uid?: string;
}

/** Methods throw {@link NodeRequestError} for pods and containers that are not there. */
export interface NodeBackend {
  /** The pods that the API binds to the node. */
  pods(): readonly Shared<Pod>[];
  /** Those that run something, as far as the runtime knows them. */
  runningPods(): Promise<readonly object[]>;
  /** Where the machine's own logs are; undefined keeps them from everyone. */
  readonly systemLogDir?: string | undefined;
  /** The node's KubeletConfiguration. */
  configuration(): object;
  log(
    ref: ContainerRef,
    query: LogQuery & { readonly previous: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>>;
  /** URLs of a streaming server to which the session is passed. */
  execUrl(ref: ContainerRef, options: RemoteCommandOptions & { readonly command: readonly string[] }): Promise<string>;
  attachUrl(ref: ContainerRef, options: RemoteCommandOptions): Promise<string>;
  portForwardUrl(ref: Omit<ContainerRef, 'container'>, ports: readonly number[]): Promise<string>;
  /** Serves exec and attach over a WebSocket itself, where there is no streaming server to pass it to. */
  session?(
    socket: WebSocket,
    ref: ContainerRef,
    command: RemoteCommandOptions & { readonly command: readonly string[] },
  ): void;
  /** Runs a command to its end, for `/run`. */
  run(ref: ContainerRef, command: readonly string[]): Promise<Buffer>;
  /** Writes a running container's state to a file on the node, and returns the file's path. */
  checkpoint(ref: ContainerRef): Promise<string>;
  summary(): Promise<unknown>;
  /** Prometheus text: of the agent, of resources (`/metrics/resource`), of containers (`/metrics/cadvisor`). */
  metrics(which: 'agent' | 'resource' | 'cadvisor' | 'probes'): Promise<string>;
}
