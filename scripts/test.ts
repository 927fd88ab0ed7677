/**
 * `npm test`: the checks, the unit tests, then the suites that use real programs, one at a time. Ends with the line
 * `N passed, N failed`. Arguments select suites by name; `npm test -- --list` names them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { installPackages, missingPackages, nodePackages } from '../src/cluster/packages.ts';

const root = join(import.meta.dirname, '..');
const selected = process.argv.slice(2).filter((a) => !a.startsWith('-'));

/** Unit tests beside the code, then every folder of test/ as a suite of its own. */
const suites = [
  'src',
  ...readdirSync(join(root, 'test'), { withFileTypes: true })
    .filter((e) => e.isDirectory())
    .map((e) => `test/${e.name}`),
].filter((suite) => selected.length === 0 || selected.some((s) => suite.endsWith(s)));

if (process.argv.includes('--list')) {
  console.log(['check', ...suites].join('\n'));
  process.exit(0);
}

/** Programs that the suites use besides what a node needs. */
const testPackages = [
  ...nodePackages,
  { name: 'busybox-static', provides: ['/bin/busybox', '/usr/bin/busybox'] },
  { name: 'etcd-server', provides: ['etcd'] },
];

const missing = missingPackages(testPackages);
if (missing.length > 0) {
  // In CI nothing that can run is skipped; on somebody's own machine nothing is installed unasked.
  if (process.env['CI'] && process.getuid?.() === 0) installPackages(testPackages, (message) => console.log(message));
  else console.log(`Tests that need these packages are skipped: ${missing.map((p) => p.name).join(' ')}`);
}

let passed = 0;
let failed = 0;
const skipped: string[] = [];
const failures: string[] = [];

/** Counts a failure, and keeps what it said for the end of the output, where it is read first. */
function fail(name: string, message: string): void {
  failed++;
  const lines = message.split('\n').filter((line) => !line.includes('/node_modules/'));
  failures.push([`  ${name}`, ...lines.slice(0, 30).map((line) => `    ${line}`)].join('\n'));
}

function hasTests(folder: string): boolean {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).some((f) => f.endsWith('.test.ts'));
}

if (selected.length === 0 || selected.includes('check')) {
  const check = spawnSync(process.execPath, ['scripts/check.ts'], { cwd: root, stdio: 'inherit' });
  if (check.status === 0) passed++;
  else fail('check', 'see its lines at the beginning');
}

const scratch = mkdtempSync(join(tmpdir(), 'timonel-test-'));
try {
  for (const suite of suites) {
    if (!hasTests(suite)) continue;
    const report = join(scratch, `${suite.replaceAll('/', '-')}.json`);
    console.log(`\n--- ${suite}`);
    const serial = suite === 'src' ? [] : ['--no-file-parallelism'];
    const run = spawnSync(
      process.execPath,
      [
        join(root, 'node_modules/vitest/vitest.mjs'),
        'run',
        `${suite}/`,
        ...serial,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
      ],
      { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, TIMONEL_TEST_SCRATCH: scratch } },
    );
    if (!existsSync(report)) {
      fail(suite, `the test runner ended without a report (exit code ${run.status ?? run.signal})`);
      continue;
    }
    const result = JSON.parse(readFileSync(report, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
      numFailedTestSuites: number;
      testResults: {
        name: string;
        status: string;
        message: string;
        assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
      }[];
    };
    passed += result.numPassedTests;
    for (const file of result.testResults) {
      const name = relative(root, file.name);
      // A file that failed to load has no assertions of its own to count.
      if (file.status === 'failed' && file.assertionResults.every((a) => a.status !== 'failed'))
        fail(name, file.message);
      for (const a of file.assertionResults) {
        if (a.status === 'skipped' || a.status === 'pending') skipped.push(a.fullName);
        if (a.status === 'failed') fail(`${name}: ${a.fullName}`, a.failureMessages.join('\n'));
      }
    }
    if (run.status !== 0 && result.numFailedTests === 0 && result.numFailedTestSuites === 0) {
      fail(suite, `the test runner failed with exit code ${run.status ?? run.signal}`);
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

if (skipped.length) console.log(`\nskipped:\n${skipped.map((name) => `  ${name}`).join('\n')}`);
if (failures.length) console.log(`\nfailed:\n${failures.join('\n')}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed || passed === 0 ? 1 : 0;
