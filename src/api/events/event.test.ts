import { describe, expect, it } from 'vitest';
import { admitted } from '../admitted.ts';
import { Event as CoreEvent } from '../core/event.ts';
import type { Shared } from '../kind.ts';
import { fieldErrorMessage } from '../machinery/field-error.ts';
import { Event } from './event.ts';

const complete = {
  eventTime: '2026-01-01T00:00:00.000000Z',
  reportingController: 'example.com/controller',
  reportingInstance: 'controller-0',
  action: 'Binding',
  reason: 'Bound',
  type: 'Normal',
  note: 'done',
  regarding: { kind: 'Pod', namespace: 'default', name: 'p' },
};
const stored = (event: Record<string, unknown>) =>
  Event.storedAs!.toStorage(admitted(Event, event)) as Shared<CoreEvent>;
const problems = (event: Record<string, unknown>, old?: Record<string, unknown>) =>
  Event.storedAs!.validate!(stored(event), old && stored(old)).map(fieldErrorMessage);

describe('an event of events.k8s.io/v1', () => {
  const long = 'x'.repeat(129);
  it.each<[string, object, string[]]>([
    ['complete', {}, []],
    ['with a series', { series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' } }, []],
    ['without a time', { eventTime: undefined }, ['eventTime: Required value']],
    [
      'without a reporter',
      { reportingController: undefined, reportingInstance: undefined },
      [
        'reportingController: Required value',
        'reportingController: Invalid value: "": name part must be non-empty',
        `reportingController: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
        'reportingInstance: Required value',
      ],
    ],
    [
      'without a reason for an action',
      { action: undefined, reason: undefined },
      ['action: Required value', 'reason: Required value'],
    ],
    [
      'with long names',
      { reportingInstance: long, action: long, reason: long, note: 'x'.repeat(1025) },
      [
        'reportingInstance: Invalid value: "": can have at most 128 characters',
        'action: Invalid value: "": can have at most 128 characters',
        'reason: Invalid value: "": can have at most 128 characters',
        'message: Invalid value: "": can have at most 1024 characters',
      ],
    ],
    ['of an unknown type', { type: 'Fine' }, ['type: Invalid value: "": has invalid value: Fine']],
    [
      'with fields of old',
      {
        deprecatedCount: 1,
        deprecatedFirstTimestamp: '2026-01-01T00:00:00Z',
        deprecatedLastTimestamp: '2026-01-01T00:00:00Z',
        deprecatedSource: { component: 'c' },
      },
      [
        'firstTimestamp: Invalid value: "": needs to be unset',
        'lastTimestamp: Invalid value: "": needs to be unset',
        'count: Invalid value: "": needs to be unset',
        'source: Invalid value: "": needs to be unset',
      ],
    ],
    [
      'with a series of one',
      { series: { count: 1 } },
      ['series.count: Invalid value: "": should be at least 2', 'series.lastObservedTime: Required value'],
    ],
    [
      'on an object of the cluster outside of the default namespaces',
      { metadata: { namespace: 'other' }, regarding: { kind: 'Node', name: 'n' } },
      ['involvedObject.namespace: Invalid value: "": does not match event.namespace'],
    ],
  ])('%s', (_what, more, expected) => {
    expect(problems({ ...complete, ...more })).toEqual(expected);
  });

  it('may only get a longer series', () => {
    const series = { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' };
    expect(problems({ ...complete, series }, complete)).toEqual([]);
    expect(problems({ ...complete, series: { ...series, count: 1 } }, { ...complete, series })).toEqual([
      'series.count: Invalid value: "": should be at least 2',
    ]);
    expect(problems({ ...complete, note: 'other', reportingController: 'c', type: 'Warning' }, complete)).toEqual([
      'message: Invalid value: "other": field is immutable',
      'type: Invalid value: "Warning": field is immutable',
      'reportingController: Invalid value: "c": field is immutable',
    ]);
  });

  it('leaves alone what an old series has', () => {
    const old = { ...complete, series: { count: 1 } };
    expect(problems(old, old)).toEqual([]);
  });
});

describe('the same object through core/v1', () => {
  const coreProblems = (event: Record<string, unknown>) =>
    CoreEvent.validate!(admitted(CoreEvent, event) as Shared<CoreEvent>).map(fieldErrorMessage);

  it('may be incomplete', () => {
    expect(coreProblems({ involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' } })).toEqual([]);
  });

  it('names its fields in its own way', () => {
    const event = {
      eventTime: complete.eventTime,
      reportingInstance: 'c-0',
      action: 'A',
      reason: 'R',
      involvedObject: {},
    };
    expect(coreProblems(event)[0]).toBe('reportingComponent: Required value');
  });

  it('may be in another namespace than its object once it has a time', () => {
    const involvedObject = { kind: 'Pod', namespace: 'other', name: 'p' };
    const event = { ...complete, reportingComponent: 'c', involvedObject };
    expect(coreProblems(event)).toEqual([]);
  });
});
