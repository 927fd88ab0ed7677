import { describe, expect, it } from 'vitest';
import { structSchema } from '../schema/schema.ts';
import { CelBudget, CelBudgetError } from './budget.ts';
import { CelCompileError, CelRuntimeError, compileCel } from './compile.ts';
import { CelAuthorizer, CelResourceCheck } from './libraries/authorizer.ts';
import { CelMessage } from './libraries/rewritten.ts';
import { rewriteSyntax } from './syntax.ts';
import { type CelType, escapePropertyName, structType } from './types.ts';
import { celValue, jsonValue } from './values.ts';

const anything = { object: 'dyn' as const };
const run = (expression: string, object: unknown = {}) =>
  jsonValue(compileCel(expression, { variables: anything }).evaluate({ object: celValue(object) }));

describe('the language', () => {
  it.each<[string, unknown]>([
    ['1 + 2 * 3', 7],
    ['object.spec.replicas + 1', 4],
    ['object.spec.replicas <= 3.5', true],
    ['has(object.spec.missing)', false],
    ['has(object.spec.replicas)', true],
    ['true || object.nope == 1', true],
    ['object.nope == 1 || true', true],
    ['object.?spec.missing.orValue("d")', 'd'],
    ['object.spec.list.all(x, x > 0)', true],
    ['object.spec.list.exists_one(x, x == 2)', true],
    ['object.spec.list.map(x, x * 2)', [2, 4, 6]],
    ['object.metadata.namespace', 'ns'],
    ["object.metadata.labels['a/b']", 'c'],
    ['cel.bind(n, size(object.spec.list), n * n)', 9],
    ['duration("1h30m") == duration("90m")', true],
    ['timestamp("2026-01-01T00:00:00Z") < timestamp("2026-01-01T00:00:01Z")', true],
    ['"a" in {"a": 1}', true],
    ['[1, "a", true].size()', 3],
    ['object.spec.list.all(i, v, v == i + 1)', true],
    ['object.spec.list.exists(i, v, i == 2 && v == 3)', true],
    ['object.spec.list.existsOne(i, v, v > 2)', true],
    ['object.spec.list.transformList(i, v, i * v)', [0, 2, 6]],
    ['object.spec.list.transformList(i, v, v > 1, v)', [2, 3]],
    ['object.metadata.labels.transformMap(k, v, v + "!")', { 'a/b': 'c!' }],
    ['object.metadata.labels.all(k, v, k == "a/b" && v == "c")', true],
    ['object.metadata.labels.transformMapEntry(k, v, {v: k})', { c: 'a/b' }],
    ['object.spec.list.transformMapEntry(i, v, v > 1, {string(v): i})', { 2: 1, 3: 2 }],
    ['[[1, 2], [3]].transformList(i, inner, inner.transformList(j, v, i + j + v))', [[1, 3], [4]]],
    ['object.spec.port == 80 || object.spec.port == "http"', true],
  ])('%s is %j', (expression, result) => {
    const object = {
      metadata: { namespace: 'ns', labels: { 'a/b': 'c' } },
      spec: { replicas: 3, list: [1, 2, 3], port: 'http' },
    };
    expect(run(expression, object)).toEqual(result);
  });

  it.each([
    ['object.nope', 'no such key: nope'],
    ['[1][5]', 'index out of bounds: 5'],
    ['1 / object.zero', 'division by zero'],
    ['object.text + 1', 'no such overload: dyn<string> + int'],
  ])('%s fails: %s', (expression, message) => {
    expect(() => run(expression, { zero: 0, text: 'a' })).toThrow(new CelRuntimeError(message));
  });

  it.each([
    ['foo.bar', "undeclared reference to 'foo'"],
    ['1 +', 'Syntax error'],
    ['nosuchfunction(1)', 'found no matching overload'],
    ['1 + "a"', 'no such overload'],
  ])('%s does not compile', (expression, message) => {
    expect(() => compileCel(expression, { variables: anything })).toThrow(CelCompileError);
    expect(() => compileCel(expression, { variables: anything })).toThrow(message);
  });

  it('says where', () => {
    expect(() => compileCel('true &&\n  foo == 1', { variables: anything })).toThrow(
      "ERROR: <input>:2:3: undeclared reference to 'foo' (in container '')\n |   foo == 1\n | ..^",
    );
  });

  it('holds a result to its type', () => {
    expect(() => compileCel('1', { variables: anything, result: ['bool'] })).toThrow('must evaluate to bool');
    expect(compileCel('object.x', { variables: anything, result: ['bool'] }).type).toBe('dyn');
    expect(compileCel('"a" + "b"', { variables: anything, result: ['string'] }).type).toBe('string');
  });
});

