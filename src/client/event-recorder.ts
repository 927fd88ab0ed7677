/** Writes events through a client, in the background, one after the other. */
import { Event as CoreEvent } from '../api/core/event.ts';
import { Event as SeriesEvent } from '../api/events/event.ts';
import { isNotFound, StatusError } from '../api/machinery/status.ts';
import type { ObjectReference } from '../api/types/core-v1.ts';
import { type Clock, formatMicroTime, formatTime } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, Draft } from './client.ts';
import { EventCorrelator } from './event-correlator.ts';
import type { EventDetails, EventRecorder, EventSubject } from './events.ts';

export interface EventRecorderOptions {
  /** Who reports: `replicaset-controller`, `kubelet`. */
  readonly component: string;
  /** The node it runs on, where that matters. */
  readonly host?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Logger;
  /** Writes through events.k8s.io with series instead of counts, as the scheduler does. */
  readonly series?: boolean;
}

/** Events that wait to be written; more are dropped, as client-go's broadcaster does. */
const maxWaiting = 1000;
const maxTries = 12;
const retryMs = 10_000;
/** A series without a new occurrence for this long is finished: its final count is written. */
const seriesEndMs = 360_000;

/** A recorder that never throws and never blocks its caller. */
export function createEventRecorder(client: Client, options: EventRecorderOptions): EventRecorder {
  const writer = new Writer(options);
  return options.series ? new SeriesRecorder(client, options, writer) : new CountingRecorder(client, options, writer);
}

type Task = () => Promise<unknown>;

/** Keeps order: a count is written after the event that it counts. */
class Writer {
  readonly #waiting: Task[] = [];
  readonly #clock: Clock;
  readonly #log: Logger;
  #running: Promise<void> | undefined;

  constructor({ clock, log }: { clock: Clock; log?: Logger }) {
    this.#clock = clock;
    this.#log = log ?? silentLogger;
  }

  push(task: Task): void {
    if (this.#waiting.length >= maxWaiting) {
      this.#log.warn('dropping an event: too many wait to be written');
      return;
    }
    this.#waiting.push(task);
    this.#running ??= this.#run();
  }

  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let task = this.#waiting.shift(); task; task = this.#waiting.shift()) await this.#try(task);
    this.#running = undefined;
  }

  async #try(task: Task): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await task();
        return;
      } catch (error) {
        // What the server refuses it will refuse again (the namespace is going away, the object is invalid).
        const mayPass = !(error instanceof StatusError) || error.code >= 500 || error.code === 429;
        if (!mayPass || attempt >= maxTries) {
          this.#log.debug('an event could not be written', { error });
          return;
        }
        await this.#clock.sleep(retryMs);
      }
    }
  }
}

function referenceTo(about: EventSubject, fieldPath?: string): ObjectReference {
  const { namespace, name, uid, resourceVersion } = about.metadata as {
    namespace?: string;
    name: string;
    uid?: string;
    resourceVersion?: string;
  };
  return {
    kind: about.kind,
    ...(namespace ? { namespace } : {}),
    name,
    ...(uid ? { uid } : {}),
    apiVersion: about.apiVersion,
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(fieldPath ? { fieldPath } : {}),
  };
}

const identityOf = (ref: ObjectReference): string =>
  [ref.kind, ref.namespace, ref.name, ref.uid, ref.apiVersion, ref.fieldPath].join('\u0000');

/** Unique within the object's events, as client-go: the object's name and the time in nanoseconds, in hexadecimal. */
function eventName(object: string, clock: Clock, random: Random): string {
  const nanoseconds = BigInt(Math.floor(clock.now())) * 1_000_000n + BigInt(random.below(1_000_000));
  return `${object.slice(0, 253 - 17)}.${nanoseconds.toString(16)}`;
}

class CountingRecorder implements EventRecorder {
  readonly #client: Client;
  readonly #options: EventRecorderOptions;
  readonly #writer: Writer;
  readonly #correlator: EventCorrelator;

  constructor(client: Client, options: EventRecorderOptions, writer: Writer) {
    this.#client = client;
    this.#options = options;
    this.#writer = writer;
    this.#correlator = new EventCorrelator(options.clock);
  }

  settled(): Promise<void> {
    return this.#writer.settled();
  }

