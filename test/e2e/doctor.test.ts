/** `timonel doctor`: finds nothing in a good cluster, and what is wrong in a bad one. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newUser, type User } from './harness.ts';

interface Finding {
  readonly check: string;
  readonly verdict: 'ok' | 'warning' | 'broken';
  readonly message: string;
  readonly advice?: string;
}
interface CisResult {
  readonly id: string;
  readonly state: string;
  readonly reason: string;
}

let user: User;
beforeAll(async () => {
  user = await newUser();
});
afterAll(() => user?.leave());

async function examine(...args: string[]): Promise<{ code: number; name?: string; findings: Finding[] }> {
  const { code, stdout } = await user.timonel('doctor', '-o', 'json', ...args);
  return { code: code ?? -1, ...(JSON.parse(stdout) as { name?: string; findings: Finding[] }) };
}
const broken = (findings: readonly Finding[]) => findings.filter((finding) => finding.verdict === 'broken');

async function benchmark(name: string): Promise<{ code: number; state(id: string): string; failed: CisResult[] }> {
  const { code, stdout } = await user.timonel('doctor', '--cis', '-o', 'json', '--name', name);
  const { results } = JSON.parse(stdout) as { results: CisResult[] };
  const byId = new Map(results.map((result) => [result.id, result]));
  const state = (id: string) => {
    const { state, reason } = byId.get(id) ?? { state: 'none', reason: '' };
    return reason.startsWith('could not be read') ? reason : state;
  };
  return { code: code ?? -1, state, failed: results.filter((result) => result.state === 'FAIL') };
}

/** Checks whose answer must come from requests, handshakes and dry runs that succeeded. */
const provenByTrying =
  '1.2.1 1.2.2 1.2.5 1.2.6 1.2.7 1.2.8 1.2.12 1.2.13 1.2.14 1.2.15 1.2.21 1.2.22 1.2.24 1.2.25 1.2.29 1.2.30 1.3.3 1.3.5 1.3.7 4.2.1 4.2.2 4.2.3 4.2.4 4.2.9 4.2.12'.split(
    ' ',
  );
const provenByFiles = '1.1.11 1.1.12 1.1.13 1.1.14 1.1.19 1.1.20 1.1.21'.split(' ');
const statesOf = (state: (id: string) => string, ids: readonly string[]) => ids.map((id) => `${id} ${state(id)}`);
const allPass = (ids: readonly string[]) => ids.map((id) => `${id} PASS`);

