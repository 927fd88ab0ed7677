import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { KubeObject, Shared } from './kind.ts';
import { builtinKinds } from './kinds.gen.ts';
import { canonicalize } from './machinery/decode.ts';

const fixtures = join(import.meta.dirname, '../../../shared/fixtures/roundtrip-v1.36');
const label = (kind: { apiVersion: string; kind: string }) => `${kind.apiVersion} ${kind.kind}`;

describe('the built-in kinds', () => {
  it('have a schema each', () => {
    for (const kind of builtinKinds) expect(kind.struct.name, label(kind)).toBe(kind.kind);
  });

  it('are each known once by their resource', () => {
    const names = builtinKinds.map((k) => `${k.plural}.${k.version}.${k.group}`);
    expect(names.filter((name, i) => names.indexOf(name) < i)).toEqual([]);
  });

  it('agree with their schema on whether they have namespaces', () => {
    for (const kind of builtinKinds) expect(kind.struct.cluster, label(kind)).toBe(kind.scope === 'Cluster');
  });

  it('are each defined in a file of their own', () => {
    const files = readdirSync(import.meta.dirname, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /^[^.]+\.ts$/.test(entry.name))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
    const counts = files.map((text) => [...text.matchAll(/^export const \w+ = defineKind\b/gm)].length);
    expect(Math.max(...counts)).toBe(1);
    expect(counts.reduce((a, b) => a + b)).toBe(builtinKinds.length);
  });

  it('that are stored as another kind name one that is stored as itself', () => {
    for (const kind of builtinKinds) if (kind.storedAs) expect(kind.storedAs.kind().storedAs).toBeUndefined();
  });

  it('have short names that mean one resource', () => {
    const owners = new Map<string, Set<string>>();
    for (const kind of builtinKinds) {
      for (const name of kind.shortNames ?? []) owners.set(name, (owners.get(name) ?? new Set()).add(kind.plural));
    }
    for (const [name, plurals] of owners) expect([...plurals], name).toHaveLength(1);
  });
});

const files = existsSync(fixtures) ? readdirSync(fixtures).filter((file) => file.endsWith('.json')) : [];

describe.skipIf(files.length === 0)('upstream objects with every field set (needs the shared fixtures folder)', () => {
  const objects = files.map((file) => JSON.parse(readFileSync(join(fixtures, file), 'utf8')) as KubeObject);
  const cases = objects.flatMap((object) => {
    const kind = builtinKinds.find((k) => k.apiVersion === object.apiVersion && k.kind === object.kind);
    return kind ? [{ name: label(kind), kind, object }] : [];
  });

  it('cover most kinds', () => expect(cases.length).toBeGreaterThan(55));

  it.each(cases)('$name passes every hook', ({ kind, object }) => {
    const stored = canonicalize<KubeObject>(kind.struct, object).object;
    kind.defaults?.(stored);
    const once = structuredClone(stored);
    kind.defaults?.(stored);
    expect(stored, 'defaults are set once').toEqual(once);
    const context = { now: 0 };
    const shared = stored as Shared<KubeObject>;
    kind.prepareCreate?.(structuredClone(stored), context);
    kind.prepareUpdate?.(structuredClone(stored), shared, context);
    kind.prepareStatusUpdate?.(structuredClone(stored), shared, context);
    for (const errors of [
      kind.validate?.(shared),
      kind.validateCreate?.(shared),
      kind.validateUpdate?.(shared, shared),
      kind.validateStatusUpdate?.(shared, shared),
    ]) {
      for (const error of errors ?? []) expect(error).toMatchObject({ path: expect.any(String) });
    }
    kind.warnings?.(shared, shared);
    for (const column of kind.columns ?? []) expect(column.cell(shared, 0)).toBeDefined();
    for (const read of Object.values(kind.fieldLabels ?? {})) expect(read(shared)).toEqual(expect.any(String));
  });

  it.each(cases.filter(({ kind }) => kind.storedAs))(
    '$name survives the way to storage and back',
    ({ kind, object }) => {
      const { object: served } = canonicalize<KubeObject>(kind.struct, object);
      const stored = kind.storedAs!.toStorage(structuredClone(served));
      expect(label(stored)).toBe(label(kind.storedAs!.kind()));
      expect(kind.storedAs!.fromStorage(stored)).toEqual(served);
    },
  );
});
