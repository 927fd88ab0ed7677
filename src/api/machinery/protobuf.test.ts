import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { groupVersionSchema, type StructSchema, schemaIds, structSchema } from '../schema/schema.ts';
import { canonicalize } from './decode.ts';
import {
  decodeProtobuf,
  encodeListProtobuf,
  encodeMessage,
  encodeProtobuf,
  encodeStatusProtobuf,
  encodeWatchFrame,
  WatchFrameReader,
} from './protobuf.ts';
import { notFound } from './status.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The struct of a fixture's type; meta types are registered in every group. */
function structOf(apiVersion: string, kind: string): StructSchema | undefined {
  for (const id of schemaIds()) {
    const schema = groupVersionSchema(id);
    if (schema.facts.apiVersion === apiVersion && schema.structs.has(kind)) return schema.structs.get(kind);
  }
  return apiVersion === 'v1' ? groupVersionSchema('meta/v1').structs.get(kind) : undefined;
}

describe('protobuf', () => {
  it('writes what is not a pointer even when it is empty', () => {
    const struct = structSchema('core/v1.ConfigMap');
    const bytes = encodeProtobuf(
      { apiVersion: 'v1', kind: 'ConfigMap', struct },
      { metadata: { name: 'a' }, data: {} },
    );
    const metadata = '0a0161' + '12001a0022002a003200' + '3800' + '4200';
    expect(hex(bytes)).toBe(
      `6b3873000a0f0a027631${'1209'}${hex(Buffer.from('ConfigMap'))}${'1213'}${'0a11'}${metadata}${'1a002200'}`,
    );
  });

  it('sorts maps by key and writes negative numbers as 64 bits', () => {
    const struct = structSchema('core/v1.ConfigMap');
    expect(hex(encodeMessage(struct, { data: { b: '2', a: '1' } })).slice(-32)).toBe(
      `1206${'0a0161120131'}1206${'0a0162120132'}`,
    );
    const priority = encodeMessage(structSchema('scheduling/v1.PriorityClass'), { value: -2 });
    expect(hex(priority)).toContain('10feffffffffffffffff01');
  });

  it('keeps every kind of value through bytes', () => {
    const pod = structSchema('core/v1.Pod');
    const { object } = canonicalize(pod, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'ü😀',
        creationTimestamp: '2026-01-02T03:04:05Z',
        managedFields: [{ manager: 'm', fieldsV1: { 'f:spec': {} } }],
        labels: { __proto__x: '1', z: '', a: '2' },
      },
      spec: {
        containers: [
          {
            name: 'c',
            resources: { limits: { cpu: '500m' } },
            livenessProbe: { httpGet: { port: 'http' }, failureThreshold: 3 },
            readinessProbe: { tcpSocket: { port: 8080 } },
            securityContext: { runAsUser: 0, privileged: false },
          },
        ],
        terminationGracePeriodSeconds: 0,
      },
    });
    const bytes = encodeProtobuf({ apiVersion: 'v1', kind: 'Pod', struct: pod }, object);
    expect(canonicalize(pod, decodeProtobuf(bytes).decode(pod)).object).toEqual(object);
  });

  it('tells the two forms of a JSON schema apart', () => {
    const struct = structSchema('apiextensions/v1.JSONSchemaProps');
    for (const value of [
      { items: { type: 'string' }, additionalProperties: false, default: 0 },
      { items: [{ type: 'string' }], additionalProperties: true, enum: ['a', 1, null] },
      { additionalProperties: { type: 'object', dependencies: { a: ['b'], c: { type: 'string' } } } },
    ]) {
      const { object } = canonicalize(struct, value);
      const raw = decodeProtobuf(encodeProtobuf({ apiVersion: 'x', kind: 'x', struct }, object)).decode(struct);
      expect(canonicalize(struct, raw).object).toEqual(value);
    }
  });

  it('makes a list of encoded items, and frames of watch events', () => {
    const struct = structSchema('core/v1.ConfigMap');
    const items = ['a', 'b'].map((name) => canonicalize(struct, { metadata: { name } }).object);
    const list = encodeListProtobuf(
      { apiVersion: 'v1', kind: 'ConfigMapList' },
      { resourceVersion: '7' },
      items.map((item) => encodeMessage(struct, item)),
    );
    const listStruct = structSchema('core/v1.ConfigMapList');
    expect(list).toEqual(
      encodeProtobuf(
        { apiVersion: 'v1', kind: 'ConfigMapList', struct: listStruct },
        { metadata: { resourceVersion: '7' }, items },
      ),
    );
    expect(decodeProtobuf(list)).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMapList' });

    const object = encodeProtobuf({ apiVersion: 'v1', kind: 'ConfigMap', struct }, items[0]!);
    const frames = Buffer.concat([encodeWatchFrame('ADDED', object), encodeWatchFrame('DELETED', object)]);
    const reader = new WatchFrameReader();
    expect(reader.push(frames.subarray(0, 9))).toEqual([]);
    const events = reader.push(frames.subarray(9));
    expect(events.map((event) => event.type)).toEqual(['ADDED', 'DELETED']);
    expect(hex(events[1]!.object)).toBe(hex(object));
  });

  it('encodes errors', () => {
    const status = notFound({ group: '', plural: 'pods' }, 'a').toStatus();
    const decoded = decodeProtobuf(encodeStatusProtobuf(status));
    expect(decoded.decode(structSchema('meta/v1.Status'))).toMatchObject({
      kind: 'Status',
      reason: 'NotFound',
      code: 404,
      details: { name: 'a', kind: 'pods' },
    });
  });

  it('answers 400 to bytes that are no message', () => {
    const pod = structSchema('core/v1.Pod');
    const badRequest = expect.objectContaining({ code: 400 });
    expect(() => decodeProtobuf(Buffer.from('{}'))).toThrow(badRequest);
    expect(() => decodeProtobuf(Buffer.from('k8s\0\x0a\x7f'))).toThrow(badRequest);
    const whole = encodeProtobuf({ apiVersion: 'v1', kind: 'Pod', struct: pod }, canonicalize(pod, {}).object);
    for (let i = 4; i < whole.length; i++) {
      const damaged = Buffer.from(whole);
      damaged[i] = 0xff;
      try {
        decodeProtobuf(damaged).decode(pod);
      } catch (error) {
        expect(error).toEqual(badRequest);
      }
    }
  });
});

