/** Counts and times requests under upstream's metric names. */
import type { Clock } from '../../base/clock.ts';
import type { MetricsRegistry } from '../../base/metrics.ts';
import type { Exchange, Filter } from './exchange.ts';

const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

const verbNames: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
};

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly timing: Readonly<Record<string, string>>;
}

/** Measures every request; label sets are made once for each kind of request. */
export function createRequestMetrics(metrics: MetricsRegistry, clock: Clock): Filter {
  const total = metrics.counter('apiserver_request_total', 'Requests by verb, resource and code.');
  const duration = metrics.histogram(
    'apiserver_request_duration_seconds',
    'How long requests took, watches excepted.',
    buckets,
  );
  const inflight = metrics.gauge('apiserver_current_inflight_requests', 'Requests under way, by kind.');
  const longRunning = metrics.gauge('apiserver_longrunning_requests', 'Watches and connections under way.');
  const series = new Map<string, Series>();
  const mutating = { request_kind: 'mutating' };
  const readOnly = { request_kind: 'readOnly' };

  const seriesOf = (exchange: Exchange): Series => {
    const { info, responseCode } = exchange;
    const id = `${info.verb} ${info.group}/${info.version}/${info.plural}/${info.subresource} ${responseCode}`;
    let found = series.get(id);
    if (!found) {
      const verb = verbNames[info.verb] ?? info.verb.toUpperCase();
      const scope = !info.resourceRequest ? '' : info.name ? 'resource' : info.namespace ? 'namespace' : 'cluster';
      const timing = {
        component: 'apiserver',
        group: info.group,
        resource: info.plural,
        scope,
        subresource: info.subresource,
        verb,
        version: info.version,
      };
      found = { timing, labels: { ...timing, code: String(responseCode), dry_run: '' } };
      // Made-up resources must not fill the memory.
      if (series.size < 10_000) series.set(id, found);
    }
    return found;
  };

  return (exchange) => {
    const kind = exchange.req.method === 'GET' ? readOnly : mutating;
    inflight.add(1, kind);
    exchange.onDone(() => {
      inflight.add(-1, kind);
      const { labels, timing } = seriesOf(exchange);
      total.inc(labels);
      if (exchange.longRunning) longRunning.add(0, timing);
      else duration.observe((clock.monotonic() - exchange.startedAt) / 1000, timing);
    });
  };
}
