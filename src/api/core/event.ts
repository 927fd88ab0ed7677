import { parseTime } from '../../base/clock.ts';
import { defineKind, type Shared } from '../kind.ts';
import { ageOf, humanDuration } from '../machinery/duration.ts';
import type * as core from '../types/core-v1.ts';
import { nameColumn, textColumn } from './columns.ts';
import { validateEvent } from './event-validation.ts';

/** A report of something that happened to an object. */
export type Event = core.Event;

/** core/v1 Event; events.k8s.io/v1 serves the same objects in another form. */
export const Event = defineKind<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  scope: 'Namespaced',
  schema: 'core/v1.Event',
  validate: validateEvent,
  columns: [
    textColumn('Last Seen', lastSeen),
    textColumn('Type', (e) => e.type ?? ''),
    textColumn('Reason', (e) => e.reason ?? ''),
    textColumn('Object', (e) => {
      const { kind, name } = e.involvedObject;
      return name ? `${(kind ?? '').toLowerCase()}/${name}` : (kind ?? '').toLowerCase();
    }),
    textColumn('Subobject', (e) => e.involvedObject.fieldPath ?? '', 1),
    textColumn('Source', (e) => formatEventSource(e), 1),
    textColumn('Message', (e) => (e.message ?? '').trim()),
    textColumn('First Seen', firstSeen, 1),
    textColumn('Count', (e) => String(e.series ? (e.series.count ?? 0) : e.count || 1), 1),
    { ...nameColumn, priority: 1 },
  ],
  fieldLabels: {
    'involvedObject.kind': (e) => e.involvedObject.kind ?? '',
    'involvedObject.namespace': (e) => e.involvedObject.namespace ?? '',
    'involvedObject.name': (e) => e.involvedObject.name ?? '',
    'involvedObject.uid': (e) => e.involvedObject.uid ?? '',
    'involvedObject.apiVersion': (e) => e.involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': (e) => e.involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': (e) => e.involvedObject.fieldPath ?? '',
    reason: (e) => e.reason ?? '',
    reportingComponent: (e) => e.reportingComponent ?? '',
    source: (e) => e.source.component || e.reportingComponent || '',
    type: (e) => e.type ?? '',
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
});

function interval(from: string | undefined, now: number): string {
  return from ? ageOf(from, now) : '<unknown>';
}

function firstSeen(event: Shared<Event>, now: number): string {
  return interval(event.firstTimestamp ?? event.eventTime, now);
}

function lastSeen(event: Shared<Event>, now: number): string {
  if (event.series) return interval(event.series.lastObservedTime, now);
  const seen = event.lastTimestamp ?? event.firstTimestamp ?? event.eventTime;
  return seen ? humanDuration(now - parseTime(seen)) : '<unknown>';
}

function formatEventSource(event: Shared<Event>): string {
  const component = event.source.component || event.reportingComponent || '';
  const host = event.source.host || event.reportingInstance || '';
  return host ? `${component}, ${host}` : component;
}
