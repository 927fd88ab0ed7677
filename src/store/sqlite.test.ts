import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { openSqliteStore } from './sqlite.ts';
import { Database } from './sqlite-database.ts';
import { migrations } from './sqlite-schema.ts';
import { describeStore } from './store.suite.ts';

const root = mkdtempSync(join(tmpdir(), 'timonel-sqlite-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let made = 0;
const newPath = () => join(root, `${++made}`, 'store.db');
const bytes = (value: string) => Buffer.from(value);

const contractPath = newPath();
describeStore({
  name: 'SQLite',
  open: () => openSqliteStore({ path: contractPath }),
  reopen: () => openSqliteStore({ path: contractPath }),
});

describe('the SQLite store', () => {
  it('keeps all its files to their owner, whatever the mask is and was', async () => {
    const folder = mkdtempSync(join(root, 'modes-'));
    const mask = process.umask(0);
    try {
      const modes = () =>
        readdirSync(folder)
          .map((name) => `${name} ${(statSync(join(folder, name)).mode & 0o777).toString(8)}`)
          .sort();
      for (let run = 0; run < 2; run++) {
        const store = await openSqliteStore({ path: join(folder, 'state.db') });
        await store.commit([{ key: `/a/${run}`, value: Buffer.from('x'), expectedRevision: 0 }]);
        expect(modes()).toEqual(expect.arrayContaining(['state.db-lock 600', 'state.db-wal 600']));
        expect(modes().filter((line) => !line.endsWith(' 600'))).toEqual([]);
        await store.close();
        for (const name of ['state.db', 'state.db-lock']) chmodSync(join(folder, name), 0o644);
      }
    } finally {
      process.umask(mask);
    }
  });

  it('is refused to a second server in the same process, and free again after close', async () => {
    const path = newPath();
    const first = await openSqliteStore({ path });
    await expect(openSqliteStore({ path })).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await first.close();
    await (await openSqliteStore({ path })).close();
  });

  it('belongs to a cluster: its own when none is named, else the named one for ever', async () => {
    const path = newPath();
    const first = await openSqliteStore({ path, clusterId: 'one' });
    expect(first.clusterId).toBe('one');
    await first.close();
    await expect(openSqliteStore({ path, clusterId: 'two' })).rejects.toMatchObject({
      code: 'wrong-cluster',
      message: `${path} belongs to cluster one, not two`,
    });
    const again = await openSqliteStore({ path });
    expect(again.clusterId).toBe('one');
    await again.close();
  });

  it('refuses the file of another program and leaves it alone', async () => {
    const path = newPath();
    await (await openSqliteStore({ path: join(path, '..', 'other.db') })).close();
    const other = new DatabaseSync(path);
    other.exec('CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)');
    other.close();
    const before = readFileSync(path);
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: 'wrong-cluster' });
    expect(readFileSync(path).equals(before)).toBe(true);
    writeFileSync(path, 'this is no database at all, but a text of some length that somebody put here'.repeat(100));
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('refuses a newer schema and brings an older one forward, all or nothing', async () => {
    const path = newPath();
    const store = await openSqliteStore({ path });
    await store.commit([{ key: '/a', value: bytes('one') }]);
    await store.close();
    const next = { version: 2, statements: ['CREATE TABLE extra (x)', "INSERT INTO extra VALUES ('moved')"] };
    const broken = { version: 2, statements: ['CREATE TABLE extra (x)', 'INSERT INTO missing VALUES (1)'] };
    expect(() => new Database({ path, migrations: [...migrations, broken] })).toThrow(/missing/);
    const moved = new Database({ path, migrations: [...migrations, next] });
    expect(Buffer.from(moved.get('/a')!.value).toString()).toBe('one');
    moved.close();
    await expect(openSqliteStore({ path })).rejects.toMatchObject({
      code: 'too-new',
      message: expect.stringContaining('schema version 2'),
    });
  });

  it('frees the space of forgotten versions', async () => {
    const database = new Database({ path: newPath() });
    const write = (key: string, value: string | null) => {
      const values = bytes(value ?? '');
      database.commit({
        counts: Int32Array.of(1),
        keys: [key],
        expected: Float64Array.of(-1),
        lengths: Int32Array.of(value === null ? -1 : values.length),
        values: new Uint8Array(values),
      });
    };
    for (let i = 0; i < 2000; i++) write(`/k${i % 10}`, `${i}`);
    for (let i = 0; i < 5; i++) write(`/k${i}`, null);
    expect(database.history('', 0, database.opened.revision).keys).toHaveLength(1000);
    database.compact(database.opened.revision - 2);
    while (database.sweep());
    const left = database.history('', database.opened.compacted * 1024 + 1023, database.opened.revision);
    expect(left.keys).toEqual(['/k3', '/k4']);
    const { load } = database.startLoad();
    const rows = database.continueLoad(load, '/', undefined);
    expect(rows.keys.filter((_, i) => rows.lengths[i]! >= 0)).toEqual(['/k5', '/k6', '/k7', '/k8', '/k9']);
    database.close();
  });
});
