import { Optional } from '@marcbachmann/cel-js';
import { describe, expect, it } from 'vitest';
import { CelRuntimeError, compileCel } from './compile.ts';
import type { CelType } from './types.ts';
import { celValue } from './values.ts';

const spec: CelType = { object: 'Spec', fields: { name: 'string', size: 'int' } };
const self: CelType = {
  object: 'Self',
  fields: {
    spec,
    byName: { map: spec },
    list: { list: spec },
    text: 'string',
  },
};
const variables: Record<string, CelType> = {
  self,
  attributes: { map: { map: 'dyn' } },
  object: 'dyn',
  old: { optional: self },
  none: { optional: self },
};
const selfValue = {
  spec: { name: 'a' },
  byName: { 'x.y/z': { name: 'b' } },
  list: [{ name: 'c' }, { size: 1 }],
  text: 't',
};
const values = {
  self: celValue(selfValue, self),
  attributes: celValue({ 'dra.example.com': { model: 'm' } }),
  object: celValue({ ...selfValue, nothing: null }),
  old: Optional.of(celValue(selfValue, self)),
  none: Optional.none(),
};
const evaluate = (expression: string) => compileCel(expression, { variables }).evaluate(values);

describe('has', () => {
  it.each<[string, boolean]>([
    ['has(attributes["dra.example.com"].model)', true],
    ['has(attributes["dra.example.com"].other)', false],
    ['"dra.example.com" in attributes && has(attributes["dra.example.com"].model)', true],
    ['has(self.byName["x.y/z"].name)', true],
    ['has(self.byName["x.y/z"].size)', false],
    ['has(self.byName.missing)', false],
    ['has(self.list[0].name) && !has(self.list[1].name)', true],
    ['has(self.spec.name) && !has(self.spec.size)', true],
    ['has(object.byName["x.y/z"].name)', true],
    ['has(object.byName["x.y/z"].size)', false],
    ['has(object["spec"].name)', true],
    ['has(object.nothing)', true],
    ['has(object.text.length)', false],
    ['has((self.spec).name)', true],
    ['has((true ? self.spec : self.list[0]).size)', false],
    ['has(self.list.filter(x, has(x.size))[0].size)', true],
    ['has(self.list.filter(x, has(x.size))[0].name)', false],
    ['self.list.all(i, x, i == 1 || has(self.list[i].name))', true],
    ['has({"a": {"b": 1}}["a"].b)', true],
    ['has({"a": 1}.b)', false],
    ['has(dyn(self.spec).size)', false],
    ['has(self.?spec.name)', true],
    ['has(self.?spec.size)', false],
    ['has(object.?nope.name)', false],
    ['has(attributes[?"nope"].model)', false],
    ['has(attributes[?"dra.example.com"].model)', true],
    ['has(old.spec)', true],
    ['has(none.spec)', false],
    ['cel.bind(x, attributes["dra.example.com"], has(x.model) && !has(x.other))', true],
    ['has(optional.of({"a": 1}).value().a)', true],
  ])('%s is %s', (expression, result) => {
    expect(evaluate(expression)).toBe(result);
  });

  it.each([
    ['has(attributes["nope"].model)', 'no such key: nope'],
    ['has(object.nope.model)', 'no such key: nope'],
    ['has(self.list[7].name)', 'index out of bounds: 7'],
  ])('%s fails: %s', (expression, message) => {
    expect(() => evaluate(expression)).toThrow(new CelRuntimeError(message));
  });

  it.each([
    ['has(attributes["a"])', 'invalid argument to has() macro'],
    ['has(self)', 'invalid argument to has() macro'],
    ['has(self.?spec)', 'invalid argument to has() macro'],
    ['has(size(self.list))', 'invalid argument to has() macro'],
    ['has(1)', 'invalid argument to has() macro'],
    ['self.list.exists(x, has(x["name"]))', 'invalid argument to has() macro'],
    ['has(self.spec.nope)', "undefined field 'nope'"],
    ['has(self.byName["x"].nope)', "undefined field 'nope'"],
    ['has(nope["a"].b)', "undeclared reference to 'nope'"],
  ])('%s does not compile: %s', (expression, message) => {
    expect(() => compileCel(expression, { variables })).toThrow(message);
  });

  it('has a bounded worst case', () => {
    const item = { max: 10 };
    const cost = (expression: string) =>
      compileCel(expression, { variables }).worstCaseCost({
        attributes: { max: 10, items: { max: 10, items: item } },
        self: { max: 1 },
      });
    expect(cost('has(attributes["a"].b)')).toBe(2);
    expect(cost('attributes.all(k, has(attributes[k].b))')).toBeLessThan(100);
    expect(cost('attributes["a"].?b.orValue("c") == "c"')).toBeGreaterThan(2);
    expect(cost('attributes[?"a"].or(optional.none()).hasValue()')).toBeGreaterThan(2);
  });
});
