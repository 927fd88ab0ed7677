/** The audit of requests over HTTP. */
import type { Exchange, Filter } from '../filters/exchange.ts';
import type { AuditHook } from '../options.ts';

/** Follows each request from the moment its user is known; a recorded one is answered with its Audit-Id. */
export function createAuditFilter(audit: AuditHook): Filter {
  return (exchange) => {
    const trail = audit.begin(exchange);
    if (!trail) return;
    exchange.audited = true;
    if (!exchange.res.headersSent) exchange.res.setHeader('Audit-Id', trail.auditId);
    onResponseStarted(exchange, () => {
      if (exchange.longRunning) trail.started();
    });
    exchange.onDone(trail.finished);
  };
}

/** Headers are sent by writeHead, also where it is called by the first write. */
function onResponseStarted({ res }: Exchange, started: () => void): void {
  const response = res as unknown as { writeHead: (...args: unknown[]) => unknown };
  const original = response.writeHead;
  response.writeHead = function writeHead(this: unknown, ...args: unknown[]) {
    response.writeHead = original;
    started();
    return original.apply(this, args);
  };
}