describe('types from schemas', () => {
  const pod = { object: structType(structSchema('core/v1.Pod')) };

  it('knows the fields of built-in kinds', () => {
    const rule = compileCel('object.spec.containers.all(c, c.name != "")', { variables: pod, result: ['bool'] });
    expect(rule.type).toBe('bool');
    expect(() => compileCel('object.spec.contaners.size() > 0', { variables: pod })).toThrow(
      "undefined field 'contaners'",
    );
    expect(() => compileCel('object.spec.hostNetwork + 1', { variables: pod })).toThrow('no such overload');
  });

  it('compares objects with each other and with null', () => {
    const value = (text: string) => compileCel(text, { variables: pod }).evaluate({ object: celValue({ spec: {} }) });
    expect(value('object.spec == null')).toBe(false);
    expect(value('null != object.spec && object.spec != null')).toBe(true);
    expect(value('object.spec == object.spec && object == object')).toBe(true);
    expect(value('object.spec != object.spec')).toBe(false);
    expect(() => value('object.spec == object.metadata')).toThrow('no such overload');
    expect(() => value('object.spec.hostNetwork == null')).toThrow('no such overload');
    expect(() => value('object.metadata.name == null')).toThrow('no such overload');
  });

  it('gives times, ints and escaped names their values', () => {
    const type: CelType = {
      object: 'T',
      fields: { at: 'timestamp', count: 'int', my__dash__name: 'string', ratio: 'double', __namespace__: 'string' },
    };
    const variables = { self: type };
    const self = celValue({ at: '2026-01-01T00:00:00Z', count: 2, 'my-name': 'x', ratio: 2, namespace: 'n' }, type);
    const value = (text: string) => compileCel(text, { variables }).evaluate({ self });
    expect(value('self.at.getFullYear()')).toBe(2026n);
    expect(value('self.count * 2')).toBe(4n);
    expect(value('self.ratio / 4.0')).toBe(0.5);
    expect(value('self.my__dash__name + self.__namespace__')).toBe('xn');
  });

  it.each([
    ['foo-bar', 'foo__dash__bar'],
    ['a.b/c', 'a__dot__b__slash__c'],
    ['a__b', 'a__underscores__b'],
    ['if', '__if__'],
    ['1a', undefined],
    ['ä', undefined],
  ])('writes %s as %s', (name, escaped) => {
    expect(escapePropertyName(name)).toBe(escaped);
  });
});

describe('Kubernetes libraries', () => {
  it.each<[string, unknown]>([
    ['[1, 2, 3].sum()', 6],
    ['[3, 1].min() + [3, 1].max()', 4],
    ['["a", "b"].isSorted()', true],
    ['[1, 2, 1].indexOf(1) + [1, 2, 1].lastIndexOf(1)', 2],
    ['"abc 123".find("[0-9]+")', '123'],
    ['"a1b2".findAll("[0-9]")', ['1', '2']],
    ['"a1b2c3".findAll("[0-9]", 2)', ['1', '2']],
    ['"abc".matches("^a.c$")', true],
    ['url("https://a.b:80/p?q=1&q=2").getHostname()', 'a.b'],
    ['url("https://a.b:81/p?q=1&q=2").getQuery()["q"]', ['1', '2']],
    ['url("/path").getHost()', ''],
    ['isURL("nope")', false],
    ['ip("127.0.0.1").isLoopback()', true],
    ['ip("fd00::1").family()', 6],
    ['isIP("1.2.3")', false],
    ['ip.isCanonical("fd00:0::1")', false],
    ['cidr("10.0.0.0/8").containsIP("10.1.2.3")', true],
    ['cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16")', true],
    ['string(cidr("10.1.2.3/8").masked())', '10.0.0.0/8'],
    ['quantity("1Gi").isGreaterThan(quantity("1000Mi"))', true],
    ['quantity("1500m").add(quantity("500m")).asInteger()', 2],
    ['quantity("1k") == quantity("1000")', true],
    ['isQuantity("1x")', false],
    ['semver("1.2.3").isLessThan(semver("1.10.0"))', true],
    ['semver("1.0.0-alpha").compareTo(semver("1.0.0"))', -1],
    ['semver("v1.02", true).minor()', 2],
    ['isSemver("v1.0.0")', false],
    ['!format.dns1123Label().validate("Nope").hasValue()', false],
    ['format.named("dns1123Label").value().validate("yes").hasValue()', false],
    ['format.named("nope").hasValue()', false],
    ['sets.contains([1, 2, 3], [3, 1])', true],
    ['sets.intersects([1], [2])', false],
    ['sets.equivalent([1, 1], [1])', true],
    ['"%s is %d and %.2f".format(["x", 3, 1.5])', 'x is 3 and 1.50'],
    ['"a-b".replace("-", "+")', 'a+b'],
    ['math.greatest(1, 5)', 5],
    ['jsonpatch.escapeKey("a/b~c")', 'a~1b~0c'],
  ])('%s is %j', (expression, result) => {
    expect(run(expression)).toEqual(result);
  });

  it('asks the authorizer', async () => {
    const asked: unknown[] = [];
    const check = async (question: unknown) => {
      asked.push(question);
      return { allowed: true, reason: 'because' };
    };
    const authorizer = Object.assign(new CelAuthorizer(check), {
      requestResource: new CelResourceCheck(check, { resource: 'pods' }),
    });
    const variables = { authorizer: 'authorizer' as const };
    const value = (text: string) => compileCel(text, { variables }).evaluateAsync({ authorizer });
    expect(
      await value('authorizer.group("apps").resource("deployments").namespace("a").name("b").check("get").allowed()'),
    ).toBe(true);
    expect(await value('authorizer.path("/healthz").check("get").reason()')).toBe('because');
    expect(await value('authorizer.requestResource.check("create").allowed()')).toBe(true);
    expect(await value('authorizer.serviceAccount("n", "sa").path("/x").check("get").allowed()')).toBe(true);
    expect(asked).toEqual([
      { group: 'apps', resource: 'deployments', namespace: 'a', name: 'b', verb: 'get' },
      { path: '/healthz', verb: 'get' },
      { resource: 'pods', verb: 'create' },
      { serviceAccount: { namespace: 'n', name: 'sa' }, path: '/x', verb: 'get' },
    ]);
  });
});

