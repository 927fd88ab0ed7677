/** Requests that take too long are answered 504, without a timer for each that does not ask for one. */
import { parseDuration } from '../../api/machinery/duration.ts';
import { badRequest, StatusError } from '../../api/machinery/status.ts';
import type { Clock } from '../../base/clock.ts';
import { sendError } from '../encoding/respond.ts';
import type { Exchange, Filter } from './exchange.ts';

const sweepMs = 1000;

export interface DeadlineFilter {
  readonly filter: Filter;
  stop(): void;
}

/** The `timeout` that a request gives itself, as a Go duration; undefined without one. Throws 400 for what is none. */
function ownTimeoutMs(query: string): number | undefined {
  if (!query.includes('timeout=')) return undefined;
  const text = new URLSearchParams(query).get('timeout');
  if (!text) return undefined;
  const nanos = parseDuration(text);
  if (nanos === undefined)
    throw badRequest(`invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text)}`);
  return nanos / 1e6;
}

/** Watches all requests that are under way and looks at them once a second; a request may ask for less time. */
export function createDeadlineFilter(clock: Clock, timeoutMs: number): DeadlineFilter {
  const running = new Set<Exchange>();
  let timer: { cancel(): void } | undefined;
  const end = (exchange: Exchange, why: string) => {
    if (!running.delete(exchange) || exchange.longRunning) return;
    const error = new StatusError('Timeout', `Timeout: request did not complete within ${why}`);
    exchange.abort(error);
    if (!exchange.res.headersSent) sendError(exchange, error);
  };
  const sweep = () => {
    const now = clock.monotonic();
    for (const exchange of running) {
      if (exchange.longRunning) running.delete(exchange);
      else if (now - exchange.startedAt >= timeoutMs) end(exchange, 'the allotted timeout');
    }
    timer = undefined;
    if (running.size > 0) arm();
  };
  const arm = () => {
    timer ??= clock.after(sweepMs, sweep);
  };
  return {
    filter(exchange) {
      const { verb, query } = exchange.info;
      const own = query === '' || verb === 'watch' ? undefined : ownTimeoutMs(query);
      running.add(exchange);
      arm();
      exchange.onDone(() => running.delete(exchange));
      // Zero asks for nothing, and no request gets more than all do.
      if (own === undefined || own <= 0 || own >= timeoutMs) return;
      const why = 'requested timeout - context deadline exceeded';
      const ownTimer = clock.after(own, () => end(exchange, why));
      exchange.onDone(() => ownTimer.cancel());
    },
    stop() {
      timer?.cancel();
    },
  };
}
