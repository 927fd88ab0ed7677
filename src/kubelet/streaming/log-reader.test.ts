import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../../base/clock.ts';
import { parseLogLine } from './cri-log.ts';
import { type LogQuery, readLog } from './log-reader.ts';

const line = (second: number, text: string, { stream = 'stdout', tag = 'F' } = {}) =>
  `2026-01-01T00:00:${String(second).padStart(2, '0')}.5Z ${stream} ${tag} ${text}\n`;

describe('the CRI log format', () => {
  it('is taken apart, spaces in the text and all', () => {
    const record = parseLogLine(Buffer.from('2026-01-01T00:00:00.123456789Z stderr P a  b '));
    expect(record).toMatchObject({ time: '2026-01-01T00:00:00.123456789Z', stream: 'stderr', partial: true });
    expect(record?.content.toString()).toBe('a  b ');
  });
  it.each(['', 'torn', '2026-01-01T00:00:00Z stdou', 'x y z w'])('refuses %j', (text) => {
    expect(parseLogLine(Buffer.from(text))).toBeUndefined();
  });
});

describe('reading a log', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'log-'));
    path = join(dir, '0.log');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const env = () => ({ clock: realClock, signal: new AbortController().signal });
  async function read(query: Partial<LogQuery> = {}, running = async () => false): Promise<string> {
    let text = '';
    for await (const piece of readLog({ path, running }, { follow: false, timestamps: false, ...query }, env())) {
      text += piece.toString();
    }
    return text;
  }

  it('gives the text of both streams, and joins what the runtime split', async () => {
    writeFileSync(
      path,
      line(1, 'one') + line(2, 'two', { stream: 'stderr' }) + line(3, 'th', { tag: 'P' }) + line(3, 'ree'),
    );
    expect(await read()).toBe('one\ntwo\nthree\n');
    expect(await read({ stream: 'Stderr' })).toBe('two\n');
  });

  it('gives the last lines, counting a split line once', async () => {
    writeFileSync(path, line(1, 'one') + line(2, 'two') + line(3, 'th', { tag: 'P' }) + line(3, 'ree'));
    expect(await read({ tailLines: 1 })).toBe('three\n');
    expect(await read({ tailLines: 2 })).toBe('two\nthree\n');
    expect(await read({ tailLines: 0 })).toBe('');
    expect(await read({ tailLines: 99 })).toBe('one\ntwo\nthree\n');
  });

  it('finds the last lines of a file larger than a block', async () => {
    writeFileSync(path, Array.from({ length: 5000 }, (_, i) => line(1, `line ${i} ${'x'.repeat(50)}`)).join(''));
    const text = await read({ tailLines: 2000 });
    expect(text.split('\n')).toHaveLength(2001);
    expect(text).toMatch(/^line 3000 /);
  });

  it('gives times, what came since a time, and no more bytes than asked', async () => {
    writeFileSync(path, line(1, 'one') + line(2, 'two'));
    expect(await read({ timestamps: true, tailLines: 1 })).toBe('2026-01-01T00:00:02.5Z two\n');
    expect(await read({ since: Date.UTC(2026, 0, 1, 0, 0, 2) })).toBe('two\n');
    expect(await read({ limitBytes: 5 })).toBe('one\nt');
  });

  it('gives a split line one time, at its beginning, however many blocks it spans', async () => {
    const piece = 'x'.repeat(16_384);
    writeFileSync(
      path,
      line(1, 'one') +
        Array.from({ length: 64 }, () => line(2, piece, { tag: 'P' })).join('') +
        line(3, 'end') +
        line(4, 'last'),
    );
    const at = (second: number) => `2026-01-01T00:00:0${second}.5Z `;
    const whole = `${at(1)}one\n${at(2)}${piece.repeat(64)}end\n${at(4)}last\n`;
    expect((await read({ timestamps: true })) === whole).toBe(true);
    expect((await read({ timestamps: true, tailLines: 2 })) === whole.slice(whole.indexOf('\n') + 1)).toBe(true);
  });

  it.each([
    ['escape sequences', '\x1b[2J\x1b]0;title\x07\u009b31m'],
    ['carriage returns', 'real\rforged'],
    ['a record’s beginning', '2026-01-01T00:00:00Z stderr F forged'],
    ['a tag of its own', 'F forged'],
    ['nothing but spaces', '   '],
    ['NUL', 'a\0b'],
  ])('gives %s as they were written', async (_, text) => {
    writeFileSync(path, line(1, text) + line(2, 'after'));
    expect(await read()).toBe(`${text}\nafter\n`);
    expect(await read({ stream: 'Stderr' })).toBe('');
    expect(await read({ tailLines: 2, timestamps: true })).toBe(
      `2026-01-01T00:00:01.5Z ${text}\n2026-01-01T00:00:02.5Z after\n`,
    );
  });

  it('gives bytes that are no text as they were written', async () => {
    const odd = Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x00, 0x80]);
    const before = Buffer.from(line(1, '').slice(0, -1));
    writeFileSync(path, Buffer.concat([before, odd, Buffer.from('\n')]));
    const pieces: Buffer[] = [];
    const query = { follow: false, timestamps: false };
    for await (const piece of readLog({ path, running: async () => false }, query, env())) pieces.push(piece);
    expect(Buffer.concat(pieces)).toEqual(Buffer.concat([odd, Buffer.from('\n')]));
  });

  it('leaves out a torn record, and no other', async () => {
    writeFileSync(path, `${line(1, 'one')}2026-01-01T00:0\n${line(2, 'two')}`);
    expect(await read()).toBe('one\ntwo\n');
  });

  it('is empty for a container that wrote nothing', async () => {
    expect(await read()).toBe('');
  });

  it('follows until the container has ended, over a rotation', async () => {
    writeFileSync(path, line(1, 'one'));
    let state = 0;
    const text = await read({ follow: true }, async () => {
      state++;
      if (state === 1) appendFileSync(path, line(2, 'two'));
      if (state === 2) {
        renameSync(path, join(dir, '0.log.20260101-000002'));
        writeFileSync(path, line(3, 'three'));
      }
      return state < 3;
    });
    expect(text).toBe('one\ntwo\nthree\n');
  });

  it('stops following when it is told to', async () => {
    writeFileSync(path, line(1, 'one'));
    const stop = new AbortController();
    const pieces: string[] = [];
    const source = { path, running: async () => true };
    for await (const piece of readLog(
      source,
      { follow: true, timestamps: false },
      { clock: realClock, signal: stop.signal },
    )) {
      pieces.push(piece.toString());
      stop.abort();
    }
    expect(pieces).toEqual(['one\n']);
  });
});
