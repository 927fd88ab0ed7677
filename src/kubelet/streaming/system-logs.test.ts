import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerSystemLog } from './system-logs.ts';

describe('the machine’s logs', () => {
  const dir = mkdtempSync(join(tmpdir(), 'system-logs-'));
  const logs = join(dir, 'log');
  const server = http.createServer((request, response) => {
    const parts = request.url!.slice(1).split('/').map(decodeURIComponent);
    answerSystemLog(logs, parts, response).catch((error: { status?: number }) =>
      response.writeHead(error.status ?? 500).end(),
    );
  });
  beforeAll(async () => {
    mkdirSync(join(logs, 'app'), { recursive: true });
    writeFileSync(join(logs, 'syslog'), 'a line\n');
    writeFileSync(join(logs, '<b>&.log'), 'odd\n');
    writeFileSync(join(dir, 'secret'), 'of the node');
    symlinkSync('syslog', join(logs, 'current'));
    symlinkSync(join(dir, 'secret'), join(logs, 'out'));
    symlinkSync('..', join(logs, 'up'));
    spawnSync('mkfifo', [join(logs, 'pipe')]);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.close();
    rmSync(dir, { recursive: true });
  });
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`);
    return { status: response.status, text: await response.text() };
  };

  it('are files and listings, links among them', async () => {
    expect(await get('syslog')).toEqual({ status: 200, text: 'a line\n' });
    expect((await get('current')).text).toBe('a line\n');
    expect((await get('%3Cb%3E%26.log')).text).toBe('odd\n');
    const { text } = await get('');
    expect(text).toContain('<a href="app/">app/</a>\n');
    expect(text).toContain('<a href="%3Cb%3E%26.log">&lt;b&gt;&amp;.log</a>\n');
    expect(await get('app/')).toMatchObject({ status: 200 });
  });

  it.each([
    'out',
    'up',
    'up/secret',
    '..%2fsecret',
    '%2e%2e%2fsecret',
    'app%2f..%2f..%2fsecret',
    'pipe',
    'none',
    'x%00',
  ])('are not %s', async (path) => {
    expect((await get(path)).status).toBe(404);
  });
});
