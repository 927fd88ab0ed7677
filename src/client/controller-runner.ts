/** Runs controllers: their informers, queues, workers, retries and metrics. One that fails does not touch the others. */
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import { isConflict } from '../api/machinery/status.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Client } from './client.ts';
import { createEventRecorder } from './event-recorder.ts';
import type { EventRecorder } from './events.ts';
import type { InformerSet } from './informer.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  type ControllerSettings,
  keyOf,
  type ObjectKey,
  TerminalError,
} from './reconcile.ts';
import { createWorkQueue, type WorkQueue } from './workqueue.ts';

export interface ControllerRunnerOptions {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  readonly settings: ControllerSettings;
  /** The client of one controller, acting as its own service account; `client` by default. */
  clientFor?(name: string): Client;
  /** The recorder of one controller; one on its client by default. */
  eventsFor?(name: string): EventRecorder;
}

export interface RunningControllers {
  /** Resolves when every controller has its informers synced and has started. */
  whenStarted(): Promise<void>;
  /** Ends all controllers; resolves when no step is under way. */
  stop(): Promise<void>;
  /** No controller has anything to do before a timer fires or an object changes. */
  idle(): boolean;
  /** Keys that are ready or being worked on, by controller: what a simulation that does not settle prints. */
  busy(): Readonly<Record<string, number>>;
}

interface Running {
  readonly name: string;
  readonly started: Promise<void>;
  queue: WorkQueue<ObjectKey> | undefined;
  isStarted(): boolean;
  stop(): Promise<void>;
}

/** Starts controllers; they begin to work as soon as their own informers are synced. */
export function startControllers(
  definitions: readonly ControllerDefinition[],
  options: ControllerRunnerOptions,
): RunningControllers {
  const running = definitions.map((definition) => startController(definition, options));
  return {
    async whenStarted() {
      await Promise.all(running.map((controller) => controller.started));
    },
    async stop() {
      await Promise.all(running.map((controller) => controller.stop()));
    },
    idle: () => running.every((controller) => controller.isStarted() && (controller.queue?.idle() ?? true)),
    busy: () =>
      Object.fromEntries(
        running
          .filter((controller) => !(controller.queue?.idle() ?? true))
          .map((controller) => [controller.name, Math.max(1, controller.queue?.length ?? 0)]),
      ),
  };
}

function startController(definition: ControllerDefinition, options: ControllerRunnerOptions): Running {
  const { informers, clock, random, metrics, settings } = options;
  const abort = new AbortController();
  const log = options.log.child({ controller: definition.name });
  const client = options.clientFor?.(definition.name) ?? options.client;
  const context: ControllerContext = {
    client,
    informers,
    lister: (kind) => informers.informer(kind),
    events:
      options.eventsFor?.(definition.name) ??
      createEventRecorder(client, { component: definition.name, clock, random, log }),
    clock,
    random,
    log,
    metrics,
    settings,
    enqueue: (key, afterMs = 0) => queue?.addAfter(key, afterMs),
    signal: abort.signal,
  };
  const cleanups: (() => void)[] = [];
  let isStarted = false;
  const { reconcile } = definition;
  const queue = reconcile
    ? createWorkQueue<ObjectKey>({
        clock,
        random,
        name: definition.name,
        metrics,
        concurrency: definition.concurrency ?? 5,
        paused: true,
        process: (key) => reconcile.call(definition, key, context),
        onError(key, error, retries) {
          if (abort.signal.aborted) return false;
          if (error instanceof TerminalError) {
            log.error('giving up until the object changes', { key, error });
            return false;
          }
          // A lost race is expected: the object changed under the step, which is simply taken again.
          if (isConflict(error) || retries < 3) log.debug('step failed, trying again', { key, error, retries });
          else log.warn('step keeps failing, trying again', { key, error, retries });
          return true;
        },
      })
    : undefined;

  const begin = async () => {
    const sources = [
      ...(definition.for ? [definition.for] : []),
      ...(definition.owns ?? []),
      ...(definition.reads ?? []),
      ...(definition.watches ?? []).map((source) => source.kind),
    ].map((kind) => informers.informer(kind));
    if (queue) cleanups.push(...connect(definition, context, queue));
    await Promise.all(sources.map((informer) => informer.whenSynced()));
    if (abort.signal.aborted) return;
    const cleanup = await definition.start?.(context);
    if (cleanup) {
      if (abort.signal.aborted) cleanup();
      else cleanups.push(cleanup);
    }
    isStarted = true;
    queue?.start();
  };
  const started = begin().catch((error) => {
    if (!abort.signal.aborted) log.error('the controller could not start', { error });
  });

  return {
    name: definition.name,
    started,
    queue,
    isStarted: () => isStarted,
    async stop() {
      abort.abort(new Error(`the controller ${definition.name} was stopped`));
      for (const cleanup of cleanups.splice(0)) cleanup();
      await queue?.stop();
    },
  };
}

/** Lets the informers' events fill the queue. */
function connect(
  definition: ControllerDefinition,
  context: ControllerContext,
  queue: WorkQueue<ObjectKey>,
): (() => void)[] {
  const { informers } = context;
  const removers: (() => void)[] = [];
  const own = definition.for;
  if (own) {
    const add = (object: Shared<KubeObject>) => queue.add(keyOf(object));
    removers.push(informers.informer(own).addHandler({ onAdd: add, onUpdate: add, onDelete: add }));
  }
  for (const kind of own ? (definition.owns ?? []) : []) {
    const add = (object: Shared<KubeObject>) => {
      const key = controllerKey(object, own!);
      if (key) queue.add(key);
    };
    removers.push(
      informers.informer(kind).addHandler({
        onAdd: add,
        onUpdate(object, old) {
          add(object);
          if (controllerKey(old, own!) !== controllerKey(object, own!)) add(old);
        },
        onDelete: add,
      }),
    );
  }
  for (const source of definition.watches ?? []) {
    const addKeys = (object: Shared<KubeObject>, old: Shared<KubeObject> | undefined) => {
      for (const key of source.keys(object, context, old)) queue.add(key);
    };
    removers.push(
      informers.informer(source.kind).addHandler({
        onAdd: (object) => addKeys(object, undefined),
        onUpdate(object, old) {
          if (!source.changed || source.changed(object, old)) addKeys(object, old);
        },
        onDelete: (object) => addKeys(object, undefined),
      }),
    );
  }
  return removers;
}

/** The key of the object of `kind` that controls `object`, or undefined when none of that kind does. */
export function controllerKey(object: Shared<KubeObject>, kind: KindRef): ObjectKey | undefined {
  const ref = object.metadata.ownerReferences?.find((owner) => owner.controller === true);
  if (!ref || ref.kind !== kind.kind || groupOf(ref.apiVersion) !== kind.group) return undefined;
  return kind.namespaced && object.metadata.namespace ? `${object.metadata.namespace}/${ref.name}` : ref.name;
}

const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
