import { mutableCopy } from '../../base/deep.ts';
import { Event as CoreEvent } from '../core/event.ts';
import { validateStrictEvent } from '../core/event-validation.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import type * as events from '../types/events-v1.ts';

/** A report of something that happened to an object, in its newer form. */
export type Event = events.Event;

/** events.k8s.io/v1 Event: the same objects as core/v1's, converted. */
export const Event = defineKind<Event>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  scope: 'Namespaced',
  schema: 'events/v1.Event',
  columns: (CoreEvent.columns ?? []).map((column) => ({
    ...column,
    cell: (event: Shared<Event>, now: number) => column.cell(toCore(mutableCopy(event) as Event), now),
  })),
  fieldLabels: {
    'regarding.kind': (e) => e.regarding.kind ?? '',
    'regarding.namespace': (e) => e.regarding.namespace ?? '',
    'regarding.name': (e) => e.regarding.name ?? '',
    'regarding.uid': (e) => e.regarding.uid ?? '',
    'regarding.apiVersion': (e) => e.regarding.apiVersion ?? '',
    'regarding.resourceVersion': (e) => e.regarding.resourceVersion ?? '',
    'regarding.fieldPath': (e) => e.regarding.fieldPath ?? '',
    reason: (e) => e.reason ?? '',
    reportingController: (e) => e.reportingController ?? '',
    type: (e) => e.type ?? '',
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
  storedAs: {
    kind: () => CoreEvent,
    toStorage: toCore,
    fromStorage: fromCore,
    validate: validateStrictEvent,
    warning: '',
  },
});

function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}

/** events.k8s.io/v1 → core/v1. */
function toCore(event: Event): core.Event {
  return defined({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: event.metadata,
    involvedObject: event.regarding,
    reason: event.reason,
    message: event.note,
    source: event.deprecatedSource ?? {},
    firstTimestamp: event.deprecatedFirstTimestamp,
    lastTimestamp: event.deprecatedLastTimestamp,
    count: event.deprecatedCount,
    type: event.type,
    eventTime: event.eventTime,
    series: event.series,
    action: event.action,
    related: event.related,
    reportingComponent: event.reportingController ?? '',
    reportingInstance: event.reportingInstance ?? '',
  }) as core.Event;
}

/** core/v1 → events.k8s.io/v1. */
function fromCore(shared: Shared<core.Event>): Event {
  const event = mutableCopy(shared) as core.Event;
  return defined({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: event.metadata,
    eventTime: event.eventTime,
    series: event.series,
    reportingController: event.reportingComponent || undefined,
    reportingInstance: event.reportingInstance || undefined,
    action: event.action,
    reason: event.reason,
    regarding: event.involvedObject,
    related: event.related,
    note: event.message,
    type: event.type,
    deprecatedSource: event.source,
    deprecatedFirstTimestamp: event.firstTimestamp,
    deprecatedLastTimestamp: event.lastTimestamp,
    deprecatedCount: event.count,
  }) as Event;
}
