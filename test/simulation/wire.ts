/** What connects one process with whichever API server lives: it outlasts servers, and it can be cut. */
import type { KubeObject } from '../../src/api/kind.ts';
import { serviceUnavailable } from '../../src/api/machinery/status.ts';
import type { UserInfo } from '../../src/apiserver/user.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { ResourceRequest, Transport, WatchHandler, WatchRequest } from '../../src/client/transport.ts';
import type { Faults } from './faults.ts';
import type { ProcessClock } from './process-clock.ts';

export interface WireOptions {
  /** The server's clock. */
  readonly clock: Clock;
  readonly processClock: ProcessClock;
  readonly faults: Faults;
  /** A connection to the server that lives, or undefined while there is none. */
  connect(user: UserInfo): Transport | undefined;
  /** Called when a request that changes something leaves the process. */
  onWrite(request: ResourceRequest): void;
}

export class Wire {
  readonly #options: WireOptions;
  readonly #open = new Set<(error: Error) => void>();
  #connections = new Map<string, Transport>();
  #cut = false;
  /** Requests under way. */
  inFlight = 0;

  constructor(options: WireOptions) {
    this.#options = options;
  }

  /** The process has crashed: nothing leaves it any more, nothing reaches it. */
  cut(): void {
    this.#cut = true;
    this.#open.clear();
  }

  /** The server is gone: watches end, and the next request looks for another server. */
  disconnect(): void {
    this.#connections = new Map();
    for (const end of [...this.#open]) end(serviceUnavailable('the connection was reset'));
    this.#open.clear();
  }

  as(user: UserInfo): Transport {
    return {
      request: (request) => this.#request(user, request),
      watch: <T extends KubeObject>(request: WatchRequest, handler: WatchHandler<T>) =>
        this.#watch(user, { request, handler }),
      raw: (path, signal) => this.#server(user).raw(path, signal),
      close: async () => {},
    };
  }

  #server(user: UserInfo): Transport {
    let connection = this.#connections.get(user.name);
    if (!connection) {
      const direct = this.#cut ? undefined : this.#options.connect(user);
      if (!direct) throw serviceUnavailable('connection refused');
      connection = this.#options.faults.watches(this.#options.faults.requests(direct));
      this.#connections.set(user.name, connection);
    }
    return connection;
  }

  async #request(user: UserInfo, request: ResourceRequest): Promise<unknown> {
    const { processClock } = this.#options;
    const awake = () => new Promise<void>((resolve) => processClock.whenAwake(resolve));
    this.inFlight++;
    try {
      // What a process that stands still was about to send leaves it when it goes on.
      if (processClock.stalled) await awake();
      const server = this.#server(user);
      if (request.verb !== 'get' && request.verb !== 'list') this.#options.onWrite(request);
      const answer = await server.request(request);
      if (processClock.stalled) await awake();
      if (this.#cut) throw serviceUnavailable('the process has crashed');
      return answer;
    } finally {
      this.inFlight--;
    }
  }

  #watch<T extends KubeObject>(
    user: UserInfo,
    { request, handler }: { request: WatchRequest; handler: WatchHandler<T> },
  ) {
    const { clock, processClock } = this.#options;
    let closed = false;
    const end = (error: Error | undefined) => {
      if (closed) return;
      closed = true;
      this.#open.delete(end);
      clock.after(1, () => processClock.whenAwake(() => (this.#cut ? undefined : handler.onEnd(error))));
    };
    let handle: { close(): void } | undefined;
    try {
      handle = this.#server(user).watch<T>(request, {
        onEvents: (events) => {
          processClock.whenAwake(() => {
            if (!closed && !this.#cut) handler.onEvents(events);
          });
        },
        onEnd: end,
      });
      if (!closed) this.#open.add(end);
    } catch (error) {
      end(error as Error);
    }
    return {
      close: () => {
        closed = true;
        this.#open.delete(end);
        handle?.close();
      },
    };
  }
}
