import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { brokenStores } from './broken-stores.ts';
import { checkHistory, recordHistory } from './history.ts';
import { isLinearizable, type Operation } from './linearizability.ts';

const root = mkdtempSync(join(tmpdir(), 'timonel-history-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const seeds = Number(process.env['TIMONEL_HISTORY_SEEDS'] ?? 5);

const record = (store: Store, seed: number, options: { settleMs?: number } = {}) =>
  recordHistory([store], {
    random: seededRandom(seed),
    root: '/registry/h/',
    clients: 6,
    steps: 80,
    pause: turn,
    ...options,
  });

describe('the linearizability checker', () => {
  const write = (value: string, called: number, returned: number, more: Partial<Operation> = {}): Operation => ({
    client: 'c',
    key: 'k',
    kind: 'write',
    value,
    outcome: 'ok',
    called,
    returned,
    ...more,
  });
  const read = (value: string | null, called: number, returned: number): Operation => ({
    ...write(value ?? '', called, returned),
    kind: 'read',
    value,
  });

  it('accepts overlapping operations in whichever order explains the reads', () => {
    expect(isLinearizable([write('a', 0, 10), write('b', 1, 9), read('a', 11, 12)])).toBe(true);
    expect(isLinearizable([write('a', 0, 10), write('b', 1, 9), read('b', 11, 12)])).toBe(true);
    expect(isLinearizable([write('a', 0, 10), read(null, 2, 3), read('a', 4, 5)])).toBe(true);
  });

  it('rejects a stale read, a read that goes back, a value from nowhere and a lost update', () => {
    expect(isLinearizable([write('a', 0, 1), write('b', 2, 3), read('a', 4, 5)])).toBe(false);
    expect(isLinearizable([write('a', 0, 10), read('a', 2, 3), read(null, 4, 5)])).toBe(false);
    expect(isLinearizable([write('a', 0, 1), read('x', 2, 3)])).toBe(false);
    const cas = { expected: 'a' };
    expect(isLinearizable([write('a', 0, 1), write('b', 2, 9, cas), write('c', 3, 8, cas)])).toBe(false);
  });

  it('lets a write of unknown outcome happen late, or never, but not twice', () => {
    const unknown = write('b', 2, Number.POSITIVE_INFINITY, { outcome: 'unknown' });
    expect(isLinearizable([write('a', 0, 1), unknown, read('a', 5, 6), read('b', 7, 8)])).toBe(true);
    expect(isLinearizable([write('a', 0, 1), unknown, read('a', 5, 6)])).toBe(true);
    expect(isLinearizable([write('a', 0, 1), unknown, read('b', 5, 6), write('c', 7, 8), read('b', 9, 10)])).toBe(
      false,
    );
  });

  it('takes a lost compare-and-set for a read of what it found', () => {
    const lost = { expected: 'x', outcome: 'conflict', found: 'a' } as const;
    expect(isLinearizable([write('a', 0, 1), write('b', 2, 3, lost)])).toBe(true);
    expect(isLinearizable([write('a', 0, 1), write('c', 2, 3), write('b', 4, 5, lost)])).toBe(false);
  });
});

describe('histories of concurrent clients', () => {
  it('are without fault on the memory store', async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const store = openMemoryStore();
      expect(checkHistory(await record(store, seed)), `seed ${seed}`).toEqual([]);
      await store.close();
    }
  });

  it('are without fault on the SQLite store, while it compacts', async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const store = await openSqliteStore({ path: join(root, `${seed}`, 'store.db') });
      let running = true;
      const compaction = (async () => {
        while (running) {
          await store.compact(Math.max(0, (await store.currentRevision()) - 60));
          await turn();
        }
      })();
      expect(checkHistory(await record(store, seed)), `seed ${seed}`).toEqual([]);
      running = false;
      await compaction;
      await store.close();
    }
  });

  for (const [name, breakStore] of Object.entries(brokenStores)) {
    it(`show a store that ${name}`, async () => {
      let problems: string[] = [];
      for (let seed = 1; seed <= 5 && problems.length === 0; seed++) {
        problems = checkHistory(await record(breakStore(openMemoryStore()), seed, { settleMs: 500 }));
      }
      expect(problems).not.toEqual([]);
    });
  }
});
