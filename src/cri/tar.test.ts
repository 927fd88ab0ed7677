import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packTar, readTar } from './tar.ts';

async function* pieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function contents(archive: Uint8Array, pieceSize = 1000): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  await readTar(pieces(archive, pieceSize), {
    onMember: () => 'content',
    onContent: (member, content) => {
      found[member.name] = content.toString();
    },
  });
  return found;
}

describe('tar archives', () => {
  const long = `${'d'.repeat(90)}/${'f'.repeat(60)}`;

  it('are read as they were written, in whatever pieces they come', async () => {
    const archive = packTar([
      { name: 'a', type: 'file', content: Buffer.from('text') },
      { name: 'dir', type: 'directory' },
      { name: long, type: 'file', content: Buffer.alloc(1500, 'x') },
    ]);
    for (const size of [1, 512, 100_000]) {
      expect(await contents(archive, size)).toEqual({ a: 'text', dir: '', [long]: 'x'.repeat(1500) });
    }
  });

  it('are what the system’s tar understands, and the other way round', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tar-'));
    try {
      const file = join(dir, 'a.tar');
      writeFileSync(
        file,
        packTar([
          { name: 'bin/run', type: 'file', mode: 0o755, content: Buffer.from('#!') },
          { name: 'bin/link', type: 'symlink', linkTarget: 'run' },
        ]),
      );
      const listing = execFileSync('tar', ['tvf', file]).toString();
      expect(listing).toMatch(/-rwxr-xr-x .* bin\/run\n/);
      expect(listing).toMatch(/bin\/link -> run/);
      const deep = 'n'.repeat(150);
      writeFileSync(join(dir, deep), 'long');
      for (const format of ['gnu', 'pax']) {
        execFileSync('tar', ['--format', format, '-C', dir, '-cf', join(dir, 'b.tar'), deep]);
        const { readFileSync } = await import('node:fs');
        expect(await contents(readFileSync(join(dir, 'b.tar')))).toEqual({ [deep]: 'long' });
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('that are cut off are refused', async () => {
    const archive = packTar([{ name: 'a', type: 'file', content: Buffer.alloc(2000, 'x') }]);
    await expect(contents(archive.subarray(0, 1200))).rejects.toThrow(/cut off/);
  });

  it('are not made with paths that they cannot hold', () => {
    expect(() => packTar([{ name: 'x'.repeat(300), type: 'file' }])).toThrow(/too long/);
  });
});
