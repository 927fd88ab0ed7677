/** Runs a request through the filters, and turns whatever goes wrong into one Status. */
import type { Logger } from '../../base/log.ts';
import { asStatusError, sendError } from '../encoding/respond.ts';
import type { Exchange, Filter } from './exchange.ts';

/** The filters in order, until one has answered. Never rejects. */
export async function runChain(chain: readonly Filter[], exchange: Exchange, log: Logger): Promise<void> {
  try {
    for (const filter of chain) {
      const pending = filter(exchange);
      if (pending) await pending;
      if (exchange.answered) return;
    }
  } catch (error) {
    const status = asStatusError(error);
    if (status !== error && status.code >= 500)
      log.error('a request failed unexpectedly', { method: exchange.req.method, path: exchange.info.path, error });
    try {
      sendError(exchange, status);
    } catch (failure) {
      log.error('an error could not be sent', { path: exchange.info.path, error: failure });
      exchange.res.destroy();
    }
  }
}
