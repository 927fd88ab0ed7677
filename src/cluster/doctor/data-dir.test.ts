import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificateLifetimeMs } from '../../base/pki.ts';
import type { ClusterConfig } from '../config.ts';
import { ensurePki } from '../pki.ts';
import { examineDataDir } from './data-dir.ts';

const now = 1_800_000_000_000;
const day = 86_400_000;
let dataDir: string;
let config: ClusterConfig;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'timonel-doctor-'));
  mkdirSync(join(dataDir, 'logs'), { mode: 0o700 });
  ensurePki(join(dataDir, 'pki'), { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] }, now);
  writeFileSync(join(dataDir, 'state.db'), 'x', { mode: 0o600 });
  config = { dataDir, store: 'sqlite', runtime: 'sim', etcdEndpoints: [] as string[] } as ClusterConfig;
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const found = async (at = now) =>
  (await examineDataDir(config, at))
    .filter((finding) => finding.verdict !== 'ok')
    .map(({ check, verdict, message }) => `${verdict} ${check}: ${message.replaceAll(`${dataDir}/`, '')}`);

describe('the data dir', () => {
  it('is well as it is made', async () => {
    expect(await found()).toEqual([]);
  });

  it('warns of certificates that are near their end, and is broken when they are past it or not yet valid', async () => {
    const later = await found(now + certificateLifetimeMs - 10 * day);
    expect(later).toContain('warning certificates: pki/apiserver.crt ends in 10 days');
    expect(await found(now + certificateLifetimeMs + 3 * day)).toContain(
      'broken certificates: pki/admin.crt has ended 3 days ago',
    );
    expect((await found(now - day)).filter((line) => line.includes('is not valid before'))).toHaveLength(6);
  });

  it('is broken when a certificate does not belong to its key, or is none', async () => {
    const other = ensurePki(join(dataDir, 'other'), { dnsNames: [], ipAddresses: [] }, now);
    writeFileSync(join(dataDir, 'pki/admin.key'), other.admin.key);
    writeFileSync(join(dataDir, 'pki/apiserver.crt'), 'nothing');
    expect(await found()).toEqual([
      'broken certificates: pki/admin.crt does not belong to its key',
      expect.stringMatching(/^broken certificates: pki\/apiserver\.crt: /),
    ]);
  });

  it('is broken when others may read a key, the lock of the database or the logs, or the database is gone', async () => {
    writeFileSync(join(dataDir, 'state.db-lock'), 'x');
    for (const [file, mode] of [
      ['pki/sa.key', 0o604],
      ['state.db-lock', 0o640],
      ['logs', 0o755],
    ] as const)
      chmodSync(join(dataDir, file), mode);
    rmSync(join(dataDir, 'state.db'));
    expect(await found()).toEqual([
      'broken permissions: others may get at logs (755), state.db-lock (640), pki/sa.key (604)',
      'broken store: state.db is missing or empty',
    ]);
  });
});
