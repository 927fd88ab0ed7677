import { execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import { createObjectCache } from '../../src/store/cache.ts';
import { createJsonCodec } from '../../src/store/json-codec.ts';
import { saveSnapshot } from '../../src/store/snapshot.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';

const root = mkdtempSync(join(tmpdir(), 'timonel-damage-'));
const mounts: string[] = [];
afterEach(() => {
  for (const mount of mounts.splice(0)) execFileSync('umount', ['-l', mount]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

let made = 0;
const newPath = () => join(root, `${++made}`, 'store.db');
const open = (path: string) => openSqliteStore({ path, snapshotDir: join(dirname(path), 'snapshots') });
const put = (store: Store, i: number, size = 2000) =>
  store.commit([{ key: `/k${i}`, value: Buffer.alloc(size, i % 256) }]);

function canMount(): boolean {
  const probe = mkdtempSync(join(root, 'probe'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', probe], { stdio: 'ignore' });
    execFileSync('umount', [probe]);
    return true;
  } catch {
    return false;
  }
}

function mountTmpfs(size: string): string {
  const mount = mkdtempSync(join(root, 'tmpfs'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', mount]);
  mounts.push(mount);
  return mount;
}

/** The files of a store as a killed server leaves them: a database and a log that is not yet part of it. */
async function leftBehind(count: number): Promise<{ path: string; revision: number }> {
  const source = newPath();
  const store = await open(source);
  for (let i = 0; i < count; i++) await put(store, i);
  const revision = await store.currentRevision();
  const path = newPath();
  mkdirSync(dirname(path));
  for (const ending of ['', '-wal', '-acknowledged']) copyFileSync(source + ending, path + ending);
  await store.close();
  return { path, revision };
}

const filesOf = (path: string) =>
  Object.fromEntries(
    ['', '-wal', '-acknowledged'].map((ending) => [
      ending,
      existsSync(path + ending) ? readFileSync(path + ending).toString('base64') : '',
    ]),
  );

async function contentsOf(store: Store): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  const { entries } = await store.load('');
  for await (const batch of entries) for (const { key, value } of batch) all.set(key, value[0]!);
  return all;
}

describe('a damaged store', () => {
  it('opens when nothing is wrong with what a killed server left', async () => {
    const { path, revision } = await leftBehind(50);
    const store = await open(path);
    expect(await store.currentRevision()).toBe(revision);
    expect((await contentsOf(store)).size).toBe(50);
    await store.close();
  });

  it('is refused when a bit of its write-ahead log flipped, wherever that is, and kept as it was found', async () => {
    const { path } = await leftBehind(40);
    const good = readFileSync(`${path}-wal`);
    const random = seededRandom(5);
    let refused = 0;
    for (let round = 0; round < 25; round++) {
      const bad = Buffer.from(good);
      const at = random.below(bad.length);
      bad[at]! ^= 1 << random.below(8);
      writeFileSync(`${path}-wal`, bad);
      const before = filesOf(path);
      const result = await open(path).then(
        async (store) => {
          // Bytes that belong to nothing may change; what is there must then be all there is.
          const all = await contentsOf(store);
          await store.close();
          expect([...all.keys()], `byte ${at}`).toHaveLength(40);
          return 'opened';
        },
        (error) => error,
      );
      if (result === 'opened') break;
      refused++;
      expect(result, `byte ${at}`).toMatchObject({ code: 'corrupt', message: expect.stringContaining(path) });
      expect(filesOf(path), `byte ${at}`).toEqual(before);
    }
    expect(refused).toBeGreaterThan(0);
  });

  it('is refused when its write-ahead log was cut short or is gone', async () => {
    const { path, revision } = await leftBehind(40);
    const { size } = statSync(`${path}-wal`);
    for (const left of [size - 1, Math.floor(size / 2), 100, 0]) {
      truncateSync(`${path}-wal`, left);
      const before = filesOf(path);
      await expect(open(path), `${left} bytes left`).rejects.toMatchObject({
        code: 'corrupt',
        message: expect.stringMatching(new RegExp(`-wal .*damaged|${revision} was acknowledged|damaged`)),
      });
      expect(filesOf(path)).toEqual(before);
    }
  });

  it('takes a write that a crash cut off for what it is: one that was never acknowledged', async () => {
    const source = newPath();
    const store = await open(source);
    for (let i = 0; i < 20; i++) await put(store, i);
    const path = newPath();
    mkdirSync(dirname(path));
    copyFileSync(source, path);
    copyFileSync(`${source}-acknowledged`, `${path}-acknowledged`);
    await put(store, 20);
    copyFileSync(`${source}-wal`, `${path}-wal`);
    await store.close();
    truncateSync(`${path}-wal`, statSync(`${path}-wal`).size - 1000);
    const again = await open(path);
    expect((await contentsOf(again)).size).toBe(20);
    expect((await put(again, 99)).ok).toBe(true);
    await again.close();
  });

  it('is refused, or says so at the first read, when bits of the database flipped; the newest snapshot is named', async () => {
    const path = newPath();
    const store = await open(path);
    for (let i = 0; i < 200; i++) await put(store, i, 500);
    const snapshot = await saveSnapshot(store, {
      directory: join(dirname(path), 'snapshots'),
      clusterId: store.clusterId,
      writtenBy: 'test',
      clock: new VirtualClock(),
    });
    await store.close();
    const good = readFileSync(path);
    const random = seededRandom(9);
    let found = 0;
    for (let round = 0; round < 25; round++) {
      const bad = Buffer.from(good);
      bad[random.below(bad.length)]! ^= 1 << random.below(8);
      writeFileSync(path, bad);
      try {
        const opened = await open(path);
        try {
          const all = await contentsOf(opened);
          // A flipped bit in free space or in a counter is no damage to data.
          expect(all.size).toBe(200);
          for (let i = 0; i < 200; i++) expect(all.get(`/k${i}`)).toBe(i % 256);
        } finally {
          await opened.close();
        }
      } catch (error) {
        found++;
        expect(error).toMatchObject({ code: expect.stringMatching(/corrupt|wrong-cluster|too-new/) });
      }
    }
    expect(found).toBeGreaterThan(5);
    truncateSync(path, 20_000);
    await expect(open(path)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(snapshot.path),
    });
    rmSync(path);
    await expect(open(path)).rejects.toMatchObject({ code: 'corrupt', message: expect.stringContaining('is gone') });
  });

  it('is refused to a second process while the first lives, and free the moment the first was killed', async () => {
    const path = newPath();
    const script = new URL('./crash-child.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, path, 'none'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const closed = new Promise((resolve) => child.on('close', resolve));
    child.stdin.write('0\n');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.stdout.resume();
    await expect(open(path)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`process ${child.pid}`),
    });
    child.kill('SIGKILL');
    await closed;
    const store = await open(path);
    expect((await put(store, 1)).ok).toBe(true);
    await store.close();
  });

  it('does not depend on the wall clock, which may jump back', async () => {
    const clock = new VirtualClock();
    const behind = {
      ...clock,
      now: () => -1e12,
      monotonic: () => clock.monotonic(),
      after: clock.after.bind(clock),
      every: clock.every.bind(clock),
      sleep: clock.sleep.bind(clock),
    };
    const path = newPath();
    for (const each of [clock, behind]) {
      const store = await open(path);
      const before = await store.currentRevision();
      const cache = createObjectCache(store, { clock: each });
      const things = await cache.resource('/registry/things/', createJsonCodec<{ metadata: object }>());
      const result = await cache.commit([{ resource: things, key: '/registry/things/a', object: { metadata: {} } }]);
      expect(result.ok && result.revision).toBe(before + 1);
      await cache.close();
    }
  });
});

// Needs the right to mount a tmpfs: run as root, or in a user namespace with `unshare -rm`.
describe.skipIf(!canMount())('a store whose disk fails', () => {
  it('refuses writes on a full disk, keeps what it acknowledged, and goes on when there is space', async () => {
    const mount = mountTmpfs('16m');
    const path = join(mount, 'store.db');
    const filler = join(mount, 'filler');
    writeFileSync(filler, Buffer.alloc(8_000_000));
    const store = await open(path);
    const written: number[] = [];
    let refusal: unknown;
    for (let i = 0; i < 5000 && !refusal; i++) {
      await put(store, i, 20_000).then(
        () => written.push(i),
        (error) => {
          refusal = error;
        },
      );
    }
    expect(refusal).toMatchObject({ code: 'disk-full', message: expect.stringContaining(path) });
    expect(written.length).toBeGreaterThan(10);
    expect((await contentsOf(store)).size).toBe(written.length);
    rmSync(filler);
    expect((await put(store, 9999, 100)).ok).toBe(true);
    await store.close();
    const again = await open(path);
    expect((await contentsOf(again)).size).toBe(written.length + 1);
    await again.close();
  });

  it('says that the disk is read-only, and has everything again when it no longer is', async () => {
    const mount = mountTmpfs('16m');
    const path = join(mount, 'store.db');
    const store = await open(path);
    await put(store, 1);
    await store.close();
    execFileSync('mount', ['-o', 'remount,ro', mount]);
    await expect(open(path)).rejects.toMatchObject({ code: 'read-only', message: expect.stringContaining(path) });
    execFileSync('mount', ['-o', 'remount,rw', mount]);
    const again = await open(path);
    expect((await contentsOf(again)).size).toBe(1);
    await again.close();
    expect(readdirSync(mount)).toContain('store.db');
  });
});
