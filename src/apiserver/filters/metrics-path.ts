import type { MetricsRegistry } from '../../base/metrics.ts';
import type { PathHandler } from './path-answer.ts';

/** /metrics in the Prometheus text format. */
export function createMetricsHandler(metrics: MetricsRegistry): PathHandler {
  return ({ info }) =>
    info.path === '/metrics'
      ? { status: 200, contentType: 'text/plain; version=0.0.4; charset=utf-8', body: metrics.expose() }
      : undefined;
}