describe('timonel doctor', () => {
  it('looks at the machine alone when there is no cluster, and refuses a name that nobody has', async () => {
    const { code, name, findings } = await examine();
    expect([code, name, broken(findings)]).toEqual([0, undefined, []]);
    expect(findings.map((finding) => finding.check)).toEqual(expect.arrayContaining(['system', 'disk', 'clock']));
    const wrong = await user.timonel('doctor', '--name', 'nobody');
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('there is no cluster "nobody"')]);
  });

  it('finds nothing broken in a good cluster, then what was done to it', async () => {
    expect((await user.timonel('up', '--name', 'ill', '--runtime', 'sim')).code).toBe(0);
    const good = await examine('--name', 'ill');
    expect([good.code, good.name, broken(good.findings)]).toEqual([0, 'ill', []]);
    const text = await user.timonel('doctor', '--name', 'ill');
    expect(text.stdout).toMatch(/^✓ API port: the server listens on \d+$/m);

    await user.kubectl('run', 'stuck', '--image=a:v1', '--overrides={"spec":{"nodeSelector":{"no":"such"}}}');
    chmodSync(join(user.home, 'data/ill/pki/ca.key'), 0o644);
    const kubeconfig = join(user.home, '.kube/config');
    writeFileSync(kubeconfig, readFileSync(kubeconfig, 'utf8').replace(/127\.0\.0\.1:\d+/, '127.0.0.1:1'));
    const { pid } = JSON.parse(readFileSync(join(user.home, 'data/ill/run/server.json'), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    const bad = await eventually('the server to be gone', async () => {
      const report = await examine('--name', 'ill');
      return broken(report.findings).some((finding) => finding.check === 'server') && report;
    });
    expect(bad.code).toBe(1);
    expect(broken(bad.findings).map(({ check, message }) => [check, message])).toEqual([
      ['permissions', expect.stringContaining('ca.key (644)')],
      ['server', 'the server has ended without being told to'],
      ['kubeconfig', expect.stringContaining('leads to https://127.0.0.1:1,')],
    ]);
    expect(bad.findings.every(({ verdict, advice }) => verdict === 'ok' || advice)).toBe(true);
    const told = await user.timonel('doctor', '--name', 'ill');
    expect(told.stdout).toMatch(/✗ server: .*\n {4}→ .*"timonel up --name ill" starts it/);
  });

  it('passes every check of the benchmark that applies in a default installation', async () => {
    expect((await user.timonel('up', '--name', 'good', '--runtime', 'sim')).code).toBe(0);
    const { code, state, failed } = await benchmark('good');
    expect([code, failed]).toEqual([0, []]);
    const wanted = [...provenByTrying, ...provenByFiles];
    expect(statesOf(state, wanted)).toEqual(allPass(wanted));
    expect(statesOf(state, ['1.1.1', '2.1', '4.1.5', '1.2.16', '5.1.1', '5.2.2'])).toEqual([
      '1.1.1 NOT APPLICABLE',
      '2.1 NOT APPLICABLE',
      '4.1.5 NOT APPLICABLE',
      '1.2.16 MANUAL',
      '5.1.1 MANUAL',
      '5.2.2 MANUAL',
    ]);
  });

  it('fails the checks whose protection was taken away', async () => {
    const identities = join(user.home, 'identities.yaml');
    writeFileSync(
      identities,
      'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {enabled: true}\n',
    );
    const up = await user.timonel(
      ...['up', '--name', 'weak', '--runtime', 'sim', '--authorization-mode', 'AlwaysAllow'],
      ...['--disable-admission', 'NamespaceLifecycle,NodeRestriction,ServiceAccount'],
      ...['--authentication-config', identities],
    );
    expect([up.code, up.stderr]).toEqual([0, expect.anything()]);
    chmodSync(join(user.home, 'data/weak/pki/sa.key'), 0o640);
    chmodSync(join(user.home, 'data/weak/state.db-wal'), 0o644);
    await user.kubectl('create', 'clusterrolebinding', 'all', '--clusterrole=view', '--serviceaccount=default:default');
    await user.kubectl(
      'create',
      'clusterrolebinding',
      'any',
      '--clusterrole=cluster-admin',
      '--group=system:authenticated',
    );
    const { code, failed } = await benchmark('weak');
    expect(code).toBe(1);
    expect(failed.map((result) => result.id)).toEqual(
      expect.arrayContaining(
        '1.1.11 1.1.21 1.2.1 1.2.6 1.2.7 1.2.8 1.2.12 1.2.13 1.2.14 4.2.2 5.1.2 5.1.4 5.1.5'.split(' '),
      ),
    );
  });

  it.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'passes with real containers, too (needs root on Linux)',
    async () => {
      expect((await user.timonel('up', '--name', 'real', '--runtime', 'cri')).code).toBe(0);
      const health = await examine('--name', 'real');
      expect([health.code, broken(health.findings)]).toEqual([0, []]);
      const { code, state, failed } = await benchmark('real');
      expect([code, failed]).toEqual([0, []]);
      const wanted = [
        ...provenByTrying,
        ...provenByFiles,
        '1.1.9',
        '1.1.10',
        '4.1.3',
        '4.1.5',
        '4.1.9',
        '4.2.5',
        '4.2.10',
        '4.2.11',
        '4.3.1',
        '5.3.1',
      ];
      expect(statesOf(state, wanted)).toEqual(allPass(wanted));
    },
    120_000,
  );
});
