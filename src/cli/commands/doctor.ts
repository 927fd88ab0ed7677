import { type ClusterSelection, findCluster, listClusters, tryFindCluster } from '../../cluster/find.ts';
import type { OutputFormat } from '../progress.ts';

interface DoctorOptions extends ClusterSelection {
  readonly cis?: boolean;
  readonly output: OutputFormat;
}

const colour = process.stdout.isTTY && !process.env['NO_COLOR'];
const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
const print = (line: string) => process.stdout.write(`${line}\n`);

/** `timonel doctor`: exit code 1 when something is broken, or with `--cis` when a check fails. */
export async function doctor(options: DoctorOptions): Promise<void> {
  const bad = options.cis ? await benchmark(options) : await examination(options);
  if (bad) process.exitCode = 1;
}

async function examination(options: DoctorOptions): Promise<boolean> {
  const named = options.name !== undefined || options.dataDir !== undefined;
  // A cluster that is named must be there; without any, the machine alone is looked at.
  const config = named || listClusters().length > 0 ? findCluster(options) : tryFindCluster(options);
  const { examine } = await import('../../cluster/doctor/doctor.ts');
  const findings = await examine(config);
  const broken = findings.filter((finding) => finding.verdict === 'broken').length;
  const warnings = findings.filter((finding) => finding.verdict === 'warning').length;
  if (options.output === 'json') {
    print(
      JSON.stringify({ ...(config ? { name: config.name } : {}), healthy: broken === 0, broken, warnings, findings }),
    );
    return broken > 0;
  }
  const marks = { ok: paint(32, '✓'), warning: paint(33, '!'), broken: paint(31, '✗') };
  for (const { check, verdict, message, advice } of findings) {
    print(`${marks[verdict]} ${check}: ${message}`);
    if (advice) print(`    → ${advice}`);
  }
  const subject = config ? `cluster "${config.name}"` : 'this machine (there is no cluster yet)';
  print(
    broken
      ? `${broken} broken, ${warnings} to look at: ${subject}`
      : `Nothing is broken${warnings ? `, ${warnings} to look at` : ''}: ${subject}`,
  );
  return broken > 0;
}

async function benchmark(options: DoctorOptions): Promise<boolean> {
  const config = findCluster(options);
  const { runBenchmark, benchmarkVersion, cisStates } = await import('../../cluster/doctor/cis/benchmark.ts');
  const results = await runBenchmark(config);
  const totals = Object.fromEntries(
    cisStates.map((state) => [state, results.filter((result) => result.state === state).length]),
  );
  if (options.output === 'json')
    print(JSON.stringify({ name: config.name, benchmark: benchmarkVersion, totals, results }));
  else {
    const colours = { PASS: 32, FAIL: 31, 'NOT APPLICABLE': 2, MANUAL: 33 };
    for (const { id, title, state, reason } of results)
      print(`${paint(colours[state], state.padEnd(14))}  ${id.padEnd(7)} ${title}: ${reason}`);
    print(`${benchmarkVersion}: ${cisStates.map((state) => `${totals[state]} ${state}`).join(', ')}`);
  }
  return results.some((result) => result.state === 'FAIL');
}
