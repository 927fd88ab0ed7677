/** The state of a cluster: snapshots, forks, encryption at rest, and several control planes on one etcd. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EtcdCluster, hasEtcd, startEtcd } from '../store/etcd-cluster.ts';
import { eventually, newUser, type User } from './harness.ts';

let user: User;
beforeAll(async () => {
  user = await newUser();
});
afterAll(async () => {
  await user.leave();
});

const simulated = async (name: string, ...more: string[]) => {
  const result = await user.timonel('up', '--name', name, '--runtime', 'sim', ...more);
  expect(result, result.stderr).toMatchObject({ code: 0 });
};
const on = (name: string, ...args: string[]) => user.kubectl('--context', `timonel-${name}`, ...args);

/** Every byte below a folder. */
function contents(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file, 'latin1'))
    .join('\n');
}

describe('snapshots', () => {
  it('are saved while the cluster runs, forked, and restored', async () => {
    await simulated('shot');
    await on('shot', 'create', 'deployment', 'web', '--image=web', '--replicas=3');
    await on('shot', 'rollout', 'status', 'deployment/web', '--timeout=180s');
    const saved = await user.timonel('snapshot', 'save', '--name', 'shot');
    expect(saved, saved.stderr).toMatchObject({ code: 0 });
    expect((await user.timonel('snapshot', 'ls', '--name', 'shot')).stdout).toContain('revision');

    const fork = await user.timonel('snapshot', 'fork', '--name', 'shot', '--as', 'shot-fork');
    expect(fork, fork.stderr).toMatchObject({ code: 0 });
    await on('shot-fork', 'scale', 'deployment', 'web', '--replicas=5');
    await on('shot-fork', 'rollout', 'status', 'deployment/web', '--timeout=180s');
    expect((await on('shot', 'get', 'pods', '-o', 'name')).trim().split('\n')).toHaveLength(3);
    expect(await user.timonel('down', '--purge', '--name', 'shot-fork')).toMatchObject({ code: 0 });

    await on('shot', 'delete', 'deployment', 'web');
    const running = await user.timonel('snapshot', 'restore', '--name', 'shot');
    expect(running.code).toBe(1);
    expect(running.stderr).toContain('is running; stop it first');
    expect(await user.timonel('down', '--name', 'shot')).toMatchObject({ code: 0 });
    const restored = await user.timonel('snapshot', 'restore', '--name', 'shot');
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    await simulated('shot');
    expect(await on('shot', 'get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}')).toBe('3');
  });

  it('that are damaged change nothing', async () => {
    const file = (await user.timonel('snapshot', 'save', '--name', 'shot')).stdout.trim();
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    const result = await user.timonel('up', '--name', 'torn', '--runtime', 'sim', '--from-snapshot', file);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('cannot be restored');
    expect(readdirSync(join(user.home, 'data'))).not.toContain('torn');
    expect(await user.timonel('down', '--purge', '--name', 'shot')).toMatchObject({ code: 0 });
  });
});

describe('encryption at rest', () => {
  const newKey = (name: string) => ({ name, secret: randomBytes(32).toString('base64') });
  const keys = () => join(user.home, 'encryption.yaml');
  const use = (...list: ReturnType<typeof newKey>[]) =>
    writeFileSync(
      keys(),
      `kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: [secrets]\n  providers:\n  - aesgcm: { keys: ${JSON.stringify(list)} }\n  - identity: {}\n`,
    );
  const password = async () =>
    Buffer.from(await on('crypt', 'get', 'secret', 'hush', '-o', 'jsonpath={.data.word}'), 'base64').toString();
  const one = newKey('one');

  it('keeps secrets off the disk, also in snapshots', async () => {
    use(one);
    await simulated('crypt', '--encryption-key-file', keys());
    await on('crypt', 'create', 'secret', 'generic', 'hush', '--from-literal=word=mellon-the-password');
    await on('crypt', 'create', 'configmap', 'plain', '--from-literal=word=speak-friend');
    expect(await user.timonel('snapshot', 'save', '--name', 'crypt')).toMatchObject({ code: 0 });
    const disk = contents(join(user.home, 'data/crypt'));
    expect(disk).toContain('speak-friend');
    expect(disk).not.toContain('mellon');
    expect(disk).not.toContain(Buffer.from('mellon-the-password').toString('base64'));
    expect(await password()).toBe('mellon-the-password');
  });

  it('goes to a new key by writing the same again, and lets the old key go', async () => {
    const two = newKey('two');
    const restart = async () => {
      expect(await user.timonel('down', '--name', 'crypt')).toMatchObject({ code: 0 });
      await simulated('crypt');
    };
    use(two, one);
    await restart();
    const secrets = await on('crypt', 'get', 'secrets', '--all-namespaces', '-o', 'json');
    const replaced = await user.tryKubectl(['--context', 'timonel-crypt', 'replace', '-f', '-'], secrets);
    expect(replaced, replaced.stderr).toMatchObject({ code: 0 });
    use(two);
    await restart();
    expect(await password()).toBe('mellon-the-password');
    expect(await user.timonel('down', '--purge', '--name', 'crypt')).toMatchObject({ code: 0 });
  });
});