describe('messages and optional entries', () => {
  it('are rewritten to calls', () => {
    expect(rewriteSyntax('Object{spec: Object.spec{replicas: 1}}')).toBe(
      '__message("Object", {"spec": __message("Object.spec", {"replicas": 1})})',
    );
    expect(rewriteSyntax('[?a, b]')).toBe('__list([__entry(a), b])');
    expect(rewriteSyntax('{?"a": b, "c": d[?0]}')).toBe('__map({"a": __entry( b), "c": d[?0]})');
    expect(rewriteSyntax('a ? {"x": 1} : {"y": "Object{"}')).toBe('a ? {"x": 1} : {"y": "Object{"}');
  });

  it('make values', () => {
    const patch = compileCel('[JSONPatch{op: "add", path: "/a", value: object.v}]', { variables: anything });
    const [entry] = patch.evaluate({ object: celValue({ v: 1 }) }) as [CelMessage];
    expect(entry).toBeInstanceOf(CelMessage);
    expect(entry.type).toBe('JSONPatch');
    expect(jsonValue(entry.fields)).toEqual({ op: 'add', path: '/a', value: 1 });
    expect(run('[?object.?a, 2, ?object.?b]', { a: 1 })).toEqual([1, 2]);
    expect(run('{?"k": object.?missing, "l": 1}')).toEqual({ l: 1 });
  });
});

describe('limits', () => {
  const long = { object: celValue({ list: Array.from({ length: 1000 }, (_, i) => i) }) };
  const nested = compileCel('object.list.all(a, object.list.all(b, object.list.all(c, a + b + c >= 0)))', {
    variables: anything,
  });

  it('stops an expression that costs too much', () => {
    expect(() => nested.evaluate(long)).toThrow(CelBudgetError);
  });

  it('takes the cost of all expressions of a request together', () => {
    const budget = new CelBudget(20_000);
    const once = compileCel('object.list.all(a, a >= 0)', { variables: anything });
    once.evaluate(long, budget);
    expect(budget.remaining).toBeLessThan(20_000);
    expect(() => {
      for (let i = 0; i < 20; i++) once.evaluate(long, budget);
    }).toThrow(CelBudgetError);
  });

  it('an error of one side does not hide that the budget is spent', () => {
    const hidden = compileCel('object.list.all(a, object.list.all(b, object.list.all(c, a + b + c >= 0))) || true', {
      variables: anything,
    });
    const budget = new CelBudget(1000);
    try {
      hidden.evaluate(long, budget);
    } catch (error) {
      expect(error).toBeInstanceOf(CelBudgetError);
    }
    expect(budget.remaining).toBeLessThanOrEqual(0);
  });

  it('matches in linear time', () => {
    expect(run('object.text.matches("^(a+)+$")', { text: `${'a'.repeat(5000)}b` })).toBe(false);
  });

  it('does not reach into JavaScript', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(() => run(`object.${name}`, {})).toThrow();
      expect(run(`has(object.${name})`, {})).toBe(false);
    }
  });
});
