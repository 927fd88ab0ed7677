/** Lists of completion indexes as jobs write them: `0,2-4`. */

/** The ranges that a text names, in order, or what is wrong with it. Indexes are below `completions`. */
export function parseIndexList(text: string, completions: number): [first: number, last: number][] | string {
  const ranges: [number, number][] = [];
  if (text === '') return ranges;
  let previous = -1;
  for (const interval of text.split(',')) {
    const limits = interval.split('-');
    if (limits.length > 2) {
      return `the fragment ${JSON.stringify(interval)} violates the requirement that an index interval can have at most two parts separated by '-'`;
    }
    const wrong = limits.find((limit) => !/^\d+$/.test(limit));
    if (wrong !== undefined) return `cannot convert string to integer for index: ${JSON.stringify(wrong)}`;
    const [first, last = first] = limits.map(Number) as [number, number?];
    const tooLarge = [first, last!].find((limit) => limit >= completions);
    if (tooLarge !== undefined) return `too large index: ${JSON.stringify(String(tooLarge))}`;
    if (limits.length === 2 && first >= last!) return `non-increasing order, previous: ${first}, current: ${last}`;
    if (previous >= first) return `non-increasing order, previous: ${previous}, current: ${first}`;
    ranges.push([first, last!]);
    previous = last!;
  }
  return ranges;
}

/** How many indexes ranges name. */
export const countIndexes = (ranges: readonly (readonly [number, number])[]): number =>
  ranges.reduce((count, [first, last]) => count + last - first + 1, 0);
