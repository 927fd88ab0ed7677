/** Paths on a node that pods have a say in: sub paths, logs and their names. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import { mountsUnder, unmountAll } from '../../src/cri/mounts.ts';
import { readLog } from '../../src/kubelet/streaming/log-reader.ts';
import { bindSubPath } from '../../src/kubelet/volumes/sub-path.ts';

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
afterEach(() => {
  expect(unmountAll(dir)).toEqual([]);
  rmSync(dir, { recursive: true });
});

const missing = process.platform === 'linux' && process.getuid?.() === 0 ? undefined : 'mounting needs root on Linux';

describe.skipIf(missing)(`a sub path${missing ? ` (${missing})` : ''}`, () => {
  const link = (target: string, at: string) => symlinkSync(target, join(volume, at));
  const bind = (subPath: string) => bindSubPath({ volumePath: volume, subPath, target: join(dir, 'bound', '0') });

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
    ['a link to a volume whose name begins the same', () => [mkdirSync(`${volume}-2`), link(`${volume}-2`, 'a')], 'a'],
    ['through the process’s own links', () => link('/proc/self/root', 'a'), 'a/etc'],
    ['dots', () => undefined, '..'],
    ['dots inside', () => undefined, 'a/../../node'],
    ['dots behind a link', () => link('.', 'a'), 'a/..'],
    ['the root', () => undefined, '/etc'],
    ['a file in the way', () => writeFileSync(join(volume, 'a'), ''), 'a/b'],
  ])('of %s is refused, and nothing is made outside', async (_, arrange, subPath) => {
    arrange();
    const before = [readdirSync(node), readdirSync(dir).sort()];
    await expect(bind(subPath)).rejects.toThrow();
    expect([readdirSync(node), readdirSync(dir).sort()]).toEqual(before);
  });

  it.each(['a', 'a/b', './a', 'a//b', '...', '..a/b', 'a..'])('%s is made in the volume', async (subPath) => {
    chmodSync(volume, 0o2770);
    const bound = await bind(subPath);
    writeFileSync(join(bound, 'file'), 'written');
    expect(readFileSync(join(volume, subPath, 'file'), 'utf8')).toBe('written');
    expect(statSync(join(volume, subPath)).mode & 0o7777).toBe(0o2770);
  });

  it('may be a file', async () => {
    writeFileSync(join(volume, 'a'), 'text');
    expect(readFileSync(await bind('a'), 'utf8')).toBe('text');
  });

  it('follows links that stay in the volume', async () => {
    mkdirSync(join(volume, 'd/e'), { recursive: true });
    writeFileSync(join(volume, 'd/file'), 'text');
    link('d/e', 'relative');
    link(join(volume, 'd'), 'absolute');
    link('relative/../../absolute', 'both');
    expect(readFileSync(join(await bind('both'), 'file'), 'utf8')).toBe('text');
  });

  it('stays what was checked, when its name becomes a link before the runtime mounts it', async () => {
    mkdirSync(join(volume, 'a'));
    writeFileSync(join(volume, 'a/shadow'), 'of the volume');
    const bound = await bind('a');
    renameSync(join(volume, 'a'), join(volume, 'b'));
    link(node, 'a');
    expect(readFileSync(join(bound, 'shadow'), 'utf8')).toBe('of the volume');
    await expect(bind('a')).rejects.toThrow('leaves the volume');
  });

  it('is mounted once, and anew when something else has its name', async () => {
    writeFileSync(join(volume, 'a'), 'old');
    const bound = await bind('a');
    await bind('a');
    expect(mountsUnder(bound)).toEqual([bound]);
    writeFileSync(join(volume, 'new'), 'new');
    renameSync(join(volume, 'new'), join(volume, 'a'));
    expect(readFileSync(await bind('a'), 'utf8')).toBe('new');
    rmSync(join(volume, 'a'));
    expect(statSync(await bind('a')).isDirectory()).toBe(true);
    expect(mountsUnder(bound)).toEqual([bound]);
  });

  it('never shows the node to a process that swaps it for a link all the time', async () => {
    mkdirSync(join(volume, 'a/b'), { recursive: true });
    writeFileSync(join(volume, 'a/b/shadow'), 'of the volume');
    mkdirSync(join(node, 'b'));
    writeFileSync(join(node, 'b/shadow'), 'of the node');
    const swapper = spawn(process.execPath, [
      '-e',
      `const { existsSync, renameSync, rmSync, symlinkSync, unlinkSync } = require('node:fs');
       const [volume, node] = process.argv.slice(1);
       process.chdir(volume);
       console.log('swapping');
       for (let i = 0; i < 2_000_000; i++) {
         try {
           renameSync('a', 'hidden'); symlinkSync(node, 'a'); unlinkSync('a'); renameSync('hidden', 'a');
         } catch { // The kubelet has made the directory that it missed.
           if (existsSync('hidden')) { rmSync('a', { recursive: true, force: true }); renameSync('hidden', 'a'); }
         }
       }`,
      volume,
      node,
    ]);
    const exited = once(swapper, 'exit');
    try {
      await once(swapper.stdout, 'data');
      const seen: string[] = [];
      for (let i = 0; i < 150; i++) {
        try {
          seen.push(readFileSync(join(await bind('a/b'), 'shadow'), 'utf8'));
        } catch (error) {
          seen.push((error as Error).message);
        }
      }
      expect(seen).not.toContain('of the node');
      expect(readdirSync(join(node, 'b'))).toEqual(['shadow']);
    } finally {
      swapper.kill('SIGKILL');
      await exited;
    }
  });
});

describe('a log', () => {
  const line = (text: string) => `2026-01-01T00:00:00.000000000Z stdout F ${text}\n`;
  async function read(path: string, follow = false): Promise<string> {
    let text = '';
    const query = { follow, timestamps: false };
    const signal = AbortSignal.timeout(30_000);
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
      { clock: realClock, signal: AbortSignal.timeout(30_000) },
    );
    const all = (async () => {
      for await (const piece of pieces) text += piece;
    })();
    await all.catch(() => undefined);
    expect(text).toBe('hello\n');
  });
});
