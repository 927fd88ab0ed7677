/** How long a test waits for what should come soon: far longer than a slow and busy machine needs. */
export const patienceMs = 60_000;

export const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Waits until something holds; the error of a time-out says what did not come. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const start = performance.now(); !(await holds()); await wait(10)) {
    if (performance.now() - start > patienceMs) throw new Error(`it did not come to this: ${what}`);
  }
}
