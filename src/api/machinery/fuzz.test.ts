/** Random and mutated input of every form: what is wrong with it is answered with a 4xx Status, never with another error. */
import { describe, expect, it } from 'vitest';
import { deepFreeze } from '../../base/deep.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import type { KubeObject, Shared } from '../kind.ts';
import { structSchema } from '../schema/schema.ts';
import { applyPatch } from './apply/apply.ts';
import { updateManagedFields } from './apply/managed-fields.ts';
import { canonicalize, parseJson, parseYaml } from './decode.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { decodeProtobuf, encodeProtobuf } from './protobuf.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { StatusError } from './status.ts';
import { applyStrategicMerge } from './strategic-merge.ts';

const struct = structSchema('apps/v1.Deployment');
const document = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'a', labels: { app: 'x' }, annotations: { b: 'c' }, finalizers: ['x/y', 'x/z'] },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'x' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } },
    template: {
      metadata: { labels: { app: 'x' } },
      spec: {
        containers: [
          { name: 'c', image: 'i', ports: [{ containerPort: 80 }], resources: { limits: { cpu: '1', memory: '1Gi' } } },
          { name: 'd', image: 'i', env: [{ name: 'X', value: '1' }] },
        ],
        volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Gi' } }],
      },
    },
  },
  status: { conditions: [{ type: 'Available', status: 'True', lastUpdateTime: '2026-01-01T00:00:00Z' }] },
};

const oddValues: readonly unknown[] = [
  null,
  true,
  0,
  -0,
  -1,
  1.5,
  1e300,
  2 ** 63,
  '',
  'x',
  '1e999999999',
  '\ud800',
  '0001-01-01T00:00:00Z',
  'a'.repeat(5000),
  [],
  {},
  [null],
  [[[[]]]],
  [{}],
  { '': {} },
  JSON.parse('{"__proto__":{"a":1},"constructor":null,"toString":[]}'),
  { $patch: 'replace' },
  { $patch: 'delete' },
  { $patch: 7 },
  [{ $patch: 'delete', name: 'c' }],
  [{ $patch: 'replace' }],
  { $retainKeys: ['a'] },
  { '$setElementOrder/containers': [{ name: 'd' }, {}] },
  { '$deleteFromPrimitiveList/finalizers': 'x' },
];
const oddKeys = [
  '__proto__',
  'constructor',
  '$patch',
  '$retainKeys',
  '$setElementOrder/containers',
  'spec',
  'name',
  '',
];

const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!;

/** A copy with a few values replaced, removed or added. */
function mutate(random: Random, value: unknown, rate = 0.08): unknown {
  if (random.next() < rate) return structuredClone(pick(random, oddValues));
  if (Array.isArray(value)) {
    const out = value.map((element) => mutate(random, element, rate));
    if (random.next() < rate && out.length) out.push(structuredClone(pick(random, out)));
    return out;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(() => random.next() > rate / 2)
    .map(([key, child]) => [key, mutate(random, child, rate)] as const);
  if (random.next() < rate) entries.push([pick(random, oddKeys), structuredClone(pick(random, oddValues))]);
  return Object.fromEntries(entries);
}

/** Runs something that may refuse; any other failure is reported with what caused it. */
function refusing<T>(what: unknown, run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof StatusError && error.code >= 400 && error.code < 500) return undefined;
    const shown = what instanceof Uint8Array ? Buffer.from(what).toString('hex') : JSON.stringify(what);
    throw new Error(`${String(error)} from ${shown?.slice(0, 2000)}`, { cause: error });
  }
}

const live = (() => {
  const { object } = canonicalize<KubeObject>(struct, document);
  const owner = { manager: 'm', apiVersion: 'apps/v1', now: 0 };
  updateManagedFields({ struct, live: undefined, object, owner });
  return deepFreeze(object) as Shared<KubeObject>;
})();

const rounds = 400;
const each = (seed: number, run: (random: Random) => void) => {
  const random = seededRandom(seed);
  for (let i = 0; i < rounds; i++) run(random);
  expect(({} as Record<string, unknown>)['a']).toBeUndefined();
};