  event(
    about: EventSubject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    details: EventDetails = {},
  ): void {
    const { component, host, clock, random } = this.#options;
    const involvedObject = referenceTo(about, details.fieldPath);
    const at = formatTime(clock.now());
    const fate = this.#correlator.correlate({
      sourceAndObject: `${component}\u0000${host ?? ''}\u0000${identityOf(involvedObject)}`,
      group: `${type}\u0000${reason}`,
      message,
    });
    if (fate.drop) return;
    const create = async () => {
      const namespace = involvedObject.namespace ?? 'default';
      const name = eventName(involvedObject.name ?? '', clock, random);
      const draft: Draft<CoreEvent> = {
        metadata: { namespace, name, ...(details.annotations ? { annotations: { ...details.annotations } } : {}) },
        involvedObject,
        type,
        reason,
        message: fate.message,
        source: { component, ...(host ? { host } : {}) },
        firstTimestamp: at,
        lastTimestamp: at,
        count: 1,
        reportingComponent: component,
        reportingInstance: host ?? '',
        ...(details.action ? { action: details.action } : {}),
        ...(details.related ? { related: referenceTo(details.related) } : {}),
      };
      await this.#client.create(CoreEvent, draft);
      fate.remember({ namespace, name, count: 1 });
    };
    this.#writer.push(async () => {
      // What was written meanwhile counts too: ask again now, not when the event was reported.
      const known = fate.known();
      if (!known) return create();
      known.count++;
      try {
        const patch = { count: known.count, lastTimestamp: at, message: fate.message };
        await this.#client.patch(CoreEvent, known, patch, { type: 'merge' });
      } catch (error) {
        if (!isNotFound(error)) throw error;
        fate.forget();
        await create();
      }
    });
  }
}

interface Series {
  readonly namespace: string;
  readonly name: string;
  count: number;
  writtenCount: number;
  lastAt: number;
}

class SeriesRecorder implements EventRecorder {
  readonly #client: Client;
  readonly #options: EventRecorderOptions;
  readonly #writer: Writer;
  readonly #series = new Map<string, Series>();

  constructor(client: Client, options: EventRecorderOptions, writer: Writer) {
    this.#client = client;
    this.#options = options;
    this.#writer = writer;
  }

  settled(): Promise<void> {
    return this.#writer.settled();
  }

  event(
    about: EventSubject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    details: EventDetails = {},
  ): void {
    const { component, host, clock, random } = this.#options;
    const regarding = referenceTo(about, details.fieldPath);
    const related = details.related && referenceTo(details.related);
    const action = details.action ?? reason;
    const key = [type, action, reason, identityOf(regarding), related && identityOf(related)].join('\u0000');
    const now = clock.now();
    const running = this.#series.get(key);
    if (running) {
      running.count++;
      running.lastAt = now;
      // The second occurrence makes it a series at once; later ones are written when the series ends.
      if (running.count === 2) this.#writer.push(() => this.#writeSeries(running));
      return;
    }
    const series: Series = {
      namespace: regarding.namespace ?? 'default',
      name: eventName(regarding.name ?? '', clock, random),
      count: 1,
      writtenCount: 1,
      lastAt: now,
    };
    this.#series.set(key, series);
    const draft: Draft<SeriesEvent> = {
      metadata: {
        namespace: series.namespace,
        name: series.name,
        ...(details.annotations ? { annotations: { ...details.annotations } } : {}),
      },
      eventTime: formatMicroTime(now),
      reportingController: component,
      reportingInstance: host ?? component,
      action,
      reason,
      regarding,
      ...(related ? { related } : {}),
      note: message.slice(0, 1024),
      type,
    };
    this.#writer.push(() => this.#client.create(SeriesEvent, draft));
    this.#watchEnd(key, series, seriesEndMs);
  }

  #watchEnd(key: string, series: Series, afterMs: number): void {
    this.#options.clock.after(afterMs, () => {
      const quietMs = this.#options.clock.now() - series.lastAt;
      if (quietMs < seriesEndMs) return this.#watchEnd(key, series, seriesEndMs - quietMs);
      this.#series.delete(key);
      if (series.count > series.writtenCount) this.#writer.push(() => this.#writeSeries(series));
    });
  }

  async #writeSeries(series: Series): Promise<void> {
    series.writtenCount = series.count;
    const patch = { series: { count: series.count, lastObservedTime: formatMicroTime(series.lastAt) } };
    await this.#client.patch(SeriesEvent, series, patch, { type: 'merge' });
  }
}
