import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CommitResult, Store, StoreEntry, StoreError, StoreEvent } from './store.ts';

/** What the contract suite needs to know to test an implementation. */
export interface StoreUnderTest {
  readonly name: string;
  /** A new, empty store; or the one that is shared by all tests, which then use keys of their own. */
  open(): Promise<Store>;
  /** Opens another connection to the same data, or opens it again after `first` was closed; absent: data does not outlive a store. */
  reopen?(first: Store): Promise<Store>;
  /** Whether history before a compaction may still be served. */
  readonly keepsHistoryAfterCompaction?: boolean;
}

const text = (value: string) => Buffer.from(value);
const read = (entry: StoreEntry | undefined) => entry && Buffer.from(entry.value).toString();

/** Collects a watch's events; `until` resolves once there are so many. */
function collect(store: Store, prefix: string, after: number) {
  const events: StoreEvent[] = [];
  const revisions: number[] = [];
  const errors: StoreError[] = [];
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const each of waiting) each();
  };
  const watch = store.watch(prefix, after, {
    onEvents(batch, revision) {
      events.push(...batch);
      revisions.push(revision);
      changed();
    },
    onError(error) {
      errors.push(error);
      changed();
    },
  });
  const waitUntil = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!condition()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return {
    events,
    revisions,
    errors,
    close: () => watch.close(),
    until: (count: number) => waitUntil(() => events.length >= count),
    untilError: () => waitUntil(() => errors.length > 0),
    text: () =>
      events.map(({ type, key, value }) => `${type} ${key} ${value ? Buffer.from(value).toString() : ''}`.trim()),
  };
}

async function readAll(store: Store, prefix: string) {
  const { revision, entries } = await store.load(prefix);
  const all: StoreEntry[] = [];
  for await (const batch of entries) all.push(...batch);
  return { revision, all };
}

function committed(result: CommitResult): number {
  if (!result.ok) throw new Error(`unexpected conflict on ${result.conflicts.map((each) => each.key).join()}`);
  return result.revision;
}

