/** Each mistake ends with one clear line that says what to do, the right exit code, and nothing half-created. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunResult, run } from '../clients/stock-clients.ts';
import { newUser, type User } from './harness.ts';

const asRoot = process.platform === 'linux' && process.getuid?.() === 0;
const checkout = join(import.meta.dirname, '../..');

let user: User;

beforeAll(async () => {
  user = await newUser();
});
afterAll(async () => {
  await user.leave();
});

function expectOneLine(result: RunResult, code: number, text: RegExp): void {
  expect(result.stderr.trim().split('\n'), result.stderr).toHaveLength(1);
  expect(result.stderr).toMatch(text);
  expect(result.code).toBe(code);
}

const dataDirs = () => (existsSync(join(user.home, 'data')) ? readdirSync(join(user.home, 'data')) : []);

describe('timonel up refuses', () => {
  it('a port that is taken', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '0.0.0.0', resolve));
    const { port } = holder.address() as { port: number };
    try {
      expectOneLine(
        await user.timonel('up', '--runtime', 'sim', '--api-port', String(port)),
        1,
        new RegExp(`port ${port} is taken .*--api-port`),
      );
    } finally {
      holder.close();
    }
    expect(dataDirs()).toEqual([]);
  });

  it('a data dir that cannot be written', async () => {
    const file = join(user.home, 'a-file');
    writeFileSync(file, '');
    expectOneLine(
      await user.timonel('up', '--runtime', 'sim', '--data-dir', join(file, 'data')),
      1,
      /data dir .* cannot be written .*--data-dir/,
    );
  });

  it('a KubeletConfiguration with a mistake', async () => {
    const file = join(user.home, 'kubelet.yaml');
    writeFileSync(file, 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: many\n');
    expectOneLine(
      await user.timonel('up', '--runtime', 'sim', '--kubelet-config', file),
      1,
      /--kubelet-config .*kubelet.yaml: maxPods must be a whole number from 1 up, not "many"/,
    );
    expect(dataDirs()).toEqual([]);
  });

  it("a data dir with somebody's files in it", async () => {
    const dir = join(user.home, 'photos');
    mkdirSync(dir);
    writeFileSync(join(dir, 'holiday.jpg'), 'x');
    expectOneLine(await user.timonel('up', '--runtime', 'sim', '--data-dir', dir), 1, /not empty and holds no cluster/);
    expect(readdirSync(dir)).toEqual(['holiday.jpg']);
  });

  it('unknown flags and values, as wrong usage', async () => {
    const flag = await user.timonel('up', '--replicas', '3');
    expect(flag.code).toBe(2);
    expect(flag.stderr).toContain("unknown option '--replicas'");
    const value = await user.timonel('up', '--runtime', 'docker');
    expect(value.code).toBe(2);
    expect(value.stderr).toContain('Allowed choices are auto, cri, sim');
    expectOneLine(await user.timonel('up', '--runtime', 'sim', '--wait', 'soon'), 2, /"soon" is not a duration/);
    expectOneLine(await user.timonel('up', '--runtime', 'sim', '--disable', 'gravity'), 2, /no such part; known are/);
    expectOneLine(
      await user.timonel('up', '--name', 'My Cluster', '--runtime', 'sim'),
      2,
      /--name "My Cluster" must be/,
    );
    expect(dataDirs()).toEqual([]);
  });

  it('a configuration file that is not YAML, naming the line', async () => {
    const file = join(user.home, 'cluster.yaml');
    writeFileSync(file, 'nodes: 3\nruntime: [sim\n');
    expectOneLine(await user.timonel('up', '--config', file), 1, /cluster\.yaml line [23]:/);
    writeFileSync(file, 'nodes: three\n');
    expectOneLine(await user.timonel('up', '--config', file), 1, /"nodes" must be a number/);
    writeFileSync(file, 'knodes: 3\n');
    expectOneLine(await user.timonel('up', '--config', file), 1, /unknown setting "knodes"; known are/);
    expect(dataDirs()).toEqual([]);
  });

  it('a corrupt database: says which file, and keeps it', async () => {
    expect(await user.timonel('up', '--runtime', 'sim', '--name', 'torn')).toMatchObject({ code: 0 });
    expect(await user.timonel('down', '--name', 'torn')).toMatchObject({ code: 0 });
    const database = join(user.home, 'data/torn/state.db');
    const garbage = Buffer.alloc(64 * 1024, 'garbage');
    writeFileSync(database, garbage);
    const result = await user.timonel('up', '--name', 'torn');
    expectOneLine(result, 1, /state\.db/);
    expect(existsSync(database)).toBe(true);
  });

  it('changing what a cluster was made with', async () => {
    expect(await user.timonel('up', '--runtime', 'sim', '--name', 'fixed')).toMatchObject({ code: 0 });
    expect(await user.timonel('down', '--name', 'fixed')).toMatchObject({ code: 0 });
    expectOneLine(
      await user.timonel('up', '--name', 'fixed', '--pod-cidr', '10.9.0.0/16'),
      1,
      /was made with --pod-cidr/,
    );
  });
});

describe.runIf(asRoot)('without what containers need (needs root on Linux)', () => {
  it('says exactly what to install when it cannot be installed', async () => {
    const hide = ['/usr/bin/containerd', '/usr/bin/apt-get']
      .filter((file) => existsSync(file))
      .map((file) => `mount --bind /dev/null ${file}`);
    const script = `${hide.join(' && ')} && exec "$0" up --name bare`;
    const result = await run('unshare', ['--mount', 'sh', '-c', script, join(checkout, 'timonel')], { env: user.env });
    expectOneLine(result, 1, /containerd.*--runtime sim/);
    expect(dataDirs()).not.toContain('bare');
  });

  it('needs root for containers, and simulates nodes without', async () => {
    const asNobody = (...args: string[]) =>
      run(
        'setpriv',
        [
          '--reuid=65534',
          '--regid=65534',
          '--clear-groups',
          process.execPath,
          join(checkout, 'src/cli/main.ts'),
          ...args,
        ],
        {
          env: { ...user.env, HOME: '/nonexistent', TIMONEL_DATA_ROOT: '/nonexistent/data' },
        },
      );
    expectOneLine(await asNobody('up', '--runtime', 'cri'), 1, /need root on Linux.*--runtime sim/);
  });
});

describe('other commands refuse', () => {
  it('clusters that are not there', async () => {
    expectOneLine(await user.timonel('down', '--name', 'nowhere'), 1, /there is no cluster "nowhere"/);
    expectOneLine(await user.timonel('status', '--name', 'nowhere'), 1, /there is no cluster "nowhere"/);
    expectOneLine(await user.timonel('image', 'import', '/does/not/exist.tar'), 1, /there is no file/);
  });

  it('unknown commands, as wrong usage', async () => {
    const result = await user.timonel('upp');
    expect(result.code).toBe(2);
    expect(result.stderr).toContain("unknown command 'upp'");
  });
});
