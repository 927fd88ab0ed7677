import { describe, expect, it } from 'vitest';
import { structSchema } from '../schema/schema.ts';
import { canonicalize, parseJson, parseYaml, zeroOf } from './decode.ts';
import { formatYaml } from './parse-yaml.ts';

const deployment = structSchema('apps/v1.Deployment');
const pod = structSchema('core/v1.Pod');
const head = { apiVersion: 'apps/v1', kind: 'Deployment' };
const decodePod = (value: object) => canonicalize(pod, { apiVersion: 'v1', kind: 'Pod', ...value });

describe('canonicalize', () => {
  it('adds the structs and lists that Go always writes', () => {
    expect(canonicalize(deployment, head).object).toEqual({
      ...head,
      metadata: {},
      spec: { template: { metadata: {}, spec: { containers: [] } }, strategy: {} },
      status: {},
    });
    expect(zeroOf(structSchema('core/v1.ContainerStatus'))).toEqual({
      name: '',
      state: {},
      lastState: {},
      ready: false,
      restartCount: 0,
      image: '',
      imageID: '',
    });
  });

  it('drops nulls and what omitempty leaves out, and keeps zeros behind pointers', () => {
    const { object } = canonicalize(deployment, {
      ...head,
      metadata: { name: 'a', labels: {}, generation: 0, creationTimestamp: null, finalizers: [] },
      spec: { replicas: 0, paused: false, minReadySeconds: 0, selector: {}, template: null },
      status: null,
    });
    expect(object).toEqual({
      ...head,
      metadata: { name: 'a' },
      spec: { replicas: 0, selector: {}, template: { metadata: {}, spec: { containers: [] } }, strategy: {} },
      status: {},
    });
  });

  it('writes quantities, times, durations and base64 as upstream does', () => {
    const { object } = decodePod({
      metadata: { creationTimestamp: '2026-01-02T03:04:05.678+01:00', deletionTimestamp: '0001-01-01T00:00:00Z' },
      spec: { containers: [{ name: 'c', resources: { limits: { cpu: 0.5, memory: '1024Ki' } } }] },
    });
    expect(object).toMatchObject({
      metadata: { creationTimestamp: '2026-01-02T02:04:05Z' },
      spec: { containers: [{ resources: { limits: { cpu: '500m', memory: '1Mi' } } }] },
    });
    expect(object['metadata']).not.toHaveProperty('deletionTimestamp');
    expect(
      canonicalize(structSchema('core/v1.Secret'), { data: { a: 'aGVs\nbG8=', b: 'aGk' + '=' } }).object,
    ).toMatchObject({
      data: { a: 'aGVsbG8=', b: 'aGk=' },
    });
    expect(
      canonicalize(structSchema('coordination/v1.Lease'), { spec: { renewTime: '2026-01-02T03:04:05.1Z' } }).object,
    ).toMatchObject({ spec: { renewTime: '2026-01-02T03:04:05.100000Z' } });
  });

  it('reports unknown fields with their paths and drops them', () => {
    const { object, problems } = canonicalize(deployment, {
      ...head,
      spec: { foo: 1, template: { spec: { containers: [{ name: 'a' }, { name: 'b', imagee: 'x' }] } } },
      extra: {},
    });
    expect(problems).toEqual([
      'unknown field "spec.template.spec.containers[1].imagee"',
      'unknown field "spec.foo"',
      'unknown field "extra"',
    ]);
    expect(object['spec']).not.toHaveProperty('foo');
    expect(canonicalize(deployment, { ...head, foo: 1 }, { validation: 'Ignore' }).problems).toEqual([]);
  });

  it.each([
    [{ spec: { replicas: 'three' } }, 'string into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [{ spec: { replicas: 1.5 } }, 'number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [{ spec: { replicas: 3e9 } }, 'number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [{ spec: [] }, 'array into Go struct field Deployment.spec of type v1.DeploymentSpec'],
    [{ metadata: { labels: { a: 1 } } }, 'number into Go struct field ObjectMeta.metadata.labels of type string'],
    [{ metadata: { labels: 'a' } }, 'string into Go struct field ObjectMeta.metadata.labels of type map[string]string'],
    [
      { spec: { template: { spec: { containers: {} } } } },
      'object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container',
    ],
    [
      { spec: { template: { spec: { containers: [{ imagePullPolicy: true }] } } } },
      'bool into Go struct field Container.spec.template.spec.containers.imagePullPolicy of type v1.PullPolicy',
    ],
    [
      { spec: { template: { spec: { containers: [{ ports: [{ containerPort: '80' }] }] } } } },
      'string into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32',
    ],
  ])("words a wrong type as Go's decoder: %j", (value, message) => {
    expect(() => canonicalize(deployment, { ...head, ...value })).toThrow(
      expect.objectContaining({
        reason: 'BadRequest',
        message: `Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal ${message}`,
      }),
    );
  });

  it.each([
    [{ spec: { containers: [{ resources: { limits: { cpu: 'lots' } } }] } }, /: quantities must match the regular/],
    [{ spec: { containers: [{ resources: { limits: { cpu: true } } }] } }, /: quantities must match the regular/],
    [
      { metadata: { creationTimestamp: 'now' } },
      /: parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"$/,
    ],
    [{ metadata: { creationTimestamp: '2026-13-01T00:00:00Z' } }, /month out of range/],
    [
      { metadata: { creationTimestamp: 5 } },
      /cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string/,
    ],
  ])('refuses %j', (value, message) => {
    expect(() => decodePod(value)).toThrow(message);
  });

  it('refuses base64 that is not', () => {
    const secret = structSchema('core/v1.Secret');
    expect(() => canonicalize(secret, { data: { a: 'a$b=' } })).toThrow('illegal base64 data at input byte 1');
    expect(() => canonicalize(secret, { data: { a: 'abcde' } })).toThrow('illegal base64 data at input byte 4');
  });

  it('keeps the greatest integers within what Go reads back', () => {
    const { object } = canonicalize(pod, parseJson('{"spec":{"activeDeadlineSeconds":9223372036854775807}}').value);
    const text = JSON.stringify((object['spec'] as Record<string, unknown>)['activeDeadlineSeconds']);
    expect(BigInt(text)).toBeLessThan(2n ** 63n);
  });

  it('takes numbers and strings where either may be', () => {
    const probe = structSchema('core/v1.HTTPGetAction');
    expect(canonicalize(probe, { port: 'http' }).object['port']).toBe('http');
    expect(canonicalize(probe, {}).object['port']).toBe(0);
    expect(() => canonicalize(probe, { port: true })).toThrow(
      'json: cannot unmarshal bool into Go struct field HTTPGetAction.port of type int32',
    );
  });

  it('keeps hostile keys as data', () => {
    const { value } = parseJson(
      '{"metadata":{"annotations":{"__proto__":"x","constructor":"y"}},"__proto__":{"spec":1}}',
    );
    const { object, problems } = canonicalize(pod, value);
    const annotations = (object['metadata'] as { annotations: Record<string, string> }).annotations;
    expect(Object.keys(annotations)).toEqual(['__proto__', 'constructor']);
    expect(problems).toEqual(['unknown field "__proto__"']);
    expect(({} as Record<string, unknown>)['spec']).toBeUndefined();
  });

  it('reads schemas of custom resources, which contain themselves', () => {
    const schema = structSchema('apiextensions/v1.JSONSchemaProps');
    const value = {
      type: 'object',
      properties: { a: { type: 'array', items: { type: 'string', default: { x: [null] } } } },
      additionalProperties: false,
    };
    expect(canonicalize(schema, value).object).toEqual(value);
    expect(canonicalize(schema, { properties: { a: { items: { foo: 1 } } } }).problems).toEqual([
      'unknown field "properties.a.items.foo"',
    ]);
  });

  it('is stable: canonical objects decode to themselves', () => {
    const once = canonicalize(deployment, {
      ...head,
      spec: { template: { spec: { containers: [{ name: 'a' }] } } },
    }).object;
    expect(canonicalize(deployment, once)).toEqual({ object: once, problems: [] });
  });
});

describe('parseJson', () => {
  it('finds duplicate fields wherever they are', () => {
    expect(parseJson('{"a":{"b":[{"c":1,"c":2}]},"a":{"x":"\\"y\\":"}}')).toEqual({
      value: { a: { x: '"y":' } },
      duplicates: ['duplicate field "a.b[0].c"', 'duplicate field "a"'],
    });
    expect(parseJson('{"a":":","b" : "\\\\"}').duplicates).toEqual([]);
  });

  it.each([
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['{"a":}', "invalid character '}' looking for beginning of value"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['tru', 'unexpected end of JSON input'],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['01', "invalid character '1' after top-level value"],
    ['"\n"', "invalid character '\\n' in string literal"],
  ])('refuses %j', (text, message) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ message, reason: 'BadRequest' }));
  });

  it('refuses nesting without end and mends lone surrogates and invalid UTF-8', () => {
    expect(() => parseJson('['.repeat(100_000) + ']'.repeat(100_000))).toThrow('exceeded max depth');
    expect(parseJson('["\\ud800"]').value).toEqual(['\ufffd']);
    expect(parseJson(new Uint8Array([0x22, 0xff, 0x22])).value).toBe('\ufffd');
    expect(parseJson('"\\ud83d\\ude00"').value).toBe('😀');
  });
});

