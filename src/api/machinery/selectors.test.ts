import { describe, expect, it } from 'vitest';
import { labelSelectorMatcher, parseFieldSelector, parseLabelSelector, validateLabelSelector } from './selectors.ts';

describe('parseLabelSelector', () => {
  it.each([
    ['', { a: 'b' }, true],
    ['a', { a: '' }, true],
    ['!a', { a: '' }, false],
    ['!a', {}, true],
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a in (b, c)', { a: 'c' }, true],
    ['a in (b,c)', {}, false],
    ['a notin (b,c)', {}, true],
    ['a notin (b,c)', { a: 'b' }, false],
    ['a in ()', { a: '' }, true],
    ['a in (,b)', { a: '' }, true],
    ['a=', { a: '' }, true],
    ['a>5', { a: '6' }, true],
    ['a>5', { a: 'x' }, false],
    ['a<5,b', { a: '4', b: '1' }, true],
    ['in in (in)', { in: 'in' }, true],
    ['toString', {}, false],
  ])('%s on %j', (text, labels, matches) => {
    expect(parseLabelSelector(text).matches(labels)).toBe(matches);
  });

  it('writes itself sorted by key', () => {
    expect(parseLabelSelector('b in (z,a), a=1,!c').toString()).toBe('a=1,b in (a,z),!c');
  });

  it.each([
    ['a,', "found '', expected: identifier after ','"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a=b=c', "found '=', expected: ',' or 'end of string'"],
    ['=b', "found '=', expected: !, identifier, or 'end of string'"],
    ['a in (b c)', "unable to parse requirement: found 'c', expected: ',' or ')'"],
    [
      'a>x',
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
  ])('refuses %s', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ message, reason: 'BadRequest' }));
  });

  it('names the key or value that is not a label', () => {
    expect(() => parseLabelSelector('a/b/c=1')).toThrow(/<nil>: Invalid value: "a\/b\/c": a valid label key must/);
    expect(() => parseLabelSelector('a=-')).toThrow(/values\[0\]\[a\]: Invalid value: "-": a valid label must be/);
  });
});

describe('LabelSelector', () => {
  it('matches nothing when absent and everything when empty', () => {
    expect(labelSelectorMatcher(undefined).matches({ a: 'b' })).toBe(false);
    expect(labelSelectorMatcher({}).matches({ a: 'b' })).toBe(true);
    expect(labelSelectorMatcher({}).everything).toBe(true);
  });

  it('joins labels and expressions', () => {
    const matcher = labelSelectorMatcher({
      matchLabels: { app: 'web' },
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['b', 'a'] },
        { key: 'canary', operator: 'DoesNotExist' },
      ],
    });
    expect(matcher.toString()).toBe('app=web,!canary,tier in (a,b)');
    expect(matcher.matches({ app: 'web', tier: 'a' })).toBe(true);
    expect(matcher.matches({ app: 'web', tier: 'a', canary: '' })).toBe(false);
  });

  it('is validated', () => {
    const errors = validateLabelSelector(
      {
        matchExpressions: [
          { key: 'a', operator: 'In' },
          { key: 'a', operator: 'Exists', values: ['b'] },
          { key: 'a', operator: 'Near' },
        ],
      },
      'spec.selector',
    );
    expect(errors.map((e) => [e.path, e.type])).toEqual([
      ['spec.selector.matchExpressions[0].values', 'FieldValueRequired'],
      ['spec.selector.matchExpressions[1].values', 'FieldValueForbidden'],
      ['spec.selector.matchExpressions[2].operator', 'FieldValueInvalid'],
    ]);
  });
});

describe('parseFieldSelector', () => {
  const fields: Record<string, string> = { 'metadata.name': 'a', 'status.phase': 'Running', odd: 'x=y,z' };
  const get = (field: string) => fields[field] ?? '';

  it('understands =, ==, != and escapes', () => {
    expect(parseFieldSelector('metadata.name=a,status.phase!=Failed').matches(get)).toBe(true);
    expect(parseFieldSelector('metadata.name==b').matches(get)).toBe(false);
    expect(parseFieldSelector('odd=x\\=y\\,z').matches(get)).toBe(true);
    expect(parseFieldSelector('odd=x\\=y\\,z').toString()).toBe('odd=x\\=y\\,z');
    expect(parseFieldSelector('').matches(get)).toBe(true);
    expect(parseFieldSelector('metadata.name=a').exactValue('metadata.name')).toBe('a');
  });

  it('refuses what is not a term', () => {
    expect(() => parseFieldSelector('metadata.name')).toThrow(
      "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
    );
    expect(() => parseFieldSelector('a=b\\c')).toThrow('invalid escape sequence: \\c');
    expect(() => parseFieldSelector('a=b=c')).toThrow('unescaped character in value');
  });
});
