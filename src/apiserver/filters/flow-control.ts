/**
 * Priority and fairness (KEP-1040): each priority level has its share of the requests that may run at once, and within a
 * level the flows take turns, so that no client and no namespace keeps the system's own traffic out.
 */
import { FlowSchema } from '../../api/flowcontrol/flow-schema.ts';
import { PriorityLevelConfiguration } from '../../api/flowcontrol/priority-level-configuration.ts';
import type { Shared } from '../../api/kind.ts';
import { tooManyRequests } from '../../api/machinery/status.ts';
import type { ApiContext } from '../context.ts';
import { follow } from '../registry/follow.ts';
import type { StoredResource } from '../registry/resource.ts';
import type { Exchange, Filter } from './exchange.ts';
import { FlowLevel, type Waiting } from './flow-level.ts';
import { classify, sortSchemas } from './flow-schemas.ts';
import { estimateSeats } from './work-estimate.ts';

/** As upstream's --max-requests-inflight and --max-mutating-requests-inflight together. */
const totalConcurrency = 600;
/** How long a request may wait for its turn: a quarter of the request time-out. */
const maxWaitMs = 15_000;

/** As upstream: streams that are no watches last as long as their clients like, and are not held back. */
const streams: ReadonlySet<string> = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

const waitBuckets = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];

/**
 * Holds back requests of levels that are full. A request has its seats until it is answered, a watch until its initial
 * events have been sent.
 */
export function createFlowControl(api: ApiContext): { filter: Filter; stop(): void } {
  const schemaStore = api.registry.storage(FlowSchema.group, FlowSchema.plural)!;
  const levelStore = api.registry.storage(PriorityLevelConfiguration.group, PriorityLevelConfiguration.plural)!;
  const levels = new Map<string, FlowLevel>();
  let schemas: Shared<FlowSchema>[] = [];
  const { metrics, clock } = api;
  const name = (what: string) => `apiserver_flowcontrol_${what}`;
  const rejected = metrics.counter(name('rejected_requests_total'), 'Requests that were refused, by reason.');
  const dispatched = metrics.counter(name('dispatched_requests_total'), 'Requests that got their seats.');
  const dispatchedBy = new WeakMap<Shared<FlowSchema>, ReturnType<typeof dispatched.with>>();
  const countDispatched = (schema: Shared<FlowSchema>, labels: Readonly<Record<string, string>>) => {
    let counter = dispatchedBy.get(schema);
    if (!counter) {
      counter = dispatched.with(labels);
      dispatchedBy.set(schema, counter);
    }
    counter.inc();
  };
  const waited = metrics.histogram(name('request_wait_duration_seconds'), 'Time in a queue.', waitBuckets);
  const gauge = (what: string, help: string, value: (level: FlowLevel) => number) =>
    metrics.gauge(name(what), help, (made) => {
      for (const [priority_level, level] of levels) made.set(value(level), { priority_level });
    });
  gauge('current_executing_requests', 'Requests under way, by level.', ({ running }) => running);
  gauge('current_executing_seats', 'Seats that are taken, by level.', ({ seats }) => seats);
  gauge('current_inqueue_requests', 'Requests that wait, by level.', ({ waiting }) => waiting);
  gauge('nominal_limit_seats', 'Seats that a level has.', ({ limit }) => limit);

  const all = <T>(stored: StoredResource): Shared<T>[] =>
    [...stored.cache.snapshot().range(stored.prefix)].map((entry) => entry.object as unknown as Shared<T>);
  const read = () => {
    schemas = sortSchemas(all<FlowSchema>(schemaStore));
    const configurations = all<PriorityLevelConfiguration>(levelStore);
    const sharesOf = ({ spec }: Shared<PriorityLevelConfiguration>) => spec.limited?.nominalConcurrencyShares ?? 0;
    const sum = configurations.reduce((total, each) => total + sharesOf(each), 0) || 1;
    for (const configuration of configurations) {
      const { name, uid } = configuration.metadata;
      const level = levels.get(name) ?? new FlowLevel();
      levels.set(name, level);
      level.uid = uid;
      level.exempt = configuration.spec.type === 'Exempt';
      level.limit = Math.max(1, Math.ceil((totalConcurrency * sharesOf(configuration)) / sum));
      const response = configuration.spec.limited?.limitResponse;
      level.queueLength = response?.type === 'Queue' ? (response.queuing?.queueLengthLimit ?? 50) : 0;
    }
  };
  read();
  const subscriptions = [schemaStore, levelStore].map((stored) => follow(stored, { onEvents: read, onGap: read }));

  const filter: Filter = (exchange: Exchange) => {
    const { info, user } = exchange;
    if (streams.has(info.subresource)) return;
    const found = classify(schemas, info, user);
    const priority_level = found?.schema.spec.priorityLevelConfiguration.name ?? '';
    const level = levels.get(priority_level);
    if (!found || !level) return;
    exchange.res.setHeader('X-Kubernetes-Pf-Flowschema-Uid', found.schema.metadata.uid);
    exchange.res.setHeader('X-Kubernetes-Pf-Prioritylevel-Uid', level.uid);
    if (level.exempt) return;
    const labels = { priority_level, flow_schema: found.schema.metadata.name };
    const turn = Promise.withResolvers<void>();
    let runs = false;
    const waiting: Waiting = {
      seats: Math.min(level.limit, estimateSeats(api.registry, info)),
      start() {
        runs = true;
        turn.resolve();
      },
    };
    const outcome = level.enter(found.flow, waiting);
    const refusal = (reason: string) => {
      rejected.inc({ ...labels, reason });
      return tooManyRequests('Too many requests, please try again later.', 1);
    };
    if (outcome === 'refuse') throw refusal(level.queueLength === 0 ? 'concurrency-limit' : 'queue-full');

    runs = outcome === 'run';
    let left = false;
    const leave = () => {
      if (left) return;
      left = true;
      // One that was refused after its wait has no seats to give back.
      if (runs) level.leave(waiting);
      else if (level.abandon(found.flow, waiting)) rejected.inc({ ...labels, reason: 'cancelled' });
    };
    if (info.verb === 'watch') exchange.onInitialized = leave;
    exchange.onDone(leave);
    if (runs) {
      countDispatched(found.schema, labels);
      return;
    }
    const since = clock.monotonic();
    const observe = (execute: string) => waited.observe((clock.monotonic() - since) / 1000, { ...labels, execute });
    const timer = clock.after(maxWaitMs, () => {
      if (!level.abandon(found.flow, waiting)) return;
      observe('false');
      turn.reject(refusal('time-out'));
    });
    exchange.onDone(() => timer.cancel());
    return turn.promise.then(() => {
      timer.cancel();
      observe('true');
      countDispatched(found.schema, labels);
    });
  };
  return {
    filter,
    stop() {
      for (const subscription of subscriptions) subscription?.close();
    },
  };
}
