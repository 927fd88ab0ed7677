/**
 * `npm run bench [-- NAME…]`: runs the benches of bench/<area>.ts whose name is, or begins with, one of the given. One JSON
 * line each on standard output, progress on standard error. `--list` names them, `--runs N` takes the median of N.
 */
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Bench, median } from './bench.ts';

const notAreas = /^(main|bench|.*-fixtures)\.ts$/;

async function findBenches(): Promise<Bench[]> {
  const here = new URL('.', import.meta.url);
  const found: Bench[] = [];
  for (const file of readdirSync(here).sort()) {
    if (!file.endsWith('.ts') || notAreas.test(file)) continue;
    const area: { readonly benches?: readonly Bench[] } = await import(new URL(file, here).href);
    if (area.benches) found.push(...area.benches);
  }
  return found;
}

const isWanted = (name: string, wanted: readonly string[]) =>
  wanted.length === 0 || wanted.some((each) => name === each || name.startsWith(`${each}.`));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: 'boolean' }, runs: { type: 'string', default: '1' } },
});
const benches = (await findBenches()).filter(({ name }) => isWanted(name, positionals));
if (benches.length === 0) {
  process.stderr.write(`no bench is named ${positionals.join(' or ')}; --list shows what there is\n`);
  process.exit(2);
}
if (values.list) {
  for (const { name } of benches) process.stdout.write(`${name}\n`);
  process.exit(0);
}

let failed = false;
for (const { name, unit, target, better, run } of benches) {
  process.stderr.write(`${name} …\n`);
  try {
    const results: number[] = [];
    for (let i = 0; i < Math.max(1, Number(values.runs)); i++) results.push(await run());
    const value = Number(median(results).toPrecision(4));
    const ok = target === undefined || (better === 'higher' ? value >= target : value <= target);
    process.stdout.write(`${JSON.stringify({ bench: name, value, unit, target, ok })}\n`);
  } catch (error) {
    failed = true;
    process.stderr.write(`${name} failed: ${error instanceof Error ? error.stack : error}\n`);
  }
}
process.exit(failed ? 1 : 0);