describe('mutated input', () => {
  it('decodes to a canonical object or is refused', () => {
    each(1, (random) => {
      const value = mutate(random, document);
      const first = refusing(value, () => canonicalize(struct, value));
      if (first) expect(canonicalize(struct, first.object)).toEqual({ object: first.object, problems: [] });
    });
  });

  it('is parsed as JSON and YAML or refused', () => {
    each(2, (random) => {
      const bytes = Buffer.from(JSON.stringify(mutate(random, document)));
      for (let i = random.below(6); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256);
      refusing(bytes, () => parseJson(bytes));
      refusing(bytes, () => parseYaml(bytes.subarray(0, 400)));
    });
  });

  it('goes through protobuf and back, whole or damaged', () => {
    each(3, (random) => {
      const value = mutate(random, document);
      const object = refusing(value, () => canonicalize(struct, value).object);
      if (!object) return;
      const bytes = Buffer.from(encodeProtobuf({ apiVersion: 'apps/v1', kind: 'Deployment', struct }, object));
      for (let i = random.below(4); i > 0; i--) bytes[4 + random.below(bytes.length - 4)] = random.below(256);
      refusing(bytes, () => canonicalize(struct, decodeProtobuf(bytes).decode(struct)));
      refusing(bytes, () => decodeProtobuf(bytes.subarray(0, random.below(bytes.length))).decode(struct));
    });
  });

  it('patches by merging or is refused', () => {
    each(4, (random) => {
      const patch = mutate(random, document, 0.15);
      for (const apply of [applyMergePatch, applyStrategicMerge.bind(undefined, struct)]) {
        const result = refusing(patch, () => apply(live, patch));
        refusing(patch, () => canonicalize(struct, result));
      }
    });
  });

  it('patches by operations or is refused', () => {
    const paths = [
      '',
      '/',
      '/spec',
      '/spec/replicas',
      '/metadata/finalizers/0',
      '/metadata/finalizers/-',
      '/metadata/labels/a~1b',
      '/__proto__/x',
      '/spec/template/spec/containers/-1',
      '/x/y/z',
      'x',
      7,
    ];
    each(5, (random) => {
      const patch = Array.from({ length: 1 + random.below(4) }, () => ({
        op: pick(random, ['add', 'remove', 'replace', 'move', 'copy', 'test', 'frob', undefined]),
        path: pick(random, paths),
        from: pick(random, paths),
        ...(random.next() < 0.8 ? { value: structuredClone(pick(random, oddValues)) } : {}),
      }));
      const result = refusing(patch, () => applyJsonPatch(live, patch));
      if (result !== undefined) refusing(patch, () => canonicalize(struct, result));
    });
  });

  it('is applied or refused, and what is stored stays readable', () => {
    each(6, (random) => {
      const applied = mutate(random, document, 0.05) as Record<string, unknown>;
      if (typeof applied !== 'object' || applied === null || Array.isArray(applied)) return;
      const owner = { manager: pick(random, ['a', 'kubectl', 'm']), apiVersion: 'apps/v1', now: 1000 };
      const force = random.next() < 0.5;
      const base = random.next() < 0.3 ? undefined : live;
      const object = refusing(applied, () => applyPatch({ struct, live: base, applied, owner, force }));
      if (!object) return;
      const again = { ...document, apiVersion: 'apps/v1' };
      refusing(object, () => applyPatch({ struct, live: deepFreeze(object), applied: again, owner, force: true }));
    });
  });

  it('keeps managed fields whatever clients send as theirs', () => {
    each(7, (random) => {
      const sent = mutate(random, JSON.parse(JSON.stringify(live)), 0.05);
      const object = refusing(sent, () => canonicalize<KubeObject>(struct, sent).object);
      if (!object) return;
      updateManagedFields({ struct, live, object, owner: { manager: 'x', apiVersion: 'apps/v1', now: 1000 } });
    });
  });

  it('is read as a selector or refused', () => {
    const parts = [
      'a',
      'b/c',
      ' in ',
      ' notin ',
      '(',
      ')',
      ',',
      '=',
      '==',
      '!=',
      '!',
      '>',
      '<',
      '5',
      '',
      '\\',
      'é',
      '\n',
    ];
    each(8, (random) => {
      const text = Array.from({ length: random.below(9) }, () => pick(random, parts)).join('');
      const matcher = refusing(text, () => parseLabelSelector(text));
      if (matcher) expect(parseLabelSelector(matcher.toString()).toString()).toBe(matcher.toString());
      refusing(text, () => parseFieldSelector(text));
    });
  });
});
