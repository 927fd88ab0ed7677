import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Payload, writeAtomically } from './atomic-writer.ts';

const payload = (files: Record<string, string>): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o640 }]));

describe('writeAtomically', () => {
  let base: string;
  let dir: string;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'atomic-'));
    dir = join(base, 'volume');
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  it('shows the files through one link, and keeps everything inside the directory', () => {
    expect(writeAtomically(dir, payload({ a: '1', 'sub/b': '2' }))).toBe(true);
    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('1');
    expect(readFileSync(join(dir, 'sub/b'), 'utf8')).toBe('2');
    expect(readlinkSync(join(dir, 'a'))).toBe('..data/a');
    expect(statSync(join(dir, 'a')).mode & 0o777).toBe(0o640);
    expect(readdirSync(base)).toEqual(['volume']);
  });

  it('changes all files at once and leaves nothing of the old ones', () => {
    writeAtomically(dir, payload({ a: '1', b: '1' }));
    const before = readlinkSync(join(dir, '..data'));
    expect(writeAtomically(dir, payload({ a: '1', b: '1' }))).toBe(false);
    expect(readlinkSync(join(dir, '..data'))).toBe(before);
    expect(writeAtomically(dir, payload({ a: '2', c: '2' }))).toBe(true);
    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('2');
    expect(existsSync(join(dir, 'b'))).toBe(false);
    expect(readdirSync(dir).filter((name) => name.startsWith('..')).length).toBe(2);
  });

  it('refuses paths that leave the volume', () => {
    expect(() => writeAtomically(dir, payload({ '../x': '1' }))).toThrow('leaves the volume');
  });
});
