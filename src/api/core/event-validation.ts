/** Validation of events: of every one, and of those that are written through events.k8s.io. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { type FieldError, invalid, required } from '../machinery/field-error.ts';
import { dns1123Subdomain, qualifiedName } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type { Event } from '../types/core-v1.ts';
import { invalidEach } from './field-rules.ts';

type SharedEvent = DeepReadonly<Event>;

const maxNameLength = 128;
const maxMessageLength = 1024;

/** An event written through core/v1; those with an eventTime say more about who reports what. */
export const validateEvent = (event: SharedEvent): FieldError[] => validateAny(event, 'reportingComponent');

function validateAny(event: SharedEvent, reporterField: string): FieldError[] {
  const namespace = event.metadata.namespace ?? '';
  const involved = event.involvedObject.namespace ?? '';
  const errors: FieldError[] = [];
  const agrees = event.eventTime
    ? involved || namespace === 'default' || namespace === 'kube-system'
    : involved
      ? namespace === involved
      : !namespace || namespace === 'default';
  if (!agrees) errors.push(invalid('involvedObject.namespace', involved, 'does not match event.namespace'));
  if (event.eventTime) {
    const { reportingComponent = '', reportingInstance = '', action = '', reason = '', message = '' } = event;
    if (!reportingComponent) errors.push(required(reporterField));
    errors.push(...invalidEach(reporterField, reportingComponent, qualifiedName(reportingComponent)));
    for (const [field, value] of Object.entries({ reportingInstance, action, reason })) {
      if (!value) errors.push(required(field));
      errors.push(...validateLength(value, maxNameLength, field));
    }
    errors.push(...validateLength(message, maxMessageLength, 'message'));
  }
  return [...errors, ...invalidEach('namespace', namespace, dns1123Subdomain(namespace))];
}

const validateLength = (value: string, max: number, path: string): FieldError[] =>
  Buffer.byteLength(value) > max ? [invalid(path, '', `can have at most ${max} characters`)] : [];

/** Fields that no update through events.k8s.io may change; a series may grow. */
const fixedFields = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingController',
  'reportingInstance',
] as const;

/** An event written through events.k8s.io/v1, in core/v1's form: complete, and final but for its series. */
export function validateStrictEvent(event: SharedEvent, old: SharedEvent | undefined): FieldError[] {
  const errors = validateAny(event, 'reportingController');
  if (!old) return [...errors, ...validateSeries(event), ...validateComplete(event)];
  if (!deepEqual(event.series, old.series)) errors.push(...validateSeries(event));
  for (const path of fixedFields) {
    const field = path === 'reportingController' ? 'reportingComponent' : path;
    errors.push(...validateImmutable(event[field], old[field], path));
  }
  return errors;
}

function validateSeries({ series }: SharedEvent): FieldError[] {
  if (!series) return [];
  const errors = (series.count ?? 0) < 2 ? [invalid('series.count', '', 'should be at least 2')] : [];
  return series.lastObservedTime ? errors : [...errors, required('series.lastObservedTime')];
}

function validateComplete(event: SharedEvent): FieldError[] {
  const { type = '', source } = event;
  const errors = event.eventTime ? [] : [required('eventTime')];
  if (type !== 'Normal' && type !== 'Warning') errors.push(invalid('type', '', `has invalid value: ${type}`));
  for (const field of ['firstTimestamp', 'lastTimestamp', 'count'] as const) {
    if (event[field]) errors.push(invalid(field, '', 'needs to be unset'));
  }
  if (source.component || source.host) errors.push(invalid('source', '', 'needs to be unset'));
  return errors;
}
