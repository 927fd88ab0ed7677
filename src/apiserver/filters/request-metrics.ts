/** Counts and times requests under upstream's metric names, whichever way they come. */
import type { Clock } from '../../base/clock.ts';
import type { MetricsRegistry } from '../../base/metrics.ts';
import type { AuditSubject } from '../options.ts';
import type { Exchange, Filter } from './exchange.ts';

const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const sizeBuckets = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/** Made-up resources must not fill the memory: beyond this many kinds of requests they are counted as one. */
const maxSeries = 10_000;

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

/** Subresources that are connections rather than requests. */
const connections: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'proxy']);
const healthPath = /^\/(healthz|livez|readyz)/;

interface Bound {
  readonly total: { inc(): void };
  readonly duration: { observe(seconds: number): void };
  readonly sizes: { observe(bytes: number): void } | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** A request while it is under way. */
export interface MeasuredRequest {
  /** It has become a stream. */
  stream(): void;
  /** It is over. `sizeBytes` is that of the answer to a read, where it is known. */
  end(code: number, sizeBytes?: number): void;
}

/** What of a request the series tell apart. */
export interface RequestTraits {
  readonly info: AuditSubject['info'];
  readonly dryRun: boolean;
  readonly apply: boolean;
}

export interface RequestMetrics {
  readonly filter: Filter;
  begin(traits: RequestTraits): MeasuredRequest;
}

/** Measures every request; label sets are made once for each kind of request. */
export function createRequestMetrics(
  metrics: MetricsRegistry,
  clock: Clock,
  isDeprecated: (info: AuditSubject['info']) => boolean = () => false,
): RequestMetrics {
  const total = metrics.counter('apiserver_request_total', 'Requests by verb, resource and code.');
  const duration = metrics.histogram('apiserver_request_duration_seconds', 'How long requests took.', buckets);
  const sizes = metrics.histogram('apiserver_response_sizes', 'Bytes of the answers to gets and lists.', sizeBuckets);
  const deprecated = metrics.gauge('apiserver_requested_deprecated_apis', 'Deprecated kinds that were asked for.');
  const inflight = { readOnly: 0, mutating: 0 };
  metrics.gauge('apiserver_current_inflight_requests', 'Requests under way, by kind.', (gauge) => {
    gauge.set(inflight.readOnly, { request_kind: 'readOnly' });
    gauge.set(inflight.mutating, { request_kind: 'mutating' });
  });
  const longRunning = metrics.gauge('apiserver_longrunning_requests', 'Watches and connections under way.');
  const series = new Map<string, Bound>();

  const bind = (traits: RequestTraits, code: number): Bound => {
    const { info, dryRun } = traits;
    const labels = { component: 'apiserver', ...labelsOf(traits) };
    const dry_run = dryRun ? 'All' : '';
    if (info.resourceRequest && isDeprecated(info)) {
      const { group, version, plural: resource, subresource } = info;
      deprecated.set(1, { group, version, resource, subresource, removed_release: '' });
    }
    return {
      total: total.with({ ...labels, code: String(code), dry_run }),
      duration: duration.with({ ...labels, dry_run }),
      sizes: info.verb === 'get' || info.verb === 'list' ? sizes.with(labels) : undefined,
      labels,
    };
  };
  const boundOf = (traits: RequestTraits, code: number): Bound => {
    const { info, dryRun, apply } = traits;
    const path = info.resourceRequest ? '' : (healthPath.exec(info.path)?.[0] ?? '');
    const flags = `${dryRun ? 'd' : ''}${apply ? 'a' : ''}${info.name ? 'r' : info.namespace ? 'n' : ''}`;
    const id = `${info.verb} ${info.group}/${info.version}/${info.plural}/${info.subresource}${path} ${code} ${flags}`;
    const found = series.get(id);
    if (found) return found;
    const crowded = series.size >= maxSeries;
    const known = crowded ? series.get('other') : undefined;
    const bound =
      known ?? bind(crowded ? { ...traits, info: { ...info, plural: 'other', subresource: '' } } : traits, code);
    series.set(crowded ? 'other' : id, bound);
    return bound;
  };

  const begin = (traits: RequestTraits): MeasuredRequest => {
    const startedAt = clock.monotonic();
    const { verb } = traits.info;
    const kind = verb === 'get' || verb === 'list' || verb === 'watch' ? 'readOnly' : 'mutating';
    let streaming: Readonly<Record<string, string>> | undefined;
    inflight[kind]++;
    return {
      stream() {
        // Streams are counted apart: they would hide the requests that come and go.
        inflight[kind]--;
        streaming = boundOf(traits, 200).labels;
        longRunning.add(1, streaming);
      },
      end(code, sizeBytes) {
        if (streaming) longRunning.add(-1, streaming);
        else inflight[kind]--;
        const bound = boundOf(traits, code);
        bound.total.inc();
        bound.duration.observe((clock.monotonic() - startedAt) / 1000);
        if (sizeBytes !== undefined) bound.sizes?.observe(sizeBytes);
      },
    };
  };

  return {
    begin,
    filter(exchange) {
      const request = begin(traitsOf(exchange));
      exchange.onStream = () => request.stream();
      exchange.onDone(() => request.end(exchange.answeredCode, sizeOf(exchange)));
    },
  };
}

function traitsOf(exchange: Exchange): RequestTraits {
  const { info } = exchange;
  return {
    info,
    dryRun: info.query !== '' && /(^|&)dryRun=All(&|$)/.test(info.query),
    apply: info.verb === 'patch' && exchange.header('content-type')?.startsWith('application/apply-patch') === true,
  };
}

function sizeOf({ res }: Exchange): number | undefined {
  const length = res.getHeader('content-length');
  return typeof length === 'number' ? length : undefined;
}

function labelsOf({ info, apply }: RequestTraits): Record<string, string> {
  const { resourceRequest, verb, group, version, plural, subresource } = info;
  let name = verbNames[verb] ?? verb.toUpperCase();
  if (apply) name = 'APPLY';
  else if (resourceRequest && connections.has(subresource)) name = 'CONNECT';
  let scope = '';
  if (info.name || verb === 'create') scope = resourceRequest ? 'resource' : '';
  else if (resourceRequest) scope = info.namespace ? 'namespace' : 'cluster';
  return {
    group,
    resource: plural,
    scope,
    subresource: resourceRequest ? subresource : (healthPath.exec(info.path)?.[0] ?? ''),
    verb: name,
    version,
  };
}
