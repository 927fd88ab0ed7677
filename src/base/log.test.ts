import { describe, expect, it } from 'vitest';
import { createLogger } from './log.ts';

describe('the process log', () => {
  const lines: string[] = [];
  const log = createLogger({ destination: { write: (line) => lines.push(line) } });

  it.each([
    ['a line of its own', 'x\n{"level":"error","msg":"forged"}'],
    ['a carriage return', 'real\rforged'],
    ['escape sequences', '\x1b[2J\x1b]0;title\x07'],
    ['eight-bit controls', '\u009b31m\u0085\x7f'],
    ['separators that are no newline', 'a\u2028b\u2029c'],
    ['letters that run backwards', 'safe\u202etxt.exe\u2066'],
    ['NUL and half a letter', 'a\0b\ud800'],
    ['quotes and backslashes', '"},{"x\\u001b'],
    ['much', 'x'.repeat(1 << 20)],
  ])('writes %s as one line that does nothing to a terminal, and loses none of it', (_, text) => {
    for (const [message, fields] of [
      [text, {}],
      ['message', { value: text }],
      ['message', { error: new Error(text) }],
    ] as const) {
      lines.length = 0;
      log.warn(message, fields);
      const written = lines.join('');
      expect(written).toMatch(/^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]*\n$/u);
      const line = JSON.parse(written) as { msg: string; value?: string; error?: { message: string } };
      expect([line.msg, line.value, line.error?.message]).toContain(text);
    }
  });
});
