import { describe, expect, it } from 'vitest';
import { deepFreeze } from '../../../base/deep.ts';
import type { KubeObject, Shared } from '../../kind.ts';
import { type StructSchema, structSchema } from '../../schema/schema.ts';
import { canonicalize } from '../decode.ts';
import { applyPatch } from './apply.ts';
import { unsettableFields, updateManagedFields } from './managed-fields.ts';

const struct = structSchema('apps/v1.Deployment');
const head = { apiVersion: 'apps/v1', kind: 'Deployment' };
const start = Date.UTC(2026, 0, 1);

/** A stored object and the ways to change it. */
class Stored {
  live: Shared<KubeObject> | undefined;
  now = start;
  readonly #struct: StructSchema;
  readonly #apiVersion: string;

  constructor(schema = struct, apiVersion = head.apiVersion) {
    this.#struct = schema;
    this.#apiVersion = apiVersion;
  }

  #owner(manager: string, subresource = '') {
    this.now += 1000;
    return { manager, apiVersion: this.#apiVersion, subresource, now: this.now };
  }

  write(manager: string, value: object, subresource = ''): this {
    const given = { metadata: { name: 'a', managedFields: this.live?.metadata.managedFields }, ...value };
    const { object } = canonicalize<KubeObject>(this.#struct, { ...head, ...given });
    updateManagedFields({
      struct: this.#struct,
      live: this.live,
      object,
      owner: this.#owner(manager, subresource),
      ignored: unsettableFields(subresource, true),
    });
    this.live = deepFreeze(object);
    return this;
  }

  apply(manager: string, value: object, force = false): this {
    const applied = { ...head, apiVersion: this.#apiVersion, metadata: { name: 'a' }, ...value };
    const owner = this.#owner(manager);
    this.live = deepFreeze(applyPatch({ struct: this.#struct, live: this.live, applied, owner, force }));
    return this;
  }

  get spec(): Record<string, unknown> {
    return (this.live as unknown as { spec: Record<string, unknown> }).spec;
  }

  owners(): Record<string, unknown> {
    return Object.fromEntries(
      (this.live?.metadata.managedFields ?? []).map((e) => [
        `${e.manager}/${e.operation}${e.subresource ? `/${e.subresource}` : ''}`,
        e.fieldsV1,
      ]),
    );
  }
}

const template = (containers: object[]) => ({ template: { spec: { containers } } });

describe('managed fields of updates', () => {
  it('give what is set on create to the creator, without what the server sets', () => {
    const stored = new Stored().write('kubectl', {
      metadata: { name: 'a', uid: '1', labels: { app: 'x' } },
      spec: {
        replicas: 1,
        selector: { matchLabels: { a: 'b' } },
        ...template([{ name: 'c', image: 'i', ports: [{ containerPort: 80 }] }]),
      },
    });
    expect(stored.live?.metadata.managedFields).toEqual([
      {
        manager: 'kubectl',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: '2026-01-01T00:00:01Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': {
            'f:replicas': {},
            'f:selector': {},
            'f:template': {
              'f:spec': {
                'f:containers': {
                  'k:{"name":"c"}': {
                    '.': {},
                    'f:image': {},
                    'f:name': {},
                    'f:ports': {
                      '.': {},
                      'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
                    },
                    'f:resources': {},
                  },
                },
              },
            },
          },
        },
      },
    ]);
  });

  it('pass fields from one manager to the next, by subresource', () => {
    const stored = new Stored()
      .write('one', { spec: { replicas: 1, paused: true } })
      .write('two', { spec: { replicas: 2, paused: true } })
      .write('controller', { spec: { replicas: 2, paused: true }, status: { replicas: 2 } }, 'status');
    expect(stored.owners()).toEqual({
      'one/Update': { 'f:spec': { 'f:paused': {} } },
      'two/Update': { 'f:spec': { 'f:replicas': {} } },
      'controller/Update/status': { 'f:status': { 'f:replicas': {} } },
    });
    stored.write('two', { spec: {}, status: { replicas: 2 } });
    expect(stored.owners()).toEqual({ 'controller/Update/status': { 'f:status': { 'f:replicas': {} } } });
  });

  it('stay as they are, times too, when nothing changes', () => {
    const stored = new Stored().write('one', { spec: { replicas: 1 } });
    const before = stored.live?.metadata.managedFields;
    stored.write('two', { spec: { replicas: 1 } });
    expect(stored.live?.metadata.managedFields).toBe(before);
  });

  it('are forgotten when a client empties them, and kept when it leaves them out', () => {
    const stored = new Stored().write('one', { spec: { replicas: 1 } });
    stored.write('two', { metadata: { name: 'a' }, spec: { replicas: 2 } });
    expect(Object.keys(stored.owners())).toEqual(['two/Update']);
    stored.write('two', { metadata: { name: 'a', managedFields: [{}] }, spec: { replicas: 3 } });
    expect(stored.live?.metadata).not.toHaveProperty('managedFields');
    stored.write('two', { metadata: { name: 'a', managedFields: [] }, spec: { replicas: 4 } });
    expect(stored.live?.metadata).not.toHaveProperty('managedFields');
  });

  it('keep at most ten updaters, the oldest merged', () => {
    const stored = new Stored();
    for (let i = 0; i < 14; i++) {
      const annotations = Object.fromEntries(Array.from({ length: i + 1 }, (_, n) => [`a${n}`, 'x']));
      stored.write(`m${i}`, {
        metadata: { name: 'a', annotations, managedFields: stored.live?.metadata.managedFields },
      });
    }
    const owners = stored.owners();
    expect(Object.keys(owners)).toHaveLength(10);
    expect(owners['ancient-changes/Update']).toEqual({
      'f:metadata': { 'f:annotations': { '.': {}, 'f:a0': {}, 'f:a1': {}, 'f:a2': {}, 'f:a3': {}, 'f:a4': {} } },
    });
  });
});

describe('applyPatch', () => {
  it('creates and owns exactly what the configuration has', () => {
    const stored = new Stored().apply('a', { spec: { replicas: 3, ...template([{ name: 'c', image: 'i' }]) } });
    expect(stored.spec['replicas']).toBe(3);
    expect(stored.owners()).toEqual({
      'a/Apply': {
        'f:spec': {
          'f:replicas': {},
          'f:template': {
            'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:image': {}, 'f:name': {} } } },
          },
        },
      },
    });
  });

  it("refuses to change others' fields, and takes them by force", () => {
    const stored = new Stored().write('hpa', { spec: { replicas: 5 } });
    expect(() => stored.apply('a', { spec: { replicas: 1 } })).toThrow(
      expect.objectContaining({
        code: 409,
        reason: 'Conflict',
        message: 'Apply failed with 1 conflict: conflict with "hpa" using apps/v1: .spec.replicas',
        details: {
          causes: [
            { reason: 'FieldManagerConflict', message: 'conflict with "hpa" using apps/v1', field: '.spec.replicas' },
          ],
        },
      }),
    );
    stored.apply('a', { spec: { replicas: 1 } }, true);
    expect(stored.owners()).toEqual({ 'a/Apply': { 'f:spec': { 'f:replicas': {} } } });
  });

  it('lists several conflicts by manager', () => {
    const stored = new Stored()
      .apply('b', { spec: { replicas: 1, ...template([{ name: 'c', image: 'i' }]) } })
      .write('x', { spec: { replicas: 1, paused: true, ...template([{ name: 'c', image: 'i' }]) } });
    expect(() =>
      stored.apply('a', { spec: { replicas: 2, paused: false, ...template([{ name: 'c', image: 'j' }]) } }),
    ).toThrow(
      [
        'Apply failed with 3 conflicts: conflicts with "b":',
        '- .spec.replicas',
        '- .spec.template.spec.containers[name="c"].image',
        'conflicts with "x" using apps/v1:',
        '- .spec.paused',
      ].join('\n'),
    );
  });

  it('shares fields that are applied with equal values', () => {
    const stored = new Stored().apply('a', { spec: { replicas: 1 } }).apply('b', { spec: { replicas: 1 } });
    expect(stored.owners()).toEqual({
      'a/Apply': { 'f:spec': { 'f:replicas': {} } },
      'b/Apply': { 'f:spec': { 'f:replicas': {} } },
    });
    expect(() => stored.apply('a', { spec: { replicas: 2 } })).toThrow('conflict with "b": .spec.replicas');
    stored.apply('a', { spec: {} });
    expect(stored.spec['replicas']).toBe(1);
    stored.apply('b', { spec: {} });
    expect(stored.spec).not.toHaveProperty('replicas');
  });

  it('removes what is no longer applied, but for what others own or set beside it', () => {
    const stored = new Stored().apply('a', {
      spec: {
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2 } },
        ...template([
          { name: 'c', image: 'i', env: [{ name: 'X', value: '1' }] },
          { name: 'd', image: 'i' },
        ]),
      },
    });
    stored.write('x', {
      spec: {
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } },
        ...template([
          { name: 'c', image: 'i', env: [{ name: 'X', value: '1' }], tty: true },
          { name: 'd', image: 'i' },
        ]),
      },
    });
    stored.apply('a', { spec: template([{ name: 'c', image: 'i' }]) });
    expect(stored.spec).toMatchObject(template([{ name: 'c', image: 'i', tty: true }]));
    expect(stored.spec['strategy']).toEqual({ rollingUpdate: { maxUnavailable: 1 } });
    expect((stored.spec['template'] as { spec: { containers: object[] } }).spec.containers).toHaveLength(1);
  });

  it('merges maps by key, keyed lists by element and sets by value; atomic lists as a whole', () => {
    const stored = new Stored()
      .write('x', {
        metadata: { name: 'a', labels: { x: '1' }, finalizers: ['x/x'] },
        spec: template([{ name: 's', image: 's', command: ['x'] }]),
      })
      .apply('a', {
        metadata: { name: 'a', labels: { a: '1' }, finalizers: ['a/a', 'x/x'] },
        spec: template([{ name: 'c', image: 'i' }]),
      });
    expect(stored.live?.metadata.labels).toEqual({ x: '1', a: '1' });
    expect(stored.live?.metadata.finalizers).toEqual(['a/a', 'x/x']);
    expect(stored.owners()).toMatchObject({
      'a/Apply': { 'f:metadata': { 'f:finalizers': { 'v:"a/a"': {}, 'v:"x/x"': {} }, 'f:labels': { 'f:a': {} } } },
    });
    const containers = (stored.spec['template'] as { spec: { containers: { name: string }[] } }).spec.containers;
    expect(containers.map((c) => c.name)).toEqual(['s', 'c']);
    expect(() => stored.apply('a', { spec: template([{ name: 's', command: ['y'] }]) })).toThrow(
      '.spec.template.spec.containers[name="s"].command',
    );
  });

  it('keeps the order of the configuration among the elements of others', () => {
    const names = (s: Stored) =>
      (s.spec['template'] as { spec: { containers: { name: string }[] } }).spec.containers.map((c) => c.name).join('');
    const stored = new Stored().write('x', { spec: template([{ name: 'a' }, { name: 'x' }, { name: 'b' }]) });
    expect(names(stored.apply('m', { spec: template([{ name: 'b' }, { name: 'a' }]) }))).toBe('xba');
    expect(names(stored.apply('m', { spec: template([{ name: 'c' }, { name: 'b' }, { name: 'a' }]) }))).toBe('xcba');
  });

  it('keeps live elements that share a key', () => {
    const env = [
      { name: 'X', value: '1' },
      { name: 'X', value: '2' },
    ];
    const stored = new Stored()
      .write('x', { spec: template([{ name: 'c', env }]) })
      .apply('a', { spec: template([{ name: 'c', env: [{ name: 'Y', value: '3' }] }]) });
    const [container] = (stored.spec['template'] as { spec: { containers: { env: unknown }[] } }).spec.containers;
    expect(container?.env).toEqual([...env, { name: 'Y', value: '3' }]);
  });

  it('leaves alone what a request through a subresource cannot set', () => {
    const stored = new Stored().write('x', { spec: { replicas: 1 } });
    const applied = { ...head, metadata: { name: 'a' }, spec: { replicas: 2 }, status: { replicas: 1 } };
    const owner = { manager: 'a', apiVersion: 'apps/v1', subresource: 'status', now: start };
    const ignored = unsettableFields('status', true);
    const object = applyPatch({ struct, live: stored.live, applied, owner, force: false, ignored });
    expect(object.metadata.managedFields?.map((e) => [e.manager, e.fieldsV1])).toEqual([
      ['a', { 'f:status': { 'f:replicas': {} } }],
      ['x', { 'f:spec': { 'f:replicas': {} } }],
    ]);
  });

  it('does not mistake another notation of a quantity for a change', () => {
    const limits = (cpu: string) => ({ spec: template([{ name: 'c', resources: { limits: { cpu } } }]) });
    const stored = new Stored().write('x', limits('1'));
    expect(() => stored.apply('a', limits('1000m'))).not.toThrow();
    expect(() => stored.apply('a', limits('1001m'))).toThrow('conflict with "x" using apps/v1');
  });

  it('changes nothing, times too, when applied again', () => {
    const config = { spec: { replicas: 1, ...template([{ name: 'c', image: 'i' }]) } };
    const stored = new Stored().apply('a', config);
    const before = stored.live;
    stored.apply('a', config);
    expect(stored.live).toEqual(before);
  });

  it.each([
    [{ spec: { foo: 1 } }, '.spec.foo: field not declared in schema'],
    [{ spec: { replicas: 'x' } }, '.spec.replicas: expected numeric (int or float), got string'],
    [
      { spec: template([{ image: 'x' }]) },
      '.spec.template.spec.containers: element 0: associative list with keys has an element that omits key field "name" (and doesn\'t have default value)',
    ],
    [
      { spec: template([{ name: 'a' }, { name: 'a' }]) },
      '.spec.template.spec.containers: duplicate entries for key [name="a"]',
    ],
  ])('refuses what does not fit the schema: %j', (value, problem) => {
    expect(() => new Stored().apply('a', value)).toThrow(
      expect.objectContaining({
        message: `failed to create typed patch object (/a; apps/v1, Kind=Deployment): ${problem}`,
        code: 400,
      }),
    );
  });

  it('tracks what existed before the first apply', () => {
    const stored = new Stored().write('x', { spec: { replicas: 1 } });
    stored.write('x', { metadata: { name: 'a', managedFields: [{}] }, spec: { replicas: 2 } });
    expect(() => stored.apply('a', { spec: { replicas: 3 } })).toThrow(
      'conflict with "before-first-apply" using apps/v1: .spec.replicas',
    );
  });

  it('takes over from client-side apply what its annotation says it set, for kubectl only', () => {
    const annotation = JSON.stringify({ ...head, metadata: { name: 'a' }, spec: { replicas: 1 } });
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': annotation };
    const make = () =>
      new Stored().write('kubectl-client-side-apply', { metadata: { name: 'a', annotations }, spec: { replicas: 1 } });
    expect(() => make().apply('other', { spec: { replicas: 2 } })).toThrow('Apply failed');
    const stored = make().apply('kubectl', { spec: { replicas: 2 } });
    expect(stored.spec['replicas']).toBe(2);
    expect(JSON.parse(Object.values(stored.live?.metadata.annotations ?? {})[0]!)).toMatchObject({
      spec: { replicas: 2 },
    });
  });

  it('divides content without a schema by key', () => {
    const metadata = structSchema('core/v1.Pod').byName.get('metadata')!;
    const custom: StructSchema = {
      ...{ id: 'x', name: 'Custom', openapiName: 'x', cluster: false, structType: undefined, union: false, fields: [] },
      dynamic: true,
      preserveUnknown: true,
      byName: new Map([['metadata', metadata]]),
    };
    const stored = new Stored(custom, 'example.com/v1')
      .write('x', { spec: { a: { b: 1, list: [1, 2] } } })
      .apply('m', { spec: { a: { c: 2 } } });
    expect(stored.spec).toEqual({ a: { b: 1, list: [1, 2], c: 2 } });
    expect(stored.owners()).toEqual({
      'm/Apply': { 'f:spec': { '.': {}, 'f:a': { '.': {}, 'f:c': {} } } },
      'x/Update': { 'f:spec': { '.': {}, 'f:a': { '.': {}, 'f:b': {}, 'f:list': {} } } },
    });
    expect(() => stored.apply('m', { spec: { a: { list: [1] } } })).toThrow('.spec.a.list');
  });
});