const fixtures = join(import.meta.dirname, '../../../../shared/fixtures/roundtrip-v1.36');

describe.skipIf(!existsSync(fixtures))(
  "upstream's round-trip fixtures (skipped without ../shared beside the checkout)",
  () => {
    const names = existsSync(fixtures)
      ? readdirSync(fixtures)
          .filter((file) => file.endsWith('.json'))
          .map((file) => file.slice(0, -5))
      : [];

    it.each(names)('%s', (name) => {
      const json = JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8')) as {
        apiVersion: string;
        kind: string;
      };
      const bytes = readFileSync(join(fixtures, `${name}.pb`));
      const { apiVersion, kind } = json;
      if (name === 'core.v1.WatchEvent') return;
      const struct = structOf(apiVersion, kind)!;
      expect(struct, `${apiVersion} ${kind}`).toBeDefined();
      const { object, problems } = canonicalize(struct, json);
      expect(problems).toEqual([]);
      expect(object).toEqual(json);
      expect(hex(encodeProtobuf({ apiVersion, kind, struct }, object))).toBe(hex(bytes));
      const decoded = decodeProtobuf(bytes);
      expect({ apiVersion: decoded.apiVersion, kind: decoded.kind }).toEqual({ apiVersion, kind });
      expect(canonicalize(struct, decoded.decode(struct)).object).toEqual(json);
    });
  },
);