describe.runIf(hasEtcd)('several control planes on one etcd (needs the package etcd-server)', () => {
  let etcd: EtcdCluster | undefined;
  afterEach(async () => {
    for (const name of ['one', 'two']) await user.timonel('down', '--purge', '--name', name);
    await etcd?.stop();
  });

  it('share objects and authorities, and one takes over from the other', async () => {
    etcd = await startEtcd(1);
    const store = [
      '--store',
      'etcd',
      '--etcd-endpoints',
      etcd.endpoints.join(','),
      '--leader-elect-lease-duration',
      '3s',
    ];
    await simulated('one', ...store);
    await simulated('two', ...store);
    await on('one', 'create', 'configmap', 'shared', '--from-literal=a=b');
    expect(await on('two', 'get', 'configmap', 'shared', '-o', 'jsonpath={.data.a}')).toBe('b');
    const status = JSON.parse((await user.timonel('status', '--name', 'one', '-o', 'json')).stdout) as {
      server: { pid: number };
    };
    process.kill(status.server.pid, 'SIGKILL');
    await on('two', 'create', 'deployment', 'after', '--image=x', '--replicas=2');
    await eventually(
      'pods made by the control plane that took over',
      async () =>
        (await on('two', 'get', 'pods', '-l', 'app=after', '-o', 'name')).trim().split('\n').filter(Boolean).length ===
        2,
    );
  });

  it('take over the objects of a cluster on SQLite, and give them back, by snapshot', async () => {
    etcd = await startEtcd(1);
    await simulated('small');
    await on('small', 'create', 'configmap', 'moved', '--from-literal=a=b');
    const save = async (name: string) => (await user.timonel('snapshot', 'save', '--name', name)).stdout.trim();
    const first = await save('small');
    await simulated('one', '--store', 'etcd', '--etcd-endpoints', etcd.endpoints.join(','), '--from-snapshot', first);
    expect(await on('one', 'get', 'configmap', 'moved', '-o', 'jsonpath={.data.a}')).toBe('b');
    await on('one', 'create', 'configmap', 'added', '--from-literal=c=d');
    const second = await save('one');
    await simulated('back', '--from-snapshot', second);
    expect(await on('back', 'get', 'configmap', 'moved', 'added', '-o', 'jsonpath={.items[*].data}')).toBe(
      '{"a":"b"} {"c":"d"}',
    );
    for (const name of ['small', 'back'])
      expect(await user.timonel('down', '--purge', '--name', name)).toMatchObject({ code: 0 });
  });

  it('say what is wrong with an etcd that does not answer', async () => {
    const result = await user.timonel(
      'up',
      '--name',
      'one',
      '--runtime',
      'sim',
      '--store',
      'etcd',
      '--etcd-endpoints',
      'http://127.0.0.1:1',
    );
    expect(result.code).toBe(1);
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
    expect(result.stderr).toContain('etcd at http://127.0.0.1:1 does not answer');
    expect(readdirSync(join(user.home, 'data'))).not.toContain('one');
  });
});
