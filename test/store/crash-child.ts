/**
 * Writes to a SQLite store as fast as it can until it is killed, and tells its parent what was acknowledged: a line
 * `try WRITER NUMBER` before each commit, `ack WRITER NUMBER REVISION` after it. Each writer has a pair of keys that one
 * commit writes with the same number. `ack-early` and `half` break the store, to show that the test sees it.
 */
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/store/sqlite.ts';

const [path, fault] = process.argv.slice(2) as [string, string];
// The parent starts the next child while it looks at what the last one left, and says from where to go on.
const startText = await new Promise<string>((resolve) => process.stdin.once('data', (chunk) => resolve(String(chunk))));
const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Has told the parent when it returns; waits while a slow parent lets the pipe fill up. */
function say(line: string): void {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(nothing, 0, 0, 1);
    }
  }
}

const store = await openSqliteStore({ path });
const padding = 'x'.repeat(1500);

async function write(writer: number): Promise<void> {
  for (let number = Number(startText) + 1; ; number++) {
    // Every seventh number is a deletion: then both keys must be gone.
    const value = number % 7 === 0 ? null : Buffer.from(`${number} ${padding}`);
    const writes = ['a', 'b'].map((half) => ({ key: `/crash/w${writer}/${half}`, value }));
    say(`try ${writer} ${number}`);
    if (fault === 'ack-early') {
      say(`ack ${writer} ${number} ${(await store.currentRevision()) + 1}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
      await store.commit(writes);
      continue;
    }
    if (fault === 'half') {
      await store.commit(writes.slice(0, 1));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const result = await store.commit(fault === 'half' ? writes.slice(1) : writes);
    if (!result.ok) throw new Error('a commit without expectation conflicted');
    say(`ack ${writer} ${number} ${result.revision}`);
  }
}

/** Compacts ever more of what the parent has seen, and nothing of what it has not. */
async function compact(): Promise<void> {
  const seen = await store.currentRevision();
  for (let revision = seen - 2000; ; revision = Math.min(seen, revision + 100)) {
    await store.compact(revision);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

say('ready');
await Promise.all([...Array.from({ length: 6 }, (_, writer) => write(writer)), compact()]);
