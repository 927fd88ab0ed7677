/** Logs, exec, attach and port forwarding with stock kubectl, through the API server and the node's server. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stockClients } from '../clients/stock-clients.ts';
import { missingForRealNode, type NodeLab, script, shellImage, startNodeLab } from './node-lab.ts';

const missing = missingForRealNode();
const run = promisify(execFile);

describe.skipIf(missing)(`sessions with containers${missing ? ` (${missing})` : ''}`, () => {
  let lab: NodeLab;
  let kubectlPath: string;
  beforeAll(async () => {
    [lab, { kubectl: kubectlPath }] = await Promise.all([startNodeLab(), stockClients()]);
    await lab.run('talk', {
      containers: [
        {
          name: 'main',
          image: shellImage,
          stdin: true,
          command: script(
            'echo one; echo two; printf partial; echo; while read line; do echo "heard $line"; done; sleep 100000',
          ),
        },
        {
          name: 'web',
          image: shellImage,
          command: script('mkdir -p /www && echo hello > /www/index.html && exec httpd -f -p 8080 -h /www'),
        },
      ],
    });
    await lab.until('talk', ({ status }) => status.phase === 'Running');
  });
  afterAll(async () => {
    await lab?.close();
  });
  const args = (...rest: string[]) => ['--kubeconfig', lab.kubeconfig, ...rest];
  const kubectl = async (...rest: string[]) => (await run(kubectlPath, args(...rest))).stdout;
  /** Runs kubectl with input; gives its output, error output and exit code. */
  const piped = async (input: string, ...rest: string[]) => {
    const child = spawn(kubectlPath, args(...rest));
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => err.push(bytes));
    child.stdin.end(input);
    const [code] = await once(child, 'close');
    return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
  };

  it('show logs whole, their end, with times, and of one container', async () => {
    await expect.poll(() => kubectl('logs', 'talk', '-c', 'main')).toBe('one\ntwo\npartial\n');
    expect(await kubectl('logs', 'talk', '-c', 'main', '--tail=2')).toBe('two\npartial\n');
    expect(await kubectl('logs', 'talk', '-c', 'main', '--limit-bytes=5')).toBe('one\nt');
    expect(await kubectl('logs', 'talk', '-c', 'main', '--timestamps', '--tail=1')).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+\S* partial\n$/,
    );
    expect(await kubectl('logs', 'talk', '-c', 'main', '--since-time=2099-01-01T00:00:00Z')).toBe('');
    await expect(kubectl('logs', 'talk', '-c', 'other')).rejects.toThrow(/other/);
  });

  it('show whatever a container writes, byte by byte, and let it forge nothing', async () => {
    const record = '2026-01-01T00:00:00.000000000Z stderr F forged';
    await lab.run('rude', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          image: shellImage,
          command: script(
            `printf '\\033[2J\\033]0;title\\007\\n'; printf 'real\\rforged\\n'; printf '${record}\\n'; printf 'a\\000b\\377\\302\\233\\n'; ` +
              `head -c 1048576 /dev/zero | busybox tr '\\0' x; printf '\\n\\nlast'; echo warning >&2`,
          ),
        },
      ],
    });
    await lab.until('rude', ({ status }) => status.phase === 'Succeeded');
    const written = Buffer.concat([
      Buffer.from(`\x1b[2J\x1b]0;title\x07\nreal\rforged\n${record}\na\0b`),
      Buffer.from([0xff, 0xc2, 0x9b, 0x0a]),
      Buffer.alloc(1_048_576, 'x'),
      Buffer.from('\n\nlast'),
    ]);
    const log = async (stream: string, more = '') => {
      const url = `/api/v1/namespaces/default/pods/rude/log?stream=${stream}${more}`;
      const { stdout } = await run(kubectlPath, args('get', '--raw', url), {
        encoding: 'buffer',
        maxBuffer: 10 * written.length,
      });
      return stdout;
    };
    const stdout = await log('Stdout');
    // A last line without an end may get one.
    expect(stdout.subarray(0, written.length).equals(written)).toBe(true);
    expect(stdout.subarray(written.length).toString().trim()).toBe('');
    expect((await log('Stderr')).toString()).toBe('warning\n');
    const stamped = (await log('Stdout', '&timestamps=true')).toString('latin1').trimEnd().split('\n');
    expect(stamped.map((line) => /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) /.test(line))).toEqual(Array(7).fill(true));
    expect(stamped[4]!.replace(/^\S+ /, '')).toHaveLength(1_048_576);
  });

  it('follow logs to the end of the container', async () => {
    await lab.run('counting', {
      restartPolicy: 'Never',
      containers: [
        { name: 'main', image: shellImage, command: script('for i in 1 2 3 4 5; do echo $i; sleep 0.1; done') },
      ],
    });
    await lab.until('counting', ({ status }) => status.phase === 'Running' || status.phase === 'Succeeded');
    expect(await kubectl('logs', '-f', 'counting')).toBe('1\n2\n3\n4\n5\n');
  });

  it('show the log of the container before the last', async () => {
    await lab.run('twice', { containers: [{ name: 'main', image: shellImage, command: script('echo run; exit 1') }] });
    await lab.until('twice', ({ status }) => (status.containerStatuses?.[0]?.restartCount ?? 0) > 0);
    expect(await kubectl('logs', '--previous', 'twice')).toBe('run\n');
  });

  it('run commands, with their output, errors and exit code', async () => {
    expect(await kubectl('exec', 'talk', '-c', 'main', '--', 'echo', 'hi there')).toBe('hi there\n');
    const failed = await piped('', 'exec', 'talk', '-c', 'main', '--', 'sh', '-c', 'echo out; echo err >&2; exit 5');
    expect(failed).toMatchObject({ code: 5, out: 'out\n' });
    expect(failed.err).toContain('err\n');
  });

  it('pass input on, to its end, and much of it both ways', async () => {
    expect(await piped('abc', 'exec', '-i', 'talk', '-c', 'main', '--', 'cat')).toMatchObject({ code: 0, out: 'abc' });
    const much = 'x'.repeat(5_000_000);
    const { out } = await piped(much, 'exec', '-i', 'talk', '-c', 'main', '--', 'cat');
    expect(out.length).toBe(much.length);
  });

  it('copy files both ways, and take none out of the directory that they are copied to', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'copy-'));
    const [inside, node] = [join(dir, 'inside'), join(dir, 'node')];
    for (const one of [inside, node]) mkdirSync(one);
    const inContainer = (input: string, text: string) =>
      piped(input, 'exec', '-i', 'talk', '-c', 'main', '--', 'sh', '-c', text);
    const tar = (command: string) => `printf '#!/bin/sh\\n${command}\\n' > /bin/tar; chmod +x /bin/tar`;
    try {
      for (const name of ['file', 'other']) writeFileSync(join(dir, name), 'evil');
      symlinkSync(node, join(dir, 'link'));
      expect(await inContainer('', tar('exec busybox tar "$@"'))).toMatchObject({ code: 0 });
      await kubectl('cp', join(dir, 'file'), 'talk:/copied', '-c', 'main');
      await kubectl('cp', 'talk:/copied', join(inside, 'back'), '-c', 'main');
      expect(readFileSync(join(inside, 'back'), 'utf8')).toBe('evil');

      // What the container's own tar says is up to the container.
      const names = 's,^file$,../../node/upwards,;s,^link$,tree/link,;s,^other$,tree/link/through,';
      const { stdout } = spawnSync('tar', ['-C', dir, '-cPf', '-', 'file', 'link', 'other', '--transform', names]);
      const prepared = await inContainer(stdout.toString('base64'), `base64 -d > /evil; ${tar('cat /evil')}`);
      expect(prepared).toMatchObject({ code: 0 });
      const copied = await piped('', 'cp', 'talk:/tree', join(inside, 'tree'), '-c', 'main');
      expect(copied.err).not.toBe('');
      expect(readdirSync(node)).toEqual([]);
      expect(readdirSync(dir).sort()).toEqual(['file', 'inside', 'link', 'node', 'other']);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('also over SPDY, as older clients do', async () => {
    const child = spawn(kubectlPath, args('exec', '-i', 'talk', '-c', 'main', '--', 'cat'), {
      env: { ...process.env, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false' },
    });
    const out: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
    child.stdin.end('old');
    const [code] = await once(child, 'close');
    expect([code, Buffer.concat(out).toString()]).toEqual([0, 'old']);
  });

  it('attach to a container', async () => {
    const child = spawn(kubectlPath, args('attach', '-i', 'talk', '-c', 'main'));
    const out: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
    child.stdin.write('greetings\n');
    await expect.poll(() => Buffer.concat(out).toString()).toContain('heard greetings');
    child.kill();
    await once(child, 'close');
  });

  for (const websockets of ['true', 'false']) {
    it(`forward ports (${websockets === 'true' ? 'WebSocket' : 'SPDY'})`, async () => {
      const child = spawn(kubectlPath, args('port-forward', 'talk', ':8080'), {
        env: { ...process.env, KUBECTL_PORT_FORWARD_WEBSOCKETS: websockets },
      });
      try {
        const [line] = (await once(child.stdout, 'data')) as [Buffer];
        const port = Number(/127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1]);
        for (let i = 0; i < 3; i++) {
          const body = await new Promise<string>((resolve, reject) => {
            http
              .get({ host: '127.0.0.1', port, agent: false }, (response) => {
                let text = '';
                response.on('data', (bytes) => {
                  text += bytes;
                });
                response.on('end', () => resolve(text));
              })
              .on('error', reject);
          });
          expect(body).toBe('hello\n');
        }
      } finally {
        child.kill();
        await once(child, 'close');
      }
    });
  }
});