describe('parseYaml', () => {
  it('reads YAML 1.1 as upstream does', () => {
    expect(
      parseYaml('a: yes\nb: 0644\nc: 22:22\nd: 2001-01-01\ne: ~\nf: "yes"\ng: 0x1F\n1: x\n__proto__: {a: 1}\n').value,
    ).toEqual(
      JSON.parse(
        '{"a":true,"b":420,"c":"22:22","d":"2001-01-01","e":null,"f":"yes","g":31,"1":"x","__proto__":{"a":1}}',
      ),
    );
    expect(parseYaml('x: &x {a: 1}\nz:\n  <<: *x\n  b: 2\n').value).toEqual({ x: { a: 1 }, z: { a: 1, b: 2 } });
    expect(parseYaml('').value).toBeNull();
  });

  it('reports repeated keys by line', () => {
    expect(parseYaml('a: 1\nb:\n  c: 1\n  c: 2\n').duplicates).toEqual([
      'yaml: unmarshal errors:\n  line 4: key "c" already set in map',
    ]);
  });

  it('refuses aliases and nesting without bound, and what is not YAML', () => {
    const levels = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef']) {
      levels.push(`${to}: &${to} [${new Array(9).fill(`*${from}`).join(',')}]`);
    }
    expect(() => parseYaml(levels.join('\n'))).toThrow('yaml: document contains excessive aliasing');
    expect(() => parseYaml('['.repeat(1_000_000))).toThrow('yaml: exceeded max depth');
    expect(() => parseYaml('[\n'.repeat(1_000_000))).toThrow('yaml: exceeded max depth');
    expect(() => parseYaml('- '.repeat(1_000_000))).toThrow('yaml: exceeded max depth');
    expect(parseYaml(`a: |\n${'  text [ {\n'.repeat(1000)}`).value).toHaveProperty('a');
    expect(() => parseYaml('a: &a\n  <<: *a\n')).toThrow(expect.objectContaining({ reason: 'BadRequest' }));
    expect(() => parseYaml('a: "x" y')).toThrow(/^yaml: line 1: /);
  });

  it('writes what it reads', () => {
    const value = { b: [{ yes: 'no', n: '0644', t: '22:22' }], a: { z: null, e: {}, s: 'x\ny\n' } };
    expect(parseYaml(formatYaml(value)).value).toEqual(value);
    expect(formatYaml(value).startsWith('a:')).toBe(true);
  });
});
