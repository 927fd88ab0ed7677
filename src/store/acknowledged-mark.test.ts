import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AcknowledgedMark, readAcknowledged } from './acknowledged-mark.ts';

const root = mkdtempSync(join(tmpdir(), 'timonel-mark-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('the mark of what was acknowledged', () => {
  it('says the newest revision and who acknowledged it', () => {
    const path = join(root, 'one');
    const mark = new AcknowledgedMark(path, 42);
    for (const revision of [1, 99, 12_345_678]) {
      mark.write(revision);
      expect(readAcknowledged(path)).toEqual({ revision, pid: 42 });
    }
    mark.close();
  });

  it('proves nothing when it is absent, empty, cut or changed', () => {
    const path = join(root, 'two');
    expect(readAcknowledged(path)).toBeUndefined();
    const mark = new AcknowledgedMark(path, 42);
    expect(readAcknowledged(path)).toBeUndefined();
    mark.close();
    for (const text of [
      'acknowledged 0000000000000007 by ',
      'acknowledged 0000000000000007 by 0000000042 00000000\n',
    ]) {
      writeFileSync(path, text);
      expect(readAcknowledged(path)).toBeUndefined();
    }
  });
});
