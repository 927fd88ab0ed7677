/** Paths on a node that pods have a say in: sub paths, logs and their names. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import { readLog } from '../../src/kubelet/streaming/log-reader.ts';
import { resolveSubPath } from '../../src/kubelet/volumes/sub-path.ts';

let dir: string;
let volume: string;
let node: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'node-files-')));
  volume = join(dir, 'volume');
  node = join(dir, 'node');
  mkdirSync(volume);
  mkdirSync(node);
  writeFileSync(join(node, 'shadow'), 'root:secret');
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('a sub path', () => {
  const link = (target: string, at: string) => symlinkSync(target, join(volume, at));

  it.each<[string, () => unknown, string]>([
    ['a link to the node', () => link(node, 'a'), 'a'],
    ['a link to a file of the node', () => link(join(node, 'shadow'), 'a'), 'a'],
    ['a relative link', () => link('../node', 'a'), 'a'],
    ['a link to the root', () => link('/', 'a'), 'a/etc'],
    ['below a link', () => link(node, 'a'), 'a/made/by/the/kubelet'],
    ['a link to a link', () => [link('b', 'a'), link('../node', 'b')], 'a/x'],
    ['a link in a directory', () => [mkdirSync(join(volume, 'd')), link('../../node', 'd/a')], 'd/a/x'],
    ['a link to nothing, outside', () => link(join(node, 'new'), 'a'), 'a'],
    ['below a link to nothing', () => link(join(node, 'new'), 'a'), 'a/b'],
    ['a link to itself', () => link('a', 'a'), 'a'],
    ['a link to the parent', () => link('..', 'a'), 'a'],
    ['a link to a volume whose name begins the same', () => [mkdirSync(`${volume}-2`), link('../volume-2', 'a')], 'a'],
    ['through the process’s own links', () => link('/proc/self/root', 'a'), 'a/etc'],
    ['dots', () => undefined, '..'],
    ['dots inside', () => undefined, 'a/../../node'],
    ['dots behind a link', () => link('.', 'a'), 'a/..'],
    ['the root', () => undefined, '/etc'],
    ['a file in the way', () => writeFileSync(join(volume, 'a'), ''), 'a/b'],
  ])('of %s is refused, and nothing is made outside', (_, arrange, subPath) => {
    arrange();
    const before = [readdirSync(node), readdirSync(dir).sort()];
    expect(() => resolveSubPath(volume, subPath)).toThrow();
    expect([readdirSync(node), readdirSync(dir).sort()]).toEqual(before);
  });

  it.each(['a', 'a/b', './a', 'a//b', '...', '..a/b', 'a..'])('%s stays in the volume', (subPath) => {
    const made = resolveSubPath(volume, subPath);
    expect(relative(volume, realpathSync(made)).startsWith('../')).toBe(false);
    expect(existsSync(made)).toBe(true);
  });
});

describe('a log', () => {
  const line = (text: string) => `2026-01-01T00:00:00.000000000Z stdout F ${text}\n`;
  async function read(path: string, follow = false): Promise<string> {
    let text = '';
    const query = { follow, timestamps: false };
    const signal = AbortSignal.timeout(5000);
    for await (const piece of readLog({ path, running: async () => false }, query, { clock: realClock, signal }))
      text += piece;
    return text;
  }

  it('is read', async () => {
    writeFileSync(join(volume, '0.log'), line('hello'));
    expect(await read(join(volume, '0.log'))).toBe('hello\n');
  });

  it('that was made a link shows nothing of the node', async () => {
    writeFileSync(join(node, 'private.log'), line('of-the-node'));
    symlinkSync(join(node, 'private.log'), join(volume, '0.log'));
    await expect(read(join(volume, '0.log'))).rejects.toThrow('is not a file');
  });

  it('that is a directory or a device is none', async () => {
    mkdirSync(join(volume, '0.log'));
    await expect(read(join(volume, '0.log'))).rejects.toThrow('is not a file');
    await expect(read('/dev/zero')).rejects.toThrow('is not a file');
  });

  it('that becomes a link while it is followed shows nothing of the node', async () => {
    const path = join(volume, '0.log');
    writeFileSync(path, line('hello'));
    writeFileSync(join(node, 'private.log'), line('of-the-node'));
    let asked = 0;
    let text = '';
    const running = async () => {
      if (asked++ > 0) return false;
      renameSync(path, `${path}.old`);
      symlinkSync(join(node, 'private.log'), path);
      return true;
    };
    const pieces = readLog(
      { path, running },
      { follow: true, timestamps: false },
      { clock: realClock, signal: AbortSignal.timeout(5000) },
    );
    const all = (async () => {
      for await (const piece of pieces) text += piece;
    })();
    await all.catch(() => undefined);
    expect(text).toBe('hello\n');
  });
});
