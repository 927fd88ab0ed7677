/** `npm run check`: format, lint, types, layers and cycles, generated lists current, links in documents, dead code. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);
const steps: [name: string, command: string, args: string[]][] = [
  ['generated types', process.execPath, ['scripts/gen.ts', '--types']],
  ['generated lists', process.execPath, ['scripts/gen.ts', '--check']],
  ['format and lint', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['types', bin('tsc'), ['--noEmit']],
  ['layers', process.execPath, ['scripts/layers.ts']],
  ['documents', process.execPath, ['scripts/docs.ts']],
  ['dead code', bin('knip'), ['--no-progress']],
];

let failed = 0;
for (const [name, command, args] of steps) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  const ok = result.status === 0;
  console.log(`${ok ? 'ok    ' : 'failed'} ${name}`);
  if (!ok) {
    failed++;
    console.log(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`);
  }
}
process.exitCode = failed ? 1 : 0;
