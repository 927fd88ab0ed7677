import { describe, expect, it } from 'vitest';
import { compileCel } from './compile.ts';
import type { CelType } from './types.ts';
import { celValue, jsonValue } from './values.ts';

const variables = { object: 'dyn' as const };
const run = (expression: string) =>
  jsonValue(compileCel(expression, { variables }).evaluate({ object: celValue({ a: 1, m: { k: 'v' } }) }));

describe('optional values', () => {
  it.each<[string, unknown]>([
    ['object.?a.optMap(x, x + 1).orValue(0)', 2],
    ['object.?q.optMap(x, x + 1).orValue(0)', 0],
    ['object.?a.optFlatMap(x, x > 5 ? optional.of(x) : optional.none()).orValue(-1)', -1],
    ['object.?m.optFlatMap(m, m.?k).orValue("")', 'v'],
    ['object.?m.optMap(m, m.?k.optMap(k, k + "!").orValue("")).orValue("")', 'v!'],
    ['optional.ofNonZeroValue("").hasValue()', false],
    ['optional.ofNonZeroValue([]).hasValue()', false],
    ['optional.ofNonZeroValue(duration("0s")).hasValue()', false],
    ['optional.ofNonZeroValue(0u).hasValue()', false],
    ['optional.ofNonZeroValue(1).value()', 1],
    ['optional.unwrap([optional.of(1), optional.none()])', [1]],
    ['[optional.none(), optional.of(1)].unwrapOpt()', [1]],
    ['[1, 2].first().value() + [1, 2].last().value()', 3],
    ['[].first().hasValue()', false],
    ['[{"a": "x"}].first().value().a', 'x'],
    ['optional.of(1) == optional.of(1)', true],
    ['optional.of(1) == optional.of(2)', false],
    ['optional.none() == optional.none()', true],
    ['object.?m.?k == optional.of("v")', true],
    ['object.?m.?q != optional.none()', false],
    ['object.?m.?q == optional.of("v")', false],
  ])('%s is %j', (expression, result) => {
    expect(run(expression)).toEqual(result);
  });

  it.each([
    ['object.a.optMap(1, 2)', 'variable name must be a simple identifier'],
    ['"a".optMap(x, x)', 'found no matching overload'],
    ['object.?a.optFlatMap(x, 1)', 'must give an optional'],
  ])('%s does not compile', (expression, message) => {
    expect(() => run(expression)).toThrow(message);
  });
});

describe('functions of lists', () => {
  it.each<[string, unknown]>([
    ['object.list.slice(0, 1)[0].name', 'x'],
    ['object.list.first().value().name', 'x'],
    ['object.list.last().?name.orValue("")', 'y'],
    ['object.list.distinct()[1].name', 'y'],
    ['object.list.reverse()[0].name', 'y'],
    ['object.list.map(x, x.name).max().size()', 1],
    ['object.list.map(x, x.name).sort()[0].startsWith("x")', true],
  ])('%s is %j, whether or not the type is known', (expression, result) => {
    const value = { list: [{ name: 'x' }, { name: 'y' }] };
    const typed: CelType = {
      object: 'T',
      fields: { list: { list: { object: 'Item', fields: { name: 'string' } } } },
    };
    for (const object of [typed, 'dyn'] as const) {
      const program = compileCel(expression, { variables: { object } });
      expect(jsonValue(program.evaluate({ object: celValue(value, object) }))).toEqual(result);
    }
  });
});

describe('conversions and comparisons', () => {
  it.each<[string, unknown]>([
    ['string(duration("1h30m"))', '5400s'],
    ['string(duration("-1500ms"))', '-1.5s'],
    ['string(timestamp("2026-01-02T03:04:10Z"))', '2026-01-02T03:04:10Z'],
    ['string(timestamp("2026-01-02T03:04:10.120Z"))', '2026-01-02T03:04:10.12Z'],
    ['int(timestamp("1970-01-01T00:01:00Z"))', 60],
    ['int(5u)', 5],
    ['[duration("1s")].indexOf(duration("2s"))', -1],
    ['[1u, 2u, 1u].distinct().size()', 2],
    ['sets.contains([quantity("1")], [quantity("1000m")])', true],
    ['sets.contains([quantity("1")], [quantity("2")])', false],
    ['b"a" < b"b" && b"b" >= b"ab"', true],
    ['ip("fd00::1") == ip("fd00:0::1")', true],
    ['ip("10.0.0.1") != ip("10.0.0.2")', true],
    ['cidr("10.0.0.0/8") == cidr("10.0.0.0/8")', true],
    ['url("https://a/b") == url("https://a/b")', true],
    ['"ABC-9".matches("(?i)^[a-c]+-[^x]$")', true],
    ['"Straße".matches("(?i)^STRAß")', true],
    ['"aXb".matches("(?i)^a[^x]b$")', false],
    ['"A.b".matches("(?i)^a\\\\.B$")', true],
    ['"A\\tD".matches("(?i)^a\\\\td$")', true],
  ])('%s is %j', (expression, result) => {
    expect(run(expression)).toEqual(result);
  });

  it('an unsigned number may be too large for an int', () => {
    expect(() => run('int(18446744073709551615u)')).toThrow('integer overflow');
  });
});
