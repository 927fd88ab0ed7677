import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/clock.ts';
import { openMemoryStore } from './memory.ts';
import { listSnapshots, restoreSnapshot, saveSnapshot, snapshotName } from './snapshot.ts';
import { openSqliteStore } from './sqlite.ts';
import type { Store } from './store.ts';

const root = mkdtempSync(join(tmpdir(), 'timonel-snapshot-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(root, 'd'));
});

const clock = new VirtualClock(Date.UTC(2026, 4, 1, 12));
const save = (store: Store, clusterId = 'c1') =>
  saveSnapshot(store, { directory: join(directory, 'snapshots'), clusterId, writtenBy: '0.1.0', clock });
const put = (store: Store, key: string, value: string) => store.commit([{ key, value: Buffer.from(value) }]);

async function contents(store: Store): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  const { entries } = await store.load('');
  for await (const batch of entries) for (const { key, value } of batch) all[key] = Buffer.from(value).toString();
  return all;
}

describe('snapshots', () => {
  it('move a cluster from one backend to another and back, with revisions that no client has seen', async () => {
    const memory = openMemoryStore();
    for (let i = 0; i < 1200; i++) await put(memory, `/registry/things/k${i}`, `value ${i} ${'ü'.repeat(i % 50)}`);
    await put(memory, '/registry/things/empty', '');
    const first = await save(memory);
    const sqlite = await openSqliteStore({ path: join(directory, 'a', 'store.db'), clusterId: first.clusterId });
    await restoreSnapshot(first.path, sqlite);
    expect(await contents(sqlite)).toEqual(await contents(memory));
    const restored = await sqlite.get('/registry/things/k0');
    expect(restored?.revision).toBeGreaterThan(await memory.currentRevision());
    const second = await save(sqlite);
    await sqlite.close();
    const reopened = await openSqliteStore({ path: join(directory, 'a', 'store.db') });
    expect(await reopened.currentRevision()).toBe(second.revision);
    await reopened.close();
    const back = openMemoryStore();
    await restoreSnapshot(second.path, back);
    expect(await contents(back)).toEqual(await contents(memory));
    expect(await back.currentRevision()).toBeGreaterThan(second.revision);
  });

  it('are of one revision, though writes go on', async () => {
    const store = await openSqliteStore({ path: join(directory, 'b', 'store.db') });
    const value = Buffer.alloc(2000, 'x').toString();
    for (let i = 0; i < 3000; i++)
      await Promise.all([put(store, `/left/${i}`, value), put(store, `/right/${i}`, value)]);
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i++) {
        await store.commit([
          { key: `/left/${i % 3000}`, value: Buffer.from(`round ${i}`) },
          { key: `/right/${i % 3000}`, value: Buffer.from(`round ${i}`) },
        ]);
      }
    })();
    const info = await save(store);
    writing = false;
    await writer;
    await store.close();
    const copy = openMemoryStore();
    await restoreSnapshot(info.path, copy);
    const all = await contents(copy);
    for (let i = 0; i < 3000; i++) expect(all[`/left/${i}`]).toBe(all[`/right/${i}`]);
  });

  it('are listed newest first, with what they say of themselves, and private to their owner', async () => {
    const store = openMemoryStore();
    await put(store, '/a', '1');
    const one = await save(store);
    await put(store, '/a', '2');
    await clock.advance(60_000);
    const two = await save(store, 'c2');
    writeFileSync(join(directory, 'snapshots', 'notes.txt'), 'not one');
    writeFileSync(join(directory, 'snapshots', 'broken.timonel-snapshot'), 'not one either');
    const listed = await listSnapshots(join(directory, 'snapshots'));
    expect(listed).toEqual([two, one]);
    expect(snapshotName(two)).toBe(`20260501T120100Z-${two.revision}`);
    expect(statSync(two.path).mode & 0o777).toBe(0o600);
    expect(await listSnapshots(join(directory, 'nowhere'))).toEqual([]);
  });

  it('are refused when damaged at any place, cut short, of a newer format, or no snapshots; nothing is restored then', async () => {
    const store = openMemoryStore();
    for (let i = 0; i < 20; i++) await put(store, `/k${i}`, 'some value');
    const { path, sizeBytes } = await save(store);
    const bad = join(directory, 'bad');
    const target = openMemoryStore();
    for (let at = 20; at < sizeBytes; at += 37) {
      const bytes = readFileSync(path);
      bytes[at]! ^= 0x10;
      writeFileSync(bad, bytes);
      await expect(restoreSnapshot(bad, target), `byte ${at}`).rejects.toMatchObject({ name: 'StoreError' });
    }
    for (const size of [0, 10, 100, sizeBytes - 40, sizeBytes - 1]) {
      copyFileSync(path, bad);
      truncateSync(bad, size);
      await expect(restoreSnapshot(bad, target), `size ${size}`).rejects.toMatchObject({ code: 'corrupt' });
    }
    writeFileSync(bad, readFileSync(path, 'latin1').replace('"format":1', '"format":2'), 'latin1');
    await expect(restoreSnapshot(bad, target)).rejects.toMatchObject({ code: 'too-new' });
    expect(await contents(target)).toEqual({});
  });

  it('are not restored over data', async () => {
    const store = openMemoryStore();
    await put(store, '/a', '1');
    const { path } = await save(store);
    await expect(restoreSnapshot(path, store)).rejects.toThrow(/not empty/);
  });

  it('leave nothing behind when they fail', async () => {
    const store = openMemoryStore();
    await put(store, '/a', '1');
    const failing: Store = {
      ...store,
      backend: 'memory',
      load: async () => ({
        revision: 2,
        // biome-ignore lint/correctness/useYield: it fails before it yields.
        entries: (async function* () {
          throw new Error('the disk is on fire');
        })(),
      }),
    };
    await expect(save(failing)).rejects.toThrow(/on fire/);
    expect(readdirSync(join(directory, 'snapshots'))).toEqual([]);
  });
});