/** The contract of {@link Store}, run against every implementation. */
export function describeStore(underTest: StoreUnderTest): void {
  describe(`the contract of a store: ${underTest.name}`, () => {
    let store: Store;
    let space = 0;
    let root = '';
    const put = async (name: string, value: string, expectedRevision?: number) =>
      store.commit([
        { key: root + name, value: text(value), ...(expectedRevision === undefined ? {} : { expectedRevision }) },
      ]);
    const remove = (name: string) => store.commit([{ key: root + name, value: null }]);

    beforeAll(async () => {
      store = await underTest.open();
    });
    afterAll(() => store.close());
    beforeEach(() => {
      root = `/registry/space${++space}/`;
    });

    it('has a positive revision when it is empty', async () => {
      expect(await store.currentRevision()).toBeGreaterThan(0);
      expect((await readAll(store, root)).all).toEqual([]);
      expect((await readAll(store, root)).revision).toBeGreaterThan(0);
    });

    it('gives every commit a revision of its own that is greater than those before', async () => {
      const revisions = await Promise.all(
        Array.from({ length: 50 }, async (_, i) => committed(await put(`k${i}`, 'v'))),
      );
      expect(new Set(revisions).size).toBe(50);
      const later = committed(await put('later', 'v'));
      expect(Math.max(...revisions)).toBeLessThan(later);
      expect(await store.currentRevision()).toBeGreaterThanOrEqual(later);
    });

    it('reads back what it wrote, with the revisions of creation and last change', async () => {
      const created = committed(await put('a', 'one'));
      const changed = committed(await put('a', 'two'));
      expect(await store.get(`${root}a`)).toMatchObject({
        key: `${root}a`,
        createRevision: created,
        revision: changed,
      });
      expect(read(await store.get(`${root}a`))).toBe('two');
      expect(await store.get(`${root}b`)).toBeUndefined();
    });

    it('keeps bytes as they are, also none and many', async () => {
      const every = Uint8Array.from({ length: 256 }, (_, i) => i);
      const large = new Uint8Array(1_000_000).fill(7);
      await store.commit([
        { key: `${root}every`, value: every },
        { key: `${root}none`, value: new Uint8Array() },
        { key: `${root}large`, value: large },
      ]);
      expect(Buffer.compare((await store.get(`${root}every`))!.value, every)).toBe(0);
      expect((await store.get(`${root}none`))!.value).toHaveLength(0);
      expect(Buffer.compare((await store.get(`${root}large`))!.value, large)).toBe(0);
      expect((await readAll(store, root)).all.map((entry) => entry.value.length)).toEqual([256, 1_000_000, 0]);
    });

    it('keeps keys that are not plain ASCII, and does not take them for prefixes or patterns', async () => {
      for (const name of ['ä', '日本', 'a%b', 'a_b', "a'b", 'a/b']) await put(name, name);
      const { all } = await readAll(store, root);
      expect(new Set(all.map(read))).toEqual(new Set(['ä', '日本', 'a%b', 'a_b', "a'b", 'a/b']));
      expect((await readAll(store, `${root}a_`)).all.map(read)).toEqual(['a_b']);
      expect((await readAll(store, `${root}a%`)).all.map(read)).toEqual(['a%b']);
    });

    it('creates only what is not there when 0 is expected', async () => {
      const created = committed(await put('a', 'one', 0));
      const again = await put('a', 'two', 0);
      expect(again.ok).toBe(false);
      if (!again.ok) {
        expect(again.conflicts.map(({ key, current }) => [key, read(current), current?.revision])).toEqual([
          [`${root}a`, 'one', created],
        ]);
      }
      await remove('a');
      expect((await put('a', 'three', 0)).ok).toBe(true);
    });

    it('updates only the expected revision, and says what is there otherwise', async () => {
      const one = committed(await put('a', 'one'));
      const two = committed(await put('a', 'two', one));
      const stale = await put('a', 'stale', one);
      expect(stale.ok).toBe(false);
      if (!stale.ok) expect(stale.conflicts[0]?.current?.revision).toBe(two);
      const absent = await put('b', 'never', one);
      expect(absent.ok).toBe(false);
      if (!absent.ok) expect(absent.conflicts).toEqual([{ key: `${root}b`, current: undefined }]);
      expect(read(await store.get(`${root}a`))).toBe('two');
      expect(await store.get(`${root}b`)).toBeUndefined();
    });

    it('deletes only the expected revision', async () => {
      const one = committed(await put('a', 'one'));
      await put('a', 'two');
      expect((await store.commit([{ key: `${root}a`, value: null, expectedRevision: one }])).ok).toBe(false);
      const { revision } = (await store.get(`${root}a`))!;
      expect((await store.commit([{ key: `${root}a`, value: null, expectedRevision: revision }])).ok).toBe(true);
      expect(await store.get(`${root}a`)).toBeUndefined();
    });

    it('lets exactly one of many racing writers win', async () => {
      const { revision } = { revision: committed(await put('a', 'start')) };
      const results = await Promise.all(Array.from({ length: 20 }, (_, i) => put('a', `writer ${i}`, revision)));
      const winners = results.flatMap((result, i) => (result.ok ? [i] : []));
      expect(winners).toHaveLength(1);
      expect(read(await store.get(`${root}a`))).toBe(`writer ${winners[0]}`);
      for (const result of results)
        if (!result.ok) expect(read(result.conflicts[0]?.current)).toBe(`writer ${winners[0]}`);
    });

    it('writes all keys of a commit at one revision, or none of them', async () => {
      const a = committed(await put('a', 'one'));
      const both = await store.commit([
        { key: `${root}a`, value: text('two'), expectedRevision: a },
        { key: `${root}b`, value: text('two'), expectedRevision: 0 },
      ]);
      expect(both.ok && both.revision).toBe((await store.get(`${root}a`))?.revision);
      expect(both.ok && both.revision).toBe((await store.get(`${root}b`))?.revision);
      const half = await store.commit([
        { key: `${root}c`, value: text('three'), expectedRevision: 0 },
        { key: `${root}b`, value: text('three'), expectedRevision: 0 },
      ]);
      expect(half.ok).toBe(false);
      if (!half.ok) expect(half.conflicts.map((each) => each.key)).toEqual([`${root}b`]);
      expect(await store.get(`${root}c`)).toBeUndefined();
      expect(read(await store.get(`${root}b`))).toBe('two');
    });

    it('refuses a commit that writes a key twice, nothing, or too much', async () => {
      const twice = [
        { key: `${root}a`, value: text('1') },
        { key: `${root}a`, value: text('2') },
      ];
      await expect(store.commit(twice)).rejects.toThrow(/once/);
      await expect(store.commit([])).rejects.toThrow(/at least one/);
      const many = Array.from({ length: 500 }, (_, i) => ({ key: `${root}k${i}`, value: text('x') }));
      await expect(store.commit(many)).rejects.toMatchObject({ code: 'too-large' });
      expect((await readAll(store, root)).all).toEqual([]);
    });

    it('loads a prefix in order, in batches, and nothing of its neighbours', async () => {
      const names = Array.from({ length: 2500 }, (_, i) => `k${String(i).padStart(5, '0')}`);
      for (let at = 0; at < names.length; at += 100) {
        await store.commit(names.slice(at, at + 100).map((name) => ({ key: root + name, value: text(name) })));
      }
      await store.commit([{ key: `${root.slice(0, -1)}x/other`, value: text('x') }]);
      await remove('k00007');
      const { revision, all } = await readAll(store, root);
      expect(all.map(read)).toEqual(names.filter((name) => name !== 'k00007'));
      expect(all.every((entry) => entry.revision <= revision)).toBe(true);
    });

    it('loads as of one revision while writes and compactions go on', async () => {
      const names = Array.from({ length: 2200 }, (_, i) => `k${String(i).padStart(5, '0')}`);
      for (let at = 0; at < names.length; at += 100) {
        await store.commit(names.slice(at, at + 100).map((name) => ({ key: root + name, value: text('before') })));
      }
      const { revision, entries } = await store.load(root);
      const seen: StoreEntry[] = [];
      for await (const batch of entries) {
        if (seen.length === 0) {
          await put('k01999', 'after');
          await remove('k02000');
          await put('k01999x', 'after');
          await store.compact(await store.currentRevision());
        }
        seen.push(...batch);
      }
      expect(seen.map((entry) => entry.key)).toEqual(names.map((name) => root + name));
      expect(seen.every((entry) => read(entry) === 'before' && entry.revision <= revision)).toBe(true);
    });

    it('watches what follows a revision: each change once, in order, with the values', async () => {
      await put('a', 'before');
      const start = await store.currentRevision();
      const watch = collect(store, root, start);
      const created = committed(await put('a', 'one'));
      const removed = committed(await remove('a'));
      await put('b', 'two');
      await store.commit([{ key: `${root.slice(0, -1)}x/other`, value: text('x') }]);
      await put('c', 'three');
      await watch.until(4);
      expect(watch.text()).toEqual([`put ${root}a one`, `delete ${root}a`, `put ${root}b two`, `put ${root}c three`]);
      expect(watch.events.slice(0, 2).map((event) => event.revision)).toEqual([created, removed]);
      expect(watch.events[0]!.createRevision).toBeLessThan(created);
      expect(watch.events[2]!.createRevision).toBe(watch.events[2]!.revision);
      watch.close();
    });

    it('watches from the past without a gap to what happens meanwhile', async () => {
      const start = await store.currentRevision();
      for (let i = 0; i < 30; i++) await put(`k${i % 3}`, `past ${i}`);
      const watch = collect(store, root, start);
      await Promise.all(Array.from({ length: 30 }, (_, i) => put(`n${i}`, `live ${i}`)));
      await watch.until(60);
      const revisions = watch.events.map((event) => event.revision);
      expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
      expect(watch.text().slice(0, 30)).toEqual(Array.from({ length: 30 }, (_, i) => `put ${root}k${i % 3} past ${i}`));
      const middle = collect(store, root, revisions[9]!);
      await middle.until(50);
      expect(middle.events.map((event) => event.revision)).toEqual(revisions.slice(10));
      watch.close();
      middle.close();
    });

    it('delivers whole revisions', async () => {
      const start = await store.currentRevision();
      const watch = collect(store, root, start);
      const names = ['a', 'b', 'c', 'd', 'e'];
      for (let i = 0; i < 5; i++) await store.commit(names.map((name) => ({ key: root + name, value: text(`${i}`) })));
      await watch.until(25);
      const past = collect(store, root, start);
      await past.until(25);
      for (const each of [watch, past]) {
        let seen = 0;
        for (const revision of each.revisions) {
          seen = each.events.filter((event) => event.revision <= revision).length;
          expect(seen % 5).toBe(0);
        }
        expect(seen).toBe(25);
        each.close();
      }
    });

    it('gives a watch on a future revision only what comes after it', async () => {
      const now = await store.currentRevision();
      const watch = collect(store, root, now + 2);
      await put('a', '1');
      await put('a', '2');
      await put('a', '3');
      await watch.until(1);
      expect(watch.text()).toEqual([`put ${root}a 3`]);
      watch.close();
    });

    it('delivers nothing after a watch was closed', async () => {
      const watch = collect(store, root, await store.currentRevision());
      const other = collect(store, root, await store.currentRevision());
      watch.close();
      await put('a', '1');
      await other.until(1);
      expect(watch.events).toEqual([]);
      other.close();
    });

    it('forgets history at compaction, but no current value and no later event', async () => {
      await put('a', 'one');
      await put('b', 'one');
      const start = await store.currentRevision();
      await put('a', 'two');
      await remove('b');
      const at = await store.currentRevision();
      const kept = collect(store, root, at);
      await put('c', 'three');
      await remove('c');
      await store.compact(at);
      const late = collect(store, root, at);
      await late.until(2);
      await kept.until(2);
      expect(late.text()).toEqual([`put ${root}c three`, `delete ${root}c`]);
      expect(late.text()).toEqual(kept.text());
      expect((await readAll(store, root)).all.map(read)).toEqual(['two']);
      if (!underTest.keepsHistoryAfterCompaction) {
        const gone = collect(store, root, start);
        await gone.untilError();
        expect(gone.errors[0]?.code).toBe('compacted');
        expect(gone.events).toEqual([]);
        gone.close();
      }
      await store.compact(at);
      expect(await store.currentRevision()).toBeGreaterThanOrEqual(at + 2);
      kept.close();
      late.close();
    });

    it('takes the deletion of what is not there for done, without an event', async () => {
      const watch = collect(store, root, await store.currentRevision());
      expect((await remove('never')).ok).toBe(true);
      await put('a', '1');
      await watch.until(1);
      expect(watch.text()).toEqual([`put ${root}a 1`]);
      watch.close();
    });

    const { reopen } = underTest;
    if (reopen) {
      it('has everything again after it was closed and opened, and revisions go on', async () => {
        await put('a', 'one');
        await put('b', 'two');
        await remove('a');
        const before = await store.currentRevision();
        const start = (await store.get(`${root}b`))!.revision - 1;
        await store.close();
        await expect(store.get(`${root}b`)).rejects.toMatchObject({ code: 'closed' });
        await expect(put('c', 'late')).rejects.toMatchObject({ code: 'closed' });
        store = await reopen(store);
        expect(await store.currentRevision()).toBeGreaterThanOrEqual(before);
        expect((await readAll(store, root)).all.map(read)).toEqual(['two']);
        expect(committed(await put('c', 'three'))).toBeGreaterThan(before);
        const watch = collect(store, root, start);
        await watch.until(3);
        expect(watch.text()).toEqual([`put ${root}b two`, `delete ${root}a`, `put ${root}c three`]);
        watch.close();
      });

      it('does not let the revision go back when the newest change was a deletion that compaction forgot', async () => {
        await put('a', 'one');
        await remove('a');
        const before = await store.currentRevision();
        await store.compact(before);
        await store.close();
        store = await reopen(store);
        expect(await store.currentRevision()).toBeGreaterThanOrEqual(before);
        expect(committed(await put('b', 'two'))).toBeGreaterThan(before);
      });
    }

    it('ends its watches when it is closed', async () => {
      const other = underTest.reopen ? undefined : await underTest.open();
      if (!other) return;
      const watch = collect(other, root, await other.currentRevision());
      await other.close();
      await watch.untilError();
      expect(watch.errors[0]?.code).toBe('closed');
    });
  });
}
