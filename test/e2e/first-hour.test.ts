/** What a user does in the first hour, with stock kubectl against real containers. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import { packWebImage } from '../images/web-image.ts';
import { eventually, newUser, noTraces, tracesOf, type User } from './harness.ts';

const asRoot = process.platform === 'linux' && process.getuid?.() === 0;
const manifest = join(import.meta.dirname, '../fixtures/web.yaml');

describe.runIf(asRoot)('a real cluster from one command (needs root on Linux)', () => {
  let user: User;
  let nodePort = 0;

  beforeAll(async () => {
    user = await newUser();
  });
  afterAll(async () => {
    await user?.leave();
  });

  const pods = async (selector = 'app=web') =>
    JSON.parse(await user.kubectl('get', 'pods', '-l', selector, '-o', 'json')).items as {
      metadata: { name: string; uid: string; deletionTimestamp?: string };
      status: { phase: string; containerStatuses?: { restartCount: number; containerID: string; ready: boolean }[] };
    }[];
  const fetchText = async (path = '/') => {
    const response = await fetch(`http://127.0.0.1:${nodePort}${path}`, {
      signal: AbortSignal.timeout(30_000),
      headers: { connection: 'close' },
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return (await response.text()).trim();
  };
  /** A rollout counts as done while the last old pods end: waits until they are gone and nobody is led to them. */
  const onlyVersion = (version: string) =>
    eventually(`six pods, and only version ${version} answering`, async () => {
      if ((await pods()).length !== 6) return false;
      for (let i = 0; i < 12; i++) if (!(await fetchText()).endsWith(`version ${version}`)) return false;
      return true;
    });

  it('up starts it, merges the kubeconfig and says what to type next', async () => {
    const result = await user.timonel('up', '--name', 'first');
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(result.stderr).toContain('kubectl get nodes');
    expect(await user.kubectl('config', 'current-context')).toBe('timonel-first\n');
    expect(await user.kubectl('get', 'nodes')).toMatch(/ Ready /);
  }, 300_000);

  it('a second up of the same name changes nothing and says so in one line', async () => {
    const result = await user.timonel('up', '--name', 'first');
    expect(result.code).toBe(1);
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
    expect(result.stderr).toContain('already running');
  });

  it('image import takes OCI archives', async () => {
    for (const version of ['1', '2']) {
      const archive = join(user.home, `web-${version}.tar`);
      writeFileSync(archive, await packWebImage(version));
      const result = await user.timonel('image', 'import', archive, '--name', 'first');
      expect(result, result.stderr).toMatchObject({ code: 0 });
    }
    expect((await user.timonel('image', 'ls', '--name', 'first')).stdout).toContain('web:2');
  });

  it('a Deployment with a NodePort service answers from different pods', async () => {
    await user.kubectl('apply', '-f', manifest);
    await user.kubectl('rollout', 'status', 'deployment/web', '--timeout=180s');
    nodePort = Number(await user.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}'));
    const seen = new Set<string>();
    await eventually('answers of three different pods', async () => {
      seen.add(await fetchText());
      return seen.size === 3;
    });
    for (const answer of seen) expect(answer).toMatch(/^web-\S+ version 1$/);
  });

  it('a deleted pod is replaced', async () => {
    const victim = (await pods())[0]!.metadata;
    await user.kubectl('delete', 'pod', victim.name, '--wait=true');
    await eventually('three ready pods without the deleted one', async () => {
      const now = await pods();
      return (
        now.length === 3 && now.every((p) => p.metadata.uid !== victim.uid && p.status.containerStatuses?.[0]?.ready)
      );
    });
  });

  it('scales, rolls out without a failed request, and rolls back', async () => {
    await user.kubectl('scale', 'deployment', 'web', '--replicas=6');
    await user.kubectl('rollout', 'status', 'deployment/web', '--timeout=180s');
    let requests = 0;
    let stop = false;
    const failures: string[] = [];
    const load = Promise.all(
      [0, 1].map(async () => {
        while (!stop && requests < 20_000) {
          requests++;
          await fetchText().catch((error: Error) =>
            failures.push(`${error.message} ${(error.cause as Error | undefined)?.message ?? ''}`),
          );
          await realClock.sleep(5);
        }
      }),
    );
    await user.kubectl('set', 'image', 'deployment/web', 'web=web:2');
    await user.kubectl('rollout', 'status', 'deployment/web', '--timeout=180s');
    await onlyVersion('2');
    stop = true;
    await load;
    expect(requests).toBeGreaterThan(20);
    expect(failures).toEqual([]);
    await user.kubectl('rollout', 'undo', 'deployment/web');
    await user.kubectl('rollout', 'status', 'deployment/web', '--timeout=180s');
    await onlyVersion('1');
  }, 240_000);

  it('logs, exec, describe, events and port-forward work', async () => {
    const name = (await pods())[0]!.metadata.name;
    expect(await user.kubectl('logs', name)).toContain('serving version 1');
    expect(await user.kubectl('exec', name, '--', 'sh', '-c', 'echo hello from $HOSTNAME')).toBe(
      `hello from ${name}\n`,
    );
    const failing = await user.tryKubectl(['exec', name, '--', 'sh', '-c', 'exit 7']);
    expect(failing.code).toBe(7);
    const piped = await user.tryKubectl(['exec', '-i', name, '--', 'cat'], 'through stdin');
    expect(piped.stdout).toBe('through stdin');
    const description = await user.kubectl('describe', 'pod', name);
    expect(description).toMatch(/Status:\s+Running/);
    expect(description).toMatch(/Successfully assigned default\//);
    expect(await user.kubectl('get', 'events')).toMatch(/Scaled up replica set/);
    await forwardPort(user, `pod/${name}`, async (port) => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      expect((await response.text()).trim()).toBe(`${name} version 1`);
    });
  });

  it('survives kill -9 of server and agent, and down then up: same objects, same containers', async () => {
    const facts = async () =>
      (await pods())
        .map((p) => [
          p.metadata.uid,
          p.status.containerStatuses?.[0]?.containerID,
          p.status.containerStatuses?.[0]?.restartCount,
        ])
        .sort();
    const expected = await facts();
    expect(expected).toHaveLength(6);
    for (const victims of [['server'], ['agent'], ['server', 'agent']]) {
      const status = JSON.parse((await user.timonel('status', '--name', 'first', '-o', 'json')).stdout) as {
        server: { pid: number };
        agents: { pid: number }[];
      };
      if (victims.includes('server')) process.kill(status.server.pid, 'SIGKILL');
      if (victims.includes('agent')) process.kill(status.agents[0]!.pid, 'SIGKILL');
      expect(await fetchText()).toMatch(/version 1$/);
      const result = await user.timonel('up', '--name', 'first');
      expect(result, result.stderr).toMatchObject({ code: 0 });
      expect(await facts()).toEqual(expected);
    }
    expect(await user.timonel('down', '--name', 'first')).toMatchObject({ code: 0 });
    expect(await user.timonel('status', '--name', 'first')).toMatchObject({ code: 1 });
    expect(await user.timonel('up', '--name', 'first')).toMatchObject({ code: 0 });
    expect(await facts()).toEqual(expected);
    await user.kubectl('delete', 'pod', '-l', 'app=web', '--wait=false');
    await eventually('six new pods', async () => {
      const now = await pods();
      return (
        now.length === 6 &&
        now.every((p) => !expected.some(([uid]) => uid === p.metadata.uid) && p.status.containerStatuses?.[0]?.ready)
      );
    });
  }, 240_000);

  it('a second cluster runs beside it', async () => {
    const result = await user.timonel('up', '--name', 'second');
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(await user.kubectl('--context', 'timonel-second', 'get', 'nodes')).toMatch(/ Ready /);
    expect(await fetchText()).toMatch(/version 1$/);
    expect(await user.timonel('down', '--purge', '--name', 'second')).toMatchObject({ code: 0 });
    expect(await fetchText()).toMatch(/version 1$/);
  });

  it('down --purge leaves nothing', async () => {
    const before = await tracesOf(user, 'first');
    for (const [what, found] of Object.entries(before)) expect([what, found.length]).not.toEqual([what, 0]);
    expect(before.namespaces.length).toBeGreaterThanOrEqual(6);
    const result = await user.timonel('down', '--purge', '--name', 'first');
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(await tracesOf(user, 'first', before)).toEqual(noTraces);
    expect(existsSync(join(user.home, 'data/first'))).toBe(false);
    const kubeconfig = join(user.home, '.kube/config');
    expect(existsSync(kubeconfig) && readFileSync(kubeconfig, 'utf8').includes('timonel')).toBe(false);
  });

  it('works a second time', async () => {
    expect(await user.timonel('up', '--name', 'first')).toMatchObject({ code: 0 });
    expect(await user.kubectl('get', 'pods', '-A')).toBeDefined();
    expect(await user.timonel('down', '--purge', '--name', 'first')).toMatchObject({ code: 0 });
    expect(await tracesOf(user, 'first')).toEqual(noTraces);
  });
});

/** Runs kubectl port-forward to a free port while `use` runs. */
async function forwardPort(user: User, target: string, use: (port: number) => Promise<void>): Promise<void> {
  const { spawn } = await import('node:child_process');
  const { stockClients } = await import('../clients/stock-clients.ts');
  const child = spawn((await stockClients()).kubectl, ['port-forward', target, ':8080'], {
    env: user.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    const port = await eventually(
      'the forwarded port',
      async () => Number(output.match(/127\.0\.0\.1:(\d+)/)?.[1]) || undefined,
    );
    await use(port);
  } finally {
    child.kill();
  }
}
