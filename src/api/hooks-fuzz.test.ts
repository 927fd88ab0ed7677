/** Whatever the decoder lets through, no hook of a kind fails on it: bad objects are refused, never a crash. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../base/random.ts';
import type { Kind, KubeObject } from './kind.ts';
import { builtinKinds } from './kinds.gen.ts';
import { canonicalize } from './machinery/decode.ts';
import { fieldErrorMessage } from './machinery/field-error.ts';

const fixtures = join(import.meta.dirname, '../../../shared/fixtures/roundtrip-v1.36');
const rounds = Number(process.env['FUZZ_ROUNDS'] ?? 150);
const seed = Number(process.env['FUZZ_SEED'] ?? 0);

const oddities: readonly unknown[] = [
  null,
  true,
  false,
  -1,
  0,
  1,
  70000,
  2 ** 53,
  2n ** 63n - 1n,
  -(2n ** 53n),
  '',
  'x',
  '0',
  '-1',
  '/',
  '\\',
  '%',
  '*',
  'a/b/c',
  '10.0.0.0/8',
  '::1',
  '100Gi',
  '50%',
  '1e400',
  'a'.repeat(300),
  '2026-01-01T00:00:00Z',
  [],
  {},
  [null],
  [''],
  ['a', 'a'],
  { '': '' },
  { toString: 'x', constructor: 'y' },
];

/** A copy with one place changed to something odd, taken away or repeated. */
function mutate(value: unknown, random: Random): unknown {
  const odd = () => structuredClone(oddities[random.below(oddities.length)]);
  if (typeof value !== 'object' || value === null || random.next() < 0.1) return odd();
  if (Array.isArray(value)) {
    if (value.length === 0 || random.next() < 0.2) return [...value, ...value];
    const at = random.below(value.length);
    return value.map((item, i) => (i === at ? mutate(item, random) : item));
  }
  const keys = Object.keys(value);
  if (keys.length === 0) return odd();
  const key = keys[random.below(keys.length)]!;
  const { [key]: old, ...rest } = value as Record<string, unknown>;
  return random.next() < 0.15 ? rest : { ...rest, [key]: mutate(old, random) };
}

function decoded(kind: Kind, value: unknown): KubeObject | undefined {
  try {
    return canonicalize<KubeObject>(kind.struct, value).object;
  } catch {
    return undefined;
  }
}

function runHooks(kind: Kind, object: KubeObject, old: KubeObject): void {
  const context = { now: 0 };
  kind.defaults?.(object);
  const created = structuredClone(object);
  kind.prepareCreate?.(created, context);
  const updated = structuredClone(object);
  kind.prepareUpdate?.(updated, old, context);
  const reported = structuredClone(object);
  kind.prepareStatusUpdate?.(reported, old, context);
  const errors = [
    ...(kind.validate?.(created) ?? []),
    ...(kind.validateCreate?.(created) ?? []),
    ...(kind.validate?.(updated, old) ?? []),
    ...(kind.validateUpdate?.(updated, old) ?? []),
    ...(kind.validateStatusUpdate?.(reported, old) ?? []),
    ...['ephemeralcontainers', 'resize', 'approval'].flatMap(
      (name) => kind.validateSubresourceUpdate?.(name, object, old) ?? [],
    ),
  ];
  for (const error of errors) fieldErrorMessage(error);
  for (const each of [created, updated, reported]) {
    kind.warnings?.(each);
    kind.gracePeriodSeconds?.(each);
    for (const column of kind.columns ?? []) column.cell(each, 0);
    for (const label of Object.values(kind.fieldLabels ?? {})) label(each);
  }
  if (!kind.storedAs) return;
  const stored = kind.storedAs.toStorage(structuredClone(object));
  kind.storedAs.validate?.(stored, undefined);
  kind.storedAs.validate?.(stored, kind.storedAs.toStorage(structuredClone(old)));
  kind.storedAs.fromStorage(stored);
}

const cases = (existsSync(fixtures) ? readdirSync(fixtures) : [])
  .filter((file) => file.endsWith('.json'))
  .flatMap((file) => {
    const object = JSON.parse(readFileSync(`${fixtures}/${file}`, 'utf8')) as KubeObject;
    const kind = builtinKinds.find((k) => k.apiVersion === object.apiVersion && k.kind === object.kind);
    return kind ? [[`${object.apiVersion} ${object.kind}`, kind, object] as const] : [];
  });

describe.skipIf(cases.length === 0)('hooks do not fail on odd objects (needs the shared fixtures folder)', () => {
  it.each(cases)('%s', (name, kind, fixture) => {
    const random = seededRandom(seed + name.length);
    const old = decoded(kind, fixture)!;
    kind.defaults?.(old);
    for (let i = 0; i < rounds; i++) {
      const { apiVersion, kind: kindName, metadata, ...rest } = fixture as KubeObject & Record<string, unknown>;
      let changed: unknown = rest;
      for (let changes = 1 + random.below(6); changes > 0; changes--) changed = mutate(changed, random);
      const value = { apiVersion, kind: kindName, metadata, ...(changed as object | null) };
      const object = decoded(kind, value);
      if (object) expect(() => runHooks(kind, object, old), JSON.stringify(value)).not.toThrow();
    }
  });
});
