/**
 * `npm run simulate -- --seconds 3600`: simulates clusters, one seed after the other, until the time is over. A broken promise
 * prints the seed and the log of its run, and ends it with exit code 1; `--seed N` runs that seed alone, which gives the same run.
 */
import { parseArgs } from 'node:util';
import { realClock } from '../src/base/clock.ts';
import { simulate } from '../test/simulation/simulation.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    steps: { type: 'string', default: '40' },
  },
});
const steps = Number(values.steps);
const end = realClock.monotonic() + Number(values.seconds) * 1000;
let runs = 0;
for (let seed = Number(values.seed ?? values.from); ; seed++) {
  const { violations, log } = await simulate({ seed, steps });
  runs++;
  if (violations.length) {
    process.stdout.write(`${log.join('\n')}\n`);
    process.stderr.write(
      `seed ${seed} broke: ${violations.join('; ')}\nagain: npm run simulate -- --seed ${seed} --steps ${steps}\n`,
    );
    process.exit(1);
  }
  if (runs % 20 === 0) process.stderr.write(`${runs} runs, up to seed ${seed}: no promise broken\n`);
  if (values.seed || realClock.monotonic() >= end) break;
}
process.stdout.write(`${runs} runs, no promise broken\n`);
process.exit(0);
