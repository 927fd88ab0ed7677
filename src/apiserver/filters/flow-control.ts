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
import { classify, sortSchemas } from './flow-schemas.ts';

/** As upstream's --max-requests-inflight and --max-mutating-requests-inflight together. */
const totalConcurrency = 600;
/** How long a request may wait for its turn: a quarter of the request time-out. */
const maxWaitMs = 15_000;

interface Waiting {
  start(): void;
  refuse(): void;
}

/** The requests of one priority level: some run, others wait in one queue a flow, which take turns. */
class Level {
  limit = 1;
  queueLength = 0;
  exempt = false;
  uid = '';
  running = 0;
  waiting = 0;
  readonly #queues = new Map<string, Waiting[]>();

  enter(flow: string, waiting: Waiting): 'run' | 'wait' | 'refuse' {
    if (this.exempt || this.running < this.limit) {
      this.running++;
      return 'run';
    }
    const queue = this.#queues.get(flow) ?? [];
    if (queue.length >= this.queueLength) return 'refuse';
    queue.push(waiting);
    this.#queues.set(flow, queue);
    this.waiting++;
    return 'wait';
  }

  leave(): void {
    this.running--;
    // The flow whose turn it was goes to the end of the line.
    for (const [flow, queue] of this.#queues) {
      this.#queues.delete(flow);
      const next = queue.shift();
      if (queue.length) this.#queues.set(flow, queue);
      if (!next) continue;
      this.waiting--;
      this.running++;
      next.start();
      return;
    }
  }

  abandon(flow: string, waiting: Waiting): boolean {
    const queue = this.#queues.get(flow);
    const at = queue?.indexOf(waiting) ?? -1;
    if (!queue || at < 0) return false;
    queue.splice(at, 1);
    if (queue.length === 0) this.#queues.delete(flow);
    this.waiting--;
    return true;
  }
}

/** Holds back requests of levels that are full; watches and connections are not counted. */
export function createFlowControl(api: ApiContext): { filter: Filter; stop(): void } {
  const schemaStore = api.registry.storage(FlowSchema.group, FlowSchema.plural)!;
  const levelStore = api.registry.storage(PriorityLevelConfiguration.group, PriorityLevelConfiguration.plural)!;
  const levels = new Map<string, Level>();
  let schemas: Shared<FlowSchema>[] = [];
  const rejected = api.metrics.counter(
    'apiserver_flowcontrol_rejected_requests_total',
    'Requests that found their queue full.',
  );
  api.metrics.gauge('apiserver_flowcontrol_current_executing_requests', 'Requests under way, by level.', (gauge) => {
    for (const [priority_level, level] of levels) gauge.set(level.running, { priority_level });
  });
  api.metrics.gauge('apiserver_flowcontrol_current_inqueue_requests', 'Requests that wait, by level.', (gauge) => {
    for (const [priority_level, level] of levels) gauge.set(level.waiting, { priority_level });
  });

  const all = <T>(stored: StoredResource): Shared<T>[] =>
    [...stored.cache.snapshot().range(stored.prefix)].map((entry) => entry.object as unknown as Shared<T>);
  const read = () => {
    schemas = sortSchemas(all<FlowSchema>(schemaStore));
    const configurations = all<PriorityLevelConfiguration>(levelStore);
    const sharesOf = ({ spec }: Shared<PriorityLevelConfiguration>) => spec.limited?.nominalConcurrencyShares ?? 0;
    const sum = configurations.reduce((total, each) => total + sharesOf(each), 0) || 1;
    for (const configuration of configurations) {
      const { name, uid } = configuration.metadata;
      const level = levels.get(name) ?? new Level();
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
    if (info.verb === 'watch') return;
    const found = classify(schemas, info, user);
    const level = found && levels.get(found.schema.spec.priorityLevelConfiguration.name);
    if (!found || !level) return;
    exchange.res.setHeader('X-Kubernetes-Pf-Flowschema-Uid', found.schema.metadata.uid);
    exchange.res.setHeader('X-Kubernetes-Pf-Prioritylevel-Uid', level.uid);
    if (level.exempt) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let runs = false;
    const refuse = () => {
      rejected.inc({ flow_schema: found.schema.metadata.name });
      reject(tooManyRequests('Too many requests, please try again later.', 1));
    };
    const start = () => {
      runs = true;
      resolve();
    };
    const waiting: Waiting = { start, refuse };
    const outcome = level.enter(found.flow, waiting);
    if (outcome === 'refuse') {
      refuse();
      return promise;
    }
    if (outcome === 'run') {
      exchange.onDone(() => level.leave());
      return;
    }
    const timer = api.clock.after(maxWaitMs, () => {
      if (level.abandon(found.flow, waiting)) refuse();
    });
    exchange.onDone(() => {
      timer.cancel();
      // One that was refused after its wait has no seat to give back.
      if (runs) level.leave();
      else level.abandon(found.flow, waiting);
    });
    return promise.then(() => timer.cancel());
  };
  return {
    filter,
    stop() {
      for (const subscription of subscriptions) subscription?.close();
    },
  };
}
