/**
 * `npm run bench [-- NAME…]`: runs the benches of bench/<area>.ts whose name is, or begins with, one of the given. One JSON
 * line each on standard output, progress on standard error. `--list` names them, `--runs N` takes the median of N.
 */
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Bench, median } from './bench.ts';

const notAreas = /^(main|bench|.*-fixtures)\.ts$/;

let failed = false;

function complain(what: string, error: unknown): void {
  failed = true;
  process.stderr.write(`${what} failed: ${error instanceof Error ? error.stack : error}\n`);
}

/** The benches of the areas that the names begin with; an area that does not load takes no other with it. */
async function findBenches(wanted: readonly string[]): Promise<Bench[]> {
  const here = new URL('.', import.meta.url);
  const areas = new Set(wanted.map((name) => `${name.split('.')[0]}.ts`));
  const files = readdirSync(here).filter((file) => file.endsWith('.ts') && !notAreas.test(file));
  const known = files.filter((file) => areas.has(file));
  const found: Bench[] = [];
  for (const file of (known.length === areas.size && known.length > 0 ? known : files).sort()) {
    try {
      const area: { readonly benches?: readonly Bench[] } = await import(new URL(file, here).href);
      if (area.benches) found.push(...area.benches);
    } catch (error) {
      complain(`loading ${file}`, error);
    }
  }
  return found;
}

const isWanted = (name: string, wanted: readonly string[]) =>
  wanted.length === 0 || wanted.some((each) => name === each || name.startsWith(`${each}.`));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: 'boolean' }, runs: { type: 'string', default: '1' } },
});
const benches = (await findBenches(positionals)).filter(({ name }) => isWanted(name, positionals));
if (benches.length === 0) {
  process.stderr.write(`no bench is named ${positionals.join(' or ')}; --list shows what there is\n`);
  process.exit(2);
}
if (values.list) {
  for (const { name } of benches) process.stdout.write(`${name}\n`);
  process.exit(0);
}

for (const { name, unit, target, better, run } of benches) {
  process.stderr.write(`${name} …\n`);
  try {
    const results: number[] = [];
    for (let i = 0; i < Math.max(1, Number(values.runs)); i++) results.push(await run());
    const value = Number(median(results).toPrecision(4));
    const ok = target === undefined || (better === 'higher' ? value >= target : value <= target);
    process.stdout.write(`${JSON.stringify({ bench: name, value, unit, target, ok })}\n`);
  } catch (error) {
    complain(name, error);
  }
}
process.exit(failed ? 1 : 0);
