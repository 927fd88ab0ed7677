/** Events are told once there is nothing more urgent: placing pods comes before telling about it. */
import type { EventRecorder } from '../client/events.ts';

/** Events that are held back at most; then the oldest are told at once. */
const maxHeld = 20_000;
/** Events told in one go: fewer than a recorder drops. They are waited for, then others get their turn. */
const batch = 100;

export interface PatientEvents extends EventRecorder {
  /** Whether events are still to be told. */
  readonly idle: boolean;
  /** The scheduler has nothing more urgent to do: tells what was held back, as long as that stays so. */
  tell(): void;
}

/** @param isBusy whether pods are being placed */
export function holdEvents(events: EventRecorder, isBusy: () => boolean): PatientEvents {
  let held: (() => void)[] = [];
  let next = 0;
  let telling = false;

  async function tell(): Promise<void> {
    if (telling) return;
    telling = true;
    while (held.length > 0) {
      await new Promise(setImmediate);
      if (isBusy()) break;
      for (let i = 0; i < batch && next < held.length; i++) held[next++]!();
      if (next === held.length) {
        held = [];
        next = 0;
      }
      await events.settled?.();
    }
    telling = false;
  }

  return {
    get idle() {
      return held.length === 0 && !telling;
    },
    tell: () => void tell(),
    event(...details) {
      held.push(() => events.event(...details));
      if (held.length - next > maxHeld) held[next++]!();
      void tell();
    },
  };
}
