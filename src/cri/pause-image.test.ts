import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imageArchitecture } from './oci-image.ts';
import { packPauseImage, pauseProgram } from './pause-image.ts';
import { readTar } from './tar.ts';

describe('the pause program', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`waits, and ends with 0 on ${signal}`, async () => {
      const dir = mkdtempSync(join(tmpdir(), 'pause-'));
      try {
        const path = join(dir, 'pause');
        writeFileSync(path, pauseProgram(imageArchitecture(process.arch)), { mode: 0o755 });
        const child = spawn(path, { stdio: 'ignore' });
        await once(child, 'spawn');
        // Until it waits for them (rt_sigtimedwait: 128 or 137), signals would end it the usual way.
        await expect.poll(() => readFileSync(`/proc/${child.pid}/syscall`, 'utf8')).toMatch(/^(128|137) /);
        // SIGCHLD must not end it; if it did, the exit code below would come without our signal.
        child.kill('SIGCHLD');
        child.kill(signal);
        expect(await once(child, 'exit')).toEqual([0, null]);
      } finally {
        rmSync(dir, { recursive: true });
      }
    });
  }

  it('is there for both usual architectures, small, and refused for others', () => {
    expect(pauseProgram('arm64').length).toBeLessThan(512);
    expect(pauseProgram('amd64').readUInt16LE(18)).toBe(62);
    expect(() => pauseProgram('s390x')).toThrow(/s390x/);
  });

  it('is packed the same way each time', () => {
    expect(packPauseImage('amd64').equals(packPauseImage('amd64'))).toBe(true);
  });

  it('is packed as an OCI layout', async () => {
    const names: string[] = [];
    const archive = packPauseImage('arm64');
    await readTar(
      (async function* () {
        yield archive;
      })(),
      {
        onMember(member) {
          names.push(member.name);
          return 'skip';
        },
      },
    );
    expect(names.slice(0, 2)).toEqual(['oci-layout', 'index.json']);
    expect(names.filter((name) => name.startsWith('blobs/sha256/'))).toHaveLength(3);
  });
});
