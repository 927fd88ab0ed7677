import { describe, expect, it } from 'vitest';
import { deepEqual, deepFreeze, mutableCopy } from './deep.ts';
import { exactInteger, hasLongNumber, parseExactJson } from './exact-json.ts';

const big = '9007199254740993';

describe('whole numbers in JSON', () => {
  it.each([
    '0',
    '-1',
    '9007199254740991',
    '9007199254740992',
    '9007199254740993',
    '-9007199254740993',
    '1152921504606846976',
    '1152921504606847000',
    '9223372036854775807',
    '-9223372036854775808',
    '{"a":[9007199254740993,{"b":-9223372036854775808}],"c":1.5}',
  ])('%s is written as it was read', (text) => {
    const value = parseExactJson(text);
    expect(JSON.stringify(value)).toBe(text);
    const copy = deepFreeze(mutableCopy(value));
    expect(deepEqual(copy, value)).toBe(true);
    expect(JSON.stringify(copy)).toBe(text);
  });

  it.each([
    ['9223372036854775808', 2 ** 63],
    ['-9223372036854775809', -(2 ** 63)],
    ['18446744073709551615', 2 ** 64],
    ['100000000000000000000000000000000000000000000000000', 1e50],
    ['1234567890123456789e2', 123456789012345680000],
    ['1234567890123456.789', 1234567890123456.8],
    ['"9007199254740993"', '9007199254740993'],
  ])('%s is what Go has as a float or a string', (text, value) => expect(parseExactJson(text)).toBe(value));

  it.each([...Array(40).keys()])('are found wherever they are: at %i', (at) => {
    const text = `${' '.repeat(at)}[1,${big}]`;
    expect(hasLongNumber(text)).toBe(true);
    expect(parseExactJson(text)).toEqual([1, BigInt(big)]);
    expect(hasLongNumber(text.replace(big, big.slice(1)))).toBe(false);
    expect(hasLongNumber(' '.repeat(at) + big)).toBe(true);
  });

  it('has one form for one value', () => {
    expect(exactInteger(2n ** 53n - 1n)).toBe(2 ** 53 - 1);
    expect(exactInteger(2n ** 53n)).toBe(2n ** 53n);
    expect(exactInteger(2n ** 63n)).toBe(2 ** 63);
  });

  it('keeps keys that are no ordinary ones', () => {
    expect(JSON.stringify(parseExactJson('{"__proto__":9007199254740993}'))).toBe('{"__proto__":9007199254740993}');
  });
});
