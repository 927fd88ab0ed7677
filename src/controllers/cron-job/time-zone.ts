/** Offsets of time zones from UTC, by the zone data that Node has. */

const formats = new Map<string, Intl.DateTimeFormat>();
const weekMs = 7 * 24 * 3_600_000;

/** How far a zone's clocks are ahead of UTC at a moment, in ms. Throws a RangeError for a zone that does not exist. */
export function offsetAt(timeZone: string, at: number): number {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
    formats.set(timeZone, format);
  }
  const text = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  const offset = /GMT([+-])(\d\d):(\d\d)/.exec(text);
  if (!offset) return 0;
  return (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) * 60_000;
}

/** The first moment after `from`, and not after `to`, at which a zone's clocks are set; undefined when there is none. */
export function nextChange(timeZone: string, from: number, to: number): number | undefined {
  for (let start = from; start < to; start += weekMs) {
    const end = Math.min(to, start + weekMs);
    const before = offsetAt(timeZone, start);
    if (offsetAt(timeZone, end) === before) continue;
    let [low, high] = [start, end];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(timeZone, middle) === before) low = middle;
      else high = middle;
    }
    return high;
  }
  return undefined;
}
