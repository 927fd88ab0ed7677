import { defineConfig } from 'vitest/config';

/** How long a test may wait for what should come at once: an idle machine never waits, a slow and busy one does. */
const patienceMs = 60_000;

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 3 * patienceMs,
    hookTimeout: 3 * patienceMs,
    expect: { poll: { timeout: patienceMs, interval: 20 } },
  },
});
