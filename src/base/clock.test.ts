import { describe, expect, it } from 'vitest';
import { formatMicroTime, formatTime, quiesce, realClock, VirtualClock } from './clock.ts';

describe('VirtualClock', () => {
  it('fires timers in order of time, then of setting, each at its own instant', async () => {
    const clock = new VirtualClock(0);
    const seen: string[] = [];
    clock.after(20, () => seen.push(`b@${clock.now()}`));
    clock.after(10, () => seen.push(`a@${clock.now()}`));
    clock.after(20, () => seen.push(`c@${clock.now()}`));
    await clock.advance(30);
    expect(seen).toEqual(['a@10', 'b@20', 'c@20']);
    expect(clock.now()).toBe(30);
  });

  it('runs what a timer set in motion before the next timer', async () => {
    const clock = new VirtualClock(0);
    const seen: string[] = [];
    clock.after(10, () => {
      void Promise.resolve().then(() => clock.after(5, () => seen.push(`inner@${clock.now()}`)));
    });
    clock.after(20, () => seen.push('outer@20'));
    await clock.advance(20);
    expect(seen).toEqual(['inner@15', 'outer@20']);
  });

  it('does not fire what was cancelled, and repeats until cancelled', async () => {
    const clock = new VirtualClock(0);
    let ticks = 0;
    clock.after(5, () => ticks++).cancel();
    const every = clock.every(10, () => {
      if (++ticks === 3) every.cancel();
    });
    await clock.advance(1000);
    expect(ticks).toBe(3);
    expect(clock.nextDue()).toBeUndefined();
  });

  it('sleeps until the signal aborts', async () => {
    const clock = new VirtualClock(0);
    const abort = new AbortController();
    const slept = clock.sleep(1000, abort.signal);
    abort.abort(new Error('stop'));
    await expect(slept).rejects.toThrow('stop');
  });

  it('says so when the work never ends', async () => {
    let turns = 0;
    await expect(quiesce(() => ++turns > 2_000_000)).rejects.toThrow('work without end');
  });
});

describe('times', () => {
  it('are written as metav1.Time and metav1.MicroTime', () => {
    expect(formatTime(Date.UTC(2026, 1, 3, 4, 5, 6, 789))).toBe('2026-02-03T04:05:06Z');
    expect(formatMicroTime(Date.UTC(2026, 1, 3, 4, 5, 6, 789))).toBe('2026-02-03T04:05:06.789000Z');
  });

  it('a timer further away than the platform allows does not fire at once', async () => {
    let fired = false;
    const timer = realClock.after(2 ** 31 + 1000, () => {
      fired = true;
    });
    await realClock.sleep(5);
    timer.cancel();
    expect(fired).toBe(false);
  });
});
