/** Sets of completion indexes, written as `1,3-5,7`. */

export type IndexSet = ReadonlySet<number>;

/** The indexes of a text; those that are not below `completions` are left out, and so is what cannot be read. */
export function parseIndexes(text: string | undefined, completions: number): Set<number> {
  const out = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!range) continue;
    const last = Math.min(Number(range[2] ?? range[1]), completions - 1);
    for (let index = Number(range[1]); index <= last; index++) out.add(index);
  }
  return out;
}

/** The text of a set, ascending; three or more in a row make a range. */
export function formatIndexes(indexes: IndexSet): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let at = 0; at < sorted.length; ) {
    let end = at;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    if (end === at) parts.push(String(sorted[at]));
    else if (end === at + 1) parts.push(String(sorted[at]), String(sorted[end]));
    else parts.push(`${sorted[at]}-${sorted[end]}`);
    at = end + 1;
  }
  return parts.join(',');
}
