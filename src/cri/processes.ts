/** Processes of this machine by pid: identity that survives reuse of the number, search by arguments, ending. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { pause } from './wait.ts';

/** A process: the start time tells it from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start. */
  readonly startTime: string;
}

/** The identity of a living process (not a zombie), or undefined. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  try {
    // The name in field 2 may hold spaces and parentheses, so fields are counted from the last one.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return { pid, startTime: fields[19]! };
  } catch {
    return undefined;
  }
}

/** Whether that very process still lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTime === identity.startTime;
}

/** The arguments of a process; empty for kernel threads and processes that are gone. */
export function argumentsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** All processes that satisfy a condition on their arguments. */
export function findProcesses(matches: (args: readonly string[], pid: number) => boolean): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !matches(argumentsOf(pid), pid)) continue;
    const identity = identifyProcess(pid);
    if (identity) found.push(identity);
  }
  return found;
}

/** The living children of a process. */
export function childrenOf(pid: number): ProcessIdentity[] {
  return findProcesses((_, candidate) => {
    try {
      const stat = readFileSync(`/proc/${candidate}/stat`, 'latin1');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
    } catch {
      return false;
    }
  });
}

/**
 * Ends a process: SIGTERM, then SIGKILL when it is still there after `graceMs`. Resolves when it is gone; false when even
 * that did not help within a second.
 */
export async function endProcess(identity: ProcessIdentity, clock: Clock, graceMs: number): Promise<boolean> {
  for (const [signal, waitMs] of [['SIGTERM', graceMs] as const, ['SIGKILL', 1000] as const]) {
    if (waitMs <= 0) continue;
    if (!isAlive(identity)) return true;
    try {
      process.kill(identity.pid, signal);
    } catch {
      return true;
    }
    for (const start = clock.monotonic(); clock.monotonic() - start < waitMs; ) {
      if (!isAlive(identity)) return true;
      await pause(clock, 10);
    }
  }
  return !isAlive(identity);
}
