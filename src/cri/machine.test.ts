import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cgroups, cpuWeight } from './cgroups.ts';
import { containerdConfig } from './containerd-config.ts';
import { containerdPaths } from './containerd-paths.ts';
import { containerOfEnvelope } from './events.ts';
import { hasCapability, readCgroupLayout } from './machine.ts';
import { mountsUnder } from './mounts.ts';
import { normalizeEndpoint } from './runtime.ts';

const line = (point: string, type: string, options: string) =>
  `30 20 0:1 / ${point} rw,relatime - ${type} none ${options}`;

describe('how control groups are mounted', () => {
  it('is version 2 where nothing else is', () => {
    const layout = readCgroupLayout(line('/sys/fs/cgroup', 'cgroup2', 'rw'));
    expect(layout.version).toBe('v2');
    expect(layout.mounts.get('memory')).toBe('/sys/fs/cgroup');
  });

  it('is version 1 on hybrid machines, with the other tree known', () => {
    const layout = readCgroupLayout(
      [
        line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
        line('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'),
        line('/sys/fs/cgroup/unified', 'cgroup2', 'rw'),
      ].join('\n'),
    );
    expect(layout.version).toBe('v1');
    expect(layout.mounts.get('cpuacct')).toBe('/sys/fs/cgroup/cpu,cpuacct');
    expect(layout.unified).toBe('/sys/fs/cgroup/unified');
  });
});

describe('control groups of version 2', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'cgroup-'));
    writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory pids');
    writeFileSync(join(root, 'cgroup.subtree_control'), '');
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const groups = () =>
    new Cgroups({ version: 'v2', mounts: new Map(['cpu', 'memory', 'pids'].map((name) => [name, root])) });

  it('are made with the controllers passed on', () => {
    groups().ensure('/a/b');
    expect(existsSync(join(root, 'a/b'))).toBe(true);
    expect(readFileSync(join(root, 'cgroup.subtree_control'), 'utf8')).toMatch(/^\+/);
  });

  it('get their limits in version 2’s files', () => {
    mkdirSync(join(root, 'a'));
    for (const file of ['cpu.weight', 'cpu.max', 'memory.max', 'pids.max']) writeFileSync(join(root, 'a', file), '');
    groups().apply('/a', { cpuShares: 1024, cpuQuota: 50_000, memory: 1 << 20, pids: -1 });
    const read = (file: string) => readFileSync(join(root, 'a', file), 'utf8');
    expect([read('cpu.weight'), read('cpu.max'), read('memory.max'), read('pids.max')]).toEqual([
      '39',
      '50000 100000',
      '1048576',
      'max',
    ]);
    groups().apply('/a', { cpuQuota: -1, memory: -1 });
    expect([read('cpu.max'), read('memory.max')]).toEqual(['max 100000', 'max']);
  });

  it('weigh shares as upstream does', () => {
    expect([2, 1024, 262_144].map(cpuWeight)).toEqual([1, 39, 10_000]);
  });

  it('are removed with all below them', () => {
    groups().ensure('/a/b');
    rmSync(join(root, 'a'), { recursive: true });
    mkdirSync(join(root, 'a/b'), { recursive: true });
    expect(groups().remove('/a')).toBe(true);
    expect(existsSync(join(root, 'a'))).toBe(false);
  });
});

describe('the machine', () => {
  it('is asked for capabilities', () => {
    const dir = mkdtempSync(join(tmpdir(), 'caps-'));
    try {
      const file = join(dir, 'status');
      writeFileSync(file, 'Name:\tx\nCapEff:\t000001fffeffffff\n');
      expect([hasCapability('CAP_SYS_RESOURCE', file), hasCapability('CAP_SYS_ADMIN', file)]).toEqual([false, true]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('is asked for mounts under a directory, the deepest first, and only there', () => {
    const info = ['/a', '/a/b', '/a/b/c\\040d', '/ab'].map((point) => line(point, 'tmpfs', 'rw')).join('\n');
    expect(mountsUnder('/a', info)).toEqual(['/a/b/c d', '/a/b', '/a']);
  });
});

describe('our containerd', () => {
  it('has its socket in the data dir, or in /run when the path would be too long', () => {
    expect(containerdPaths('/var/lib/x').socket).toBe('/var/lib/x/containerd/containerd.sock');
    const far = containerdPaths(`/${'x'.repeat(120)}`);
    expect(far.socket).toMatch(/^\/run\/timonel-[0-9a-f]{12}\/containerd\.sock$/);
    expect(containerdPaths(`/${'x'.repeat(120)}`).socket).toBe(far.socket);
  });

  it('is configured with quoted paths and without what it does not need', () => {
    const text = containerdConfig({
      ...containerdPaths('/data "x"'),
      cniConfDir: '/c',
      cniBinDirs: ['/b'],
      registryDir: '/r',
      snapshotter: 'native',
      systemdCgroup: false,
      restrictOomScoreAdj: true,
    });
    expect(text).toContain('root = "/data \\"x\\"/containerd/root"');
    expect(text).toContain('restrict_oom_score_adj = true');
    expect(text).toContain('snapshotter = "native"');
  });

  it('tells of containers that ended, not of the processes of execs', () => {
    const text = (number: number, value: string) => [(number << 3) | 2, value.length, ...Buffer.from(value)];
    const envelope = (payload: number[]) => {
      const any = [0x12, payload.length, ...payload];
      return Uint8Array.from([...text(2, 'k8s.io'), 0x22, any.length, ...any]);
    };
    expect(containerOfEnvelope(envelope([...text(1, 'c1'), ...text(2, 'c1')]))).toBe('c1');
    expect(containerOfEnvelope(envelope([...text(1, 'c1'), ...text(2, 'exec-7')]))).toBeUndefined();
    expect(containerOfEnvelope(envelope(text(1, 'c1')))).toBe('c1');
  });

  it('is reached by what users write', () => {
    expect(['/run/x.sock', 'unix:/run/x.sock', 'unix:///run/x.sock'].map(normalizeEndpoint)).toEqual(
      new Array(3).fill('unix:///run/x.sock'),
    );
  });
});
