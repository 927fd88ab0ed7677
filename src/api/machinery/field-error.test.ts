import { describe, expect, it } from 'vitest';
import { fieldErrorMessage, forbidden, internalError, invalid, notSupported, tooLong, tooMany } from './field-error.ts';

describe('a field error', () => {
  it.each([
    ['text', 'text', '"text"'],
    ['text with quotes and escapes', 'a"b\\c\n\u0007\u0001', '"a\\"b\\\\c\\n\\a\\x01"'],
    ['Unicode that can be printed, and that cannot', 'é世\u00a0\u200b\u{10ffff}', '"é世\\u00a0\\u200b\\U0010ffff"'],
    ['text with angle brackets', '<a&b>', '"<a&b>"'],
    ['a number', -1, '-1'],
    ['a truth', true, 'true'],
    ['nothing', undefined, 'null'],
    ['null', null, 'null'],
    ['a list', ['a', '<b>'], '["a","\\u003cb\\u003e"]'],
    ['an object', { matchLabels: { app: 'x' } }, '{"matchLabels":{"app":"x"}}'],
  ])('prints %s as Go does', (_what, value, printed) => {
    expect(fieldErrorMessage(invalid('spec.f', value, 'is wrong'))).toBe(`spec.f: Invalid value: ${printed}: is wrong`);
  });

  it('leaves the value out where it would be too much or says nothing', () => {
    expect(fieldErrorMessage(tooLong('f', 'x'.repeat(9), 1))).toBe('f: Too long: may not be more than 1 byte');
    expect(fieldErrorMessage(tooLong('f', '', 64))).toBe('f: Too long: may not be more than 64 bytes');
    expect(fieldErrorMessage(tooMany('f', 3, 2))).toBe('f: Too many: 3: must have at most 2 items');
    expect(fieldErrorMessage(tooMany('f', -1, 1))).toBe('f: Too many: must have at most 1 item');
    expect(fieldErrorMessage(forbidden('f', 'no'))).toBe('f: Forbidden: no');
    expect(fieldErrorMessage(internalError('f', 'broken'))).toBe('f: Internal error: broken');
  });

  it('lists what is supported', () => {
    expect(fieldErrorMessage(notSupported('f', 'x', ['A', 'B']))).toBe(
      'f: Unsupported value: "x": supported values: "A", "B"',
    );
  });
});
