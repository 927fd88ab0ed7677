import { describe, expect, it } from 'vitest';
import { fieldErrorMessage } from './field-error.ts';
import { podTemplateHash } from './hash.ts';
import { IntOrStringError, intValue, scaledValue } from './int-or-string.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts';

const messages = (errors: Parameters<typeof fieldErrorMessage>[0][]) => errors.map(fieldErrorMessage);

describe('validateObjectMeta', () => {
  it('wants a name and a namespace', () => {
    expect(messages(validateObjectMeta({}, { namespaced: true }))).toEqual([
      'metadata.name: Required value: name or generateName is required',
      'metadata.namespace: Required value',
    ]);
    expect(messages(validateObjectMeta({ name: 'a', namespace: 'b' }, { namespaced: false }))).toEqual([
      'metadata.namespace: Forbidden: not allowed on this type',
    ]);
  });

  it('checks labels, annotations, owners and finalizers', () => {
    const errors = validateObjectMeta(
      {
        name: 'a',
        labels: { 'a b': 'x', ok: '-' },
        annotations: { Big: 'x'.repeat(256 * 1024) },
        ownerReferences: [
          { apiVersion: 'v1', kind: 'A', name: 'a', uid: '1', controller: true },
          { apiVersion: '', kind: 'B', name: 'b', uid: '', controller: true },
        ],
        finalizers: ['orphan', 'foregroundDeletion'],
        managedFields: [{ operation: 'Steal', manager: 'a\u0007' }],
      },
      { namespaced: false },
    );
    expect(errors.map((e) => e.path)).toEqual([
      'metadata.labels',
      'metadata.labels',
      'metadata.annotations',
      'metadata.ownerReferences.apiVersion',
      'metadata.ownerReferences.uid',
      'metadata.ownerReferences',
      'metadata.finalizers',
      'metadata.managedFields[0].operation',
      'metadata.managedFields[0].manager',
    ]);
    expect(errors.at(-1)?.detail).toBe('invalid character U+0007 (at position 1)');
  });

  it('keeps identity and finalizers on update', () => {
    const old = { name: 'a', uid: '1', resourceVersion: '1', generation: 2, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(messages(validateObjectMetaUpdate({ ...old, uid: '2', generation: 1, finalizers: ['x/y'] }, old))).toEqual([
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x/y"}',
      'metadata.generation: Invalid value: 1: must not be decremented',
      'metadata.uid: Invalid value: "2": field is immutable',
    ]);
    expect(messages(validateObjectMetaUpdate({ name: 'a' }, { name: 'a' }))).toEqual([
      'metadata.resourceVersion: Invalid value: "": must be specified for an update',
    ]);
  });
});

describe('IntOrString', () => {
  it('scales percentages up or down', () => {
    expect(scaledValue('25%', 10, { roundUp: true })).toBe(3);
    expect(scaledValue('25%', 10, { roundUp: false })).toBe(2);
    expect(scaledValue(4, 10, { roundUp: false })).toBe(4);
    expect(() => scaledValue('http', 10, { roundUp: true })).toThrow(IntOrStringError);
    expect(intValue('8080')).toBe(8080);
    expect(intValue('http')).toBe(0);
  });
});

describe('podTemplateHash', () => {
  it('depends on content, not on the order of keys', () => {
    const hash = podTemplateHash({ a: 1, b: { c: [1, 2], d: undefined } });
    expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
    expect(podTemplateHash({ b: { c: [1, 2] }, a: 1 })).toBe(hash);
    expect(podTemplateHash({ b: { c: [2, 1] }, a: 1 })).not.toBe(hash);
    expect(podTemplateHash({ a: 1, b: { c: [1, 2] } }, 1)).not.toBe(hash);
    expect(podTemplateHash({ a: 'ü' })).not.toBe(podTemplateHash({ a: 'u' }));
  });
});
