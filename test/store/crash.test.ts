import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store, StoreEvent } from '../../src/store/store.ts';

const root = mkdtempSync(join(tmpdir(), 'timonel-crash-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A longer run: TIMONEL_CRASH_ROUNDS=5000 TIMONEL_CRASH_SECONDS=3600 TIMONEL_CRASH_SEED=… */
const rounds = Number(process.env['TIMONEL_CRASH_ROUNDS'] ?? 200);
const seconds = Number(process.env['TIMONEL_CRASH_SECONDS'] ?? 60);
const seed = Number(process.env['TIMONEL_CRASH_SEED'] ?? 20260501);

interface Round {
  /** By writer: the newest number that was tried and that was acknowledged. */
  readonly tried: Map<number, number>;
  readonly acknowledged: Map<number, number>;
  readonly revisions: readonly { readonly revision: number; readonly writer: number; readonly number: number }[];
}

function spawnChild(path: string, fault: string) {
  const script = new URL('./crash-child.ts', import.meta.url).pathname;
  const env = { ...process.env, NODE_COMPILE_CACHE: join(root, 'compiled') };
  return spawn(process.execPath, [script, path, fault], { stdio: ['pipe', 'pipe', 'pipe'], env });
}

/** Lets a child write, kills it after a random time, and reads what it had said. */
function writeAndKill(child: ReturnType<typeof spawnChild>, start: number, random: Random): Promise<Round> {
  child.stdin.write(`${start}\n`);
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (out === '') setTimeout(() => child.kill('SIGKILL'), random.below(80));
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('close', () => {
      if (!out.startsWith('ready')) {
        reject(new Error(`the child did not start: ${errors}`));
        return;
      }
      const tried = new Map<number, number>();
      const acknowledged = new Map<number, number>();
      const revisions: Round['revisions'][number][] = [];
      for (const line of out.slice(0, out.lastIndexOf('\n')).split('\n')) {
        const [word, writer = 0, number = 0, revision = 0] = line
          .split(' ')
          .map((part, i) => (i === 0 ? part : Number(part))) as [string, number, number, number];
        if (word === 'try') tried.set(writer, number);
        if (word !== 'ack') continue;
        acknowledged.set(writer, number);
        revisions.push({ revision, writer, number });
      }
      resolve({ tried, acknowledged, revisions });
    });
  });
}

async function eventsAfter(store: Store, revision: number, upTo: number): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  if (upTo <= revision) return events;
  await new Promise<void>((resolve, reject) => {
    const watch = store.watch('', revision, {
      onEvents(batch, at) {
        events.push(...batch);
        if (at < upTo) return;
        watch.close();
        resolve();
      },
      onError: reject,
    });
  });
  return events;
}

const numberOf = (value: Uint8Array | undefined) => value && Number(Buffer.from(value).toString().split(' ')[0]);

/** Rounds of writing, killing and looking; returns what was found wrong. */
async function crashRounds(
  name: string,
  options: { fault: string; rounds: number },
): Promise<{ problems: string[]; done: number; acknowledged: number }> {
  const path = join(root, name, 'store.db');
  const random = seededRandom(seed);
  const problems: string[] = [];
  const deadline = performance.now() + seconds * 1000;
  let start = 0;
  let lastRevision = 1;
  let acknowledgedWrites = 0;
  let done = 0;
  let next = spawnChild(path, options.fault);
  for (; done < options.rounds && problems.length === 0 && performance.now() < deadline; done++) {
    const { tried, acknowledged, revisions } = await writeAndKill(next, start, random);
    next = spawnChild(path, options.fault);
    acknowledgedWrites += revisions.length;
    let store: Store;
    try {
      store = await openSqliteStore({ path });
    } catch (error) {
      problems.push(`the store does not open: ${error}`);
      break;
    }
    const now = await store.currentRevision();
    const highest = Math.max(lastRevision, ...revisions.map((each) => each.revision));
    if (now < highest) problems.push(`the revision went back from ${highest} to ${now}`);
    const events = await eventsAfter(store, lastRevision, now);
    const byRevision = new Map<number, StoreEvent[]>();
    for (const event of events) {
      const same = byRevision.get(event.revision);
      if (same) same.push(event);
      else byRevision.set(event.revision, [event]);
    }
    if (events.some((event, i) => i > 0 && event.revision < events[i - 1]!.revision))
      problems.push('the watch went back');
    for (const [revision, same] of byRevision)
      if (same.length !== 2) problems.push(`revision ${revision} has ${same.length} events`);
    for (const { revision, writer, number } of revisions) {
      if (number % 7 === 0) continue;
      const seen = byRevision.get(revision) ?? [];
      if (!seen.some((event) => event.key.startsWith(`/crash/w${writer}/`) && numberOf(event.value) === number)) {
        problems.push(`no event of the acknowledged write ${number} of writer ${writer} at ${revision}`);
      }
    }
    for (const [writer, latest] of tried) {
      const [a, b] = [
        numberOf((await store.get(`/crash/w${writer}/a`))?.value),
        numberOf((await store.get(`/crash/w${writer}/b`))?.value),
      ];
      const least = acknowledged.get(writer) ?? 0;
      const isDeletion = (number: number) => number % 7 === 0;
      if (a !== b) problems.push(`writer ${writer}: half of a commit is there (${a}, ${b})`);
      else if (a === undefined && !isDeletion(least) && !isDeletion(latest) && least > 0)
        problems.push(`writer ${writer}: ${least} was acknowledged and is gone`);
      else if (a !== undefined && (a < least || a > latest))
        problems.push(`writer ${writer}: ${a} is there, acknowledged was ${least}`);
      start = Math.max(start, latest);
    }
    lastRevision = now;
    await store.close();
  }
  next.kill('SIGKILL');
  return { problems, done, acknowledged: acknowledgedWrites };
}

describe('a server that is killed while it writes', () => {
  it('has lost no acknowledged write and kept no half of one, in every round', {
    timeout: (seconds + 60) * 1000,
  }, async () => {
    const { problems, done, acknowledged } = await crashRounds('sound', { fault: 'none', rounds });
    expect(problems, `seed ${seed}, round ${done}`).toEqual([]);
    expect(acknowledged).toBeGreaterThan(done);
    process.stderr.write(`crash test: ${done} rounds, ${acknowledged} acknowledged writes, seed ${seed}\n`);
  });

  it('is caught when it acknowledges before the flush', async () => {
    expect((await crashRounds('ack-early', { fault: 'ack-early', rounds: 30 })).problems).not.toEqual([]);
  });

  it('is caught when it writes a commit in two halves', async () => {
    expect((await crashRounds('half', { fault: 'half', rounds: 30 })).problems).not.toEqual([]);
  });
});
