/** Cron schedules as CronJobs write them: five fields, the nicknames, `@every`, and a time zone. */
import { Cron } from 'croner';
import { cronScheduleProblem } from '../../api/batch/cron-schedule.ts';
import { parseDuration } from '../../api/machinery/duration.ts';
import { nextChange, offsetAt } from './time-zone.ts';

export interface Schedule {
  /** The first time after `fromMs`; undefined when there is none. */
  next(fromMs: number): number | undefined;
  /** The last time after `afterMs` and not after `nowMs`, with how many there were (counted to a little above 100). */
  mostRecent(afterMs: number, nowMs: number): { readonly at: number; readonly missed: number } | undefined;
}

/** More missed times than this are worth a warning. */
export const manyMissed = 100;

/** Parses a schedule; throws an Error that says what is wrong with it. Without a time zone it is meant in UTC. */
export function parseSchedule(text: string, timeZone?: string): Schedule {
  const problem = cronScheduleProblem(text);
  if (problem) throw new Error(problem);
  // Old objects may still name their zone in the schedule, which new ones must not.
  const zoned = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text.trim());
  const plain = (zoned ? zoned[2]! : text).trim();
  const every = /^@every\s+(.+)$/.exec(plain);
  if (every) {
    const intervalMs = everyMs(every[1]!);
    return fromNext((from) => from + intervalMs);
  }
  const cron = new Cron(plain.replaceAll('?', '*'), { timezone: 'UTC', paused: true });
  const nextInUtc = (from: number) => cron.nextRun(new Date(from))?.getTime();
  const zone = timeZone ?? zoned?.[1];
  return fromNext(zone && zone !== 'UTC' ? inZone(zone, nextInUtc) : nextInUtc);
}

/**
 * As upstream's cron library has it: what the clocks skip in spring is left out, what they show twice in autumn comes twice.
 * `nextInUtc` takes and gives what clocks show, as if they were in UTC.
 */
function inZone(zone: string, nextInUtc: (from: number) => number | undefined): (from: number) => number | undefined {
  return (from) => {
    let offset = offsetAt(zone, from);
    let shown = from + offset;
    for (let since = from; ; ) {
      const next = nextInUtc(shown);
      if (next === undefined) return undefined;
      const change = nextChange(zone, since, next - offset);
      if (change === undefined) return next - offset;
      // Nothing is due before the clocks are set; what they show from then on is looked at anew.
      since = change;
      offset = offsetAt(zone, change);
      shown = change + offset - 1;
    }
  };
}

function fromNext(next: (fromMs: number) => number | undefined): Schedule {
  return {
    next,
    mostRecent(afterMs, nowMs) {
      const first = next(afterMs);
      if (first === undefined || first > nowMs) return undefined;
      let at = first;
      let missed = 1;
      let from = at;
      const second = next(first);
      if (second !== undefined && (nowMs - first) / (second - first) > manyMissed) {
        // Too many to walk through: a start close to the end is found by halving the distance to it.
        missed = manyMissed + 1;
        for (let gap = nowMs - first; gap > 60_000; gap /= 2) {
          const candidate = next(Math.max(first, nowMs - gap) - 1);
          if (candidate !== undefined && candidate <= nowMs) at = from = candidate;
        }
      }
      for (let time = next(from); time !== undefined && time <= nowMs; time = next(time)) {
        at = time;
        missed++;
      }
      return { at, missed };
    },
  };
}

function everyMs(text: string): number {
  const nanos = parseDuration(text.trim());
  if (nanos === undefined) {
    throw new Error(`failed to parse duration @every ${text}: time: invalid duration ${JSON.stringify(text)}`);
  }
  return Math.max(1_000, Math.floor(nanos / 1e9) * 1000);
}
