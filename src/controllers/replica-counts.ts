/** Status counts as upstream encodes them: a zero is left out. */
export function nonZero<K extends string>(counts: Readonly<Record<K, number>>): { [key in K]?: number } {
  const out: { [key in K]?: number } = {};
  for (const key of Object.keys(counts) as K[]) if (counts[key] !== 0) out[key] = counts[key];
  return out;
}
