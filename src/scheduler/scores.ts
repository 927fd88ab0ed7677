/** The highest score that a plugin gives a node. */
export const maxNodeScore = 100;

/** Scales the first `count` scores to 0…100 by their maximum; with `reverse`, the smallest gets the most. */
export function normalizeScores(scores: Float64Array, count: number, options: { reverse: boolean }): void {
  let max = 0;
  for (let i = 0; i < count; i++) if (scores[i]! > max) max = scores[i]!;
  for (let i = 0; i < count; i++) {
    if (max === 0) {
      scores[i] = options.reverse ? maxNodeScore : scores[i]!;
      continue;
    }
    const scaled = Math.floor((maxNodeScore * scores[i]!) / max);
    scores[i] = options.reverse ? maxNodeScore - scaled : scaled;
  }
}
