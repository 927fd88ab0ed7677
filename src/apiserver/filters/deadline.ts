/** Requests that take too long are answered 504, without a timer for each of them. */
import { StatusError } from '../../api/machinery/status.ts';
import type { Clock } from '../../base/clock.ts';
import { sendError } from '../encoding/respond.ts';
import type { Exchange, Filter } from './exchange.ts';

const sweepMs = 1000;

export interface DeadlineFilter {
  readonly filter: Filter;
  stop(): void;
}

/** Watches all requests that are under way and looks at them once a second. */
export function createDeadlineFilter(clock: Clock, timeoutMs: number): DeadlineFilter {
  const running = new Set<Exchange>();
  let timer: { cancel(): void } | undefined;
  const sweep = () => {
    const now = clock.monotonic();
    for (const exchange of running) {
      if (exchange.longRunning) running.delete(exchange);
      else if (now - exchange.startedAt >= timeoutMs) {
        running.delete(exchange);
        const error = new StatusError('Timeout', 'Timeout: request did not complete within the allotted timeout');
        exchange.abort(error);
        if (!exchange.res.headersSent) sendError(exchange, error);
      }
    }
    timer = undefined;
    if (running.size > 0) arm();
  };
  const arm = () => {
    timer ??= clock.after(sweepMs, sweep);
  };
  return {
    filter(exchange) {
      running.add(exchange);
      arm();
      exchange.onDone(() => running.delete(exchange));
    },
    stop() {
      timer?.cancel();
    },
  };
}
