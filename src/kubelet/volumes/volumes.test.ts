import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { type PayloadFile, writeAtomically } from './atomic-writer.ts';
import { memorySize } from './empty-dir.ts';
import { prepareHostPath } from './host-path.ts';

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

describe('a directory in memory', () => {
  const pod = (...limits: (string | undefined)[]) =>
    ({
      spec: {
        containers: limits.map((memory, i) => ({ name: `c${i}`, resources: memory ? { limits: { memory } } : {} })),
      },
    }) as unknown as Shared<Pod>;

  it.each<[string, Shared<Pod>, string | undefined, number]>([
    ['its limit', pod(undefined), '8Mi', 8],
    ['its pod’s limits, when those are less', pod('4Mi', '2Mi'), '8Mi', 6],
    ['its pod’s limits, without one of its own', pod('4Mi'), undefined, 4],
    ['the node’s memory for pods, when a container has no limit', pod('4Mi', undefined), undefined, 100],
    ['the node’s memory for pods, at most', pod(undefined), '1Gi', 100],
    ['the node’s, where zero stands for none', pod(undefined), '0', 100],
  ])('is as large as %s', (_, some, sizeLimit, mebi) => {
    expect(memorySize(some, sizeLimit === undefined ? {} : { sizeLimit }, '100Mi')).toBe(mebi * 1024 ** 2);
  });
});

describe('host paths', () => {
  const prepare = (path: string, type?: string) => prepareHostPath(type === undefined ? { path } : { path, type });
  beforeEach(() => {
    writeFileSync(join(dir, 'file'), 'kept');
    symlinkSync(join(dir, 'file'), join(dir, 'link'));
    symlinkSync(dir, join(dir, 'dir-link'));
  });

  it.each([
    ['file', 'File'],
    ['link', 'File'],
    ['.', 'Directory'],
    ['dir-link', 'Directory'],
    ['dir-link/file', 'FileOrCreate'],
    ['dir-link', 'DirectoryOrCreate'],
    ['none', ''],
    ['none', undefined],
  ])('%s is taken as %s', (name, type) => {
    expect(prepare(join(dir, name), type)).toBe(join(dir, name));
    expect(existsSync(join(dir, 'none'))).toBe(false);
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('kept');
  });

  it.each([
    ['file', 'Directory', "is not a directory, it's a File"],
    ['file', 'DirectoryOrCreate', "is not a directory, it's a File"],
    ['dir-link', 'File', "is not a file, it's a Directory"],
    ['dir-link', 'FileOrCreate', "is not a file, it's a Directory"],
    ['file', 'Socket', "is not a socket file, it's a File"],
    ['file', 'BlockDevice', "is not a block device, it's a File"],
    ['file', 'CharDevice', "is not a character device, it's a File"],
    ['none', 'File', "doesn't exist"],
    ['none', 'Socket', "doesn't exist"],
    ['none/file', 'FileOrCreate', 'no such file or directory'],
    ['file', 'Pipe', 'Pipe is an invalid volume type'],
  ])('%s is not taken as %s', (name, type, why) => {
    expect(() => prepare(join(dir, name), type)).toThrow(why);
  });

  it('are devices and sockets, too', async () => {
    expect(prepare('/dev/null', 'CharDevice')).toBe('/dev/null');
    const server = createServer().listen(join(dir, 'socket'));
    await once(server, 'listening');
    expect(prepare(join(dir, 'socket'), 'Socket')).toBe(join(dir, 'socket'));
    server.close();
  });

  it('never lead upwards', () => {
    expect(() => prepareHostPath({ path: `${dir}/../x` })).toThrow("must not contain '..'");
  });

  it('are made where the type says so', () => {
    prepare(join(dir, 'x/y'), 'DirectoryOrCreate');
    prepare(join(dir, 'x/z'), 'FileOrCreate');
    expect([statSync(join(dir, 'x/y')).isDirectory(), statSync(join(dir, 'x/z')).isFile()]).toEqual([true, true]);
  });
});
