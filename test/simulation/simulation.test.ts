import { describe, expect, it } from 'vitest';
import { mutants } from './mutants.ts';
import { simulate } from './simulation.ts';

/** How many seeds CI runs; `npm run simulate` runs as many as there is time for. */
const seeds = 12;
/** Seeds within which a planted bug must show. */
const seedsForBug = 20;

describe('simulated clusters', () => {
  for (let seed = 1; seed <= seeds; seed++) {
    it(`keeps every promise with seed ${seed}`, async () => {
      const { violations, log } = await simulate({ seed });
      expect(violations, `npm run simulate -- --seed ${seed}\n${log.join('\n')}`).toEqual([]);
    });
  }

  it('does the same again with the same seed, and something else with another', async () => {
    const [first, again, other] = [
      await simulate({ seed: 7, steps: 25 }),
      await simulate({ seed: 7, steps: 25 }),
      await simulate({ seed: 8, steps: 25 }),
    ];
    expect(again.log).toEqual(first.log);
    expect(again.digest).toBe(first.digest);
    expect(other.digest).not.toBe(first.digest);
  });
});

describe('planted bugs', () => {
  it.each(mutants)('finds $bug', async ({ complaint, bug: _bug, ...options }) => {
    const found: string[] = [];
    for (let seed = 1; seed <= seedsForBug && !complaint.test(found.join('\n')); seed++)
      found.push(...(await simulate({ ...options, seed })).violations);
    expect(found.join('\n')).toMatch(complaint);
  });
});
