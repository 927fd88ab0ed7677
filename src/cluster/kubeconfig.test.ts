import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { mergeKubeconfig, removeFromKubeconfig, replaceInKubeconfig } from './kubeconfig.ts';

const entry = { name: 'timonel', server: 'https://127.0.0.1:6443', ca: 'CA', cert: 'CERT', key: 'KEY' };
const other = `apiVersion: v1
kind: Config
clusters:
- name: work
  cluster: { server: https://work.example }
contexts:
- name: work
  context: { cluster: work, user: work }
users:
- name: work
  user: { token: secret }
current-context: work
preferences: { colors: true }
`;

describe('a kubeconfig', () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
    file = join(dir, 'sub/config');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('is made where there is none, for its owner only, and is gone when nothing is left in it', () => {
    mergeKubeconfig(file, entry);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(parse(readFileSync(file, 'utf8'))['current-context']).toBe('timonel');
    removeFromKubeconfig(file, 'timonel');
    expect(existsSync(file)).toBe(false);
  });

  it('keeps what others have in it, both ways', () => {
    const own = join(dir, 'config');
    writeFileSync(own, other);
    mergeKubeconfig(own, entry);
    const merged = parse(readFileSync(own, 'utf8'));
    expect(merged.clusters.map((c: { name: string }) => c.name)).toEqual(['work', 'timonel']);
    expect(merged.preferences).toEqual({ colors: true });
    mergeKubeconfig(own, { ...entry, server: 'https://127.0.0.1:7443' });
    expect(parse(readFileSync(own, 'utf8')).clusters).toHaveLength(2);
    removeFromKubeconfig(own, 'timonel');
    const left = parse(readFileSync(own, 'utf8'));
    expect(left.users).toEqual([{ name: 'work', user: { token: 'secret' } }]);
    expect(left['current-context']).toBeUndefined();
  });

  it('has renewed credentials where the cluster is in it, and is left alone otherwise', () => {
    const own = join(dir, 'config');
    const renewed = { ...entry, cert: 'renewed' };
    replaceInKubeconfig(own, renewed);
    expect(existsSync(own)).toBe(false);
    writeFileSync(own, other);
    replaceInKubeconfig(own, renewed);
    expect(readFileSync(own, 'utf8')).toBe(other);
    mergeKubeconfig(own, entry);
    const edited = readFileSync(own, 'utf8').replace('current-context: timonel', 'current-context: work');
    writeFileSync(own, edited);
    replaceInKubeconfig(own, { ...renewed, server: 'https://127.0.0.1:1' });
    expect(readFileSync(own, 'utf8')).toBe(edited);
    replaceInKubeconfig(own, renewed);
    const after = parse(readFileSync(own, 'utf8'));
    const before = parse(edited);
    expect(after.users.find((user: { name: string }) => user.name === 'timonel').user['client-certificate-data']).toBe(
      Buffer.from('renewed').toString('base64'),
    );
    expect([after['current-context'], after.contexts]).toEqual(['work', before.contexts]);
  });

  it('that is not YAML is refused with its line, and left as it is', () => {
    const own = join(dir, 'config');
    writeFileSync(own, 'clusters: [\nusers: }\n');
    expect(() => mergeKubeconfig(own, entry)).toThrow(/config line \d+: not valid YAML/);
    expect(readFileSync(own, 'utf8')).toBe('clusters: [\nusers: }\n');
    expect(existsSync(`${own}.lock`)).toBe(false);
  });
});
