import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PayloadFile, writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { resolveSubPath } from './sub-path.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'volume-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const files = (content: Record<string, string>) =>
  new Map<string, PayloadFile>(
    Object.entries(content).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o640 }]),
  );

describe('files that change all at once', () => {
  it('are seen under their names, with their modes, also in directories', () => {
    expect(writeAtomically(dir, files({ a: '1', 'd/b': '2' }))).toBe(true);
    expect(readFileSync(join(dir, 'a'), 'utf8') + readFileSync(join(dir, 'd/b'), 'utf8')).toBe('12');
    expect(statSync(join(dir, 'a')).mode & 0o777).toBe(0o640);
  });

  it('are replaced by one link, and files that are gone vanish', () => {
    writeAtomically(dir, files({ a: '1', old: 'x' }));
    const before = readdirSync(dir).find((name) => /^\.\.[^d]/.test(name))!;
    expect(writeAtomically(dir, files({ a: '2', fresh: 'y' }))).toBe(true);
    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('2');
    expect(readdirSync(dir).filter((name) => !name.startsWith('..'))).toEqual(['a', 'fresh']);
    expect(existsSync(join(dir, before))).toBe(false);
  });

  it('are left alone when nothing changed', () => {
    writeAtomically(dir, files({ a: '1' }));
    const inode = statSync(join(dir, 'a')).ino;
    expect(writeAtomically(dir, files({ a: '1' }))).toBe(false);
    expect(statSync(join(dir, 'a')).ino).toBe(inode);
  });

  it('may be none', () => {
    writeAtomically(dir, files({ a: '1' }));
    expect(writeAtomically(dir, files({}))).toBe(true);
    expect(readdirSync(dir).filter((name) => !name.startsWith('..'))).toEqual([]);
  });

  it('never leave the volume', () => {
    expect(() => writeAtomically(dir, files({ '../../escape': 'x' }))).toThrow(/leaves the volume/);
  });
});

describe('sub paths', () => {
  it('are made when they are missing', () => {
    expect(resolveSubPath(dir, 'a/b')).toBe(join(dir, 'a/b'));
    expect(statSync(join(dir, 'a/b')).isDirectory()).toBe(true);
  });

  it('follow links inside the volume only', () => {
    mkdirSync(join(dir, '..real'));
    symlinkSync('..real', join(dir, 'inside'));
    symlinkSync('/etc', join(dir, 'outside'));
    expect(resolveSubPath(dir, 'inside')).toBe(join(dir, '..real'));
    expect(() => resolveSubPath(dir, 'outside')).toThrow(/leaves the volume/);
    expect(() => resolveSubPath(dir, 'outside/ssh')).toThrow(/leaves the volume/);
  });

  it.each(['/etc', '../x', 'a/../../x'])('refuse %s', (path) => {
    expect(() => resolveSubPath(dir, path)).toThrow(/invalid subPath/);
  });
});

describe('host paths', () => {
  it('are checked by their type', () => {
    writeFileSync(join(dir, 'file'), '');
    expect(prepareHostPath({ path: join(dir, 'file'), type: 'File' })).toBe(join(dir, 'file'));
    expect(() => prepareHostPath({ path: join(dir, 'file'), type: 'Directory' })).toThrow(/is not a directory/);
    expect(() => prepareHostPath({ path: join(dir, 'none'), type: 'File' })).toThrow(/is not a file/);
    expect(() => prepareHostPath({ path: '/dev/null', type: 'Socket' })).toThrow(/is not a socket/);
    expect(prepareHostPath({ path: '/dev/null', type: 'CharDevice' })).toBe('/dev/null');
    expect(prepareHostPath({ path: join(dir, 'anything') })).toBe(join(dir, 'anything'));
  });

  it('are made where the type says so', () => {
    prepareHostPath({ path: join(dir, 'x/y'), type: 'DirectoryOrCreate' });
    prepareHostPath({ path: join(dir, 'x/z'), type: 'FileOrCreate' });
    expect([statSync(join(dir, 'x/y')).isDirectory(), statSync(join(dir, 'x/z')).isFile()]).toEqual([true, true]);
    expect(() => prepareHostPath({ path: join(dir, 'no/file'), type: 'FileOrCreate' })).toThrow(/does not exist/);
  });
});
