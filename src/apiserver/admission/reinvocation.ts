/** Mutation runs a second time where something changed what an earlier step has already seen (KEP: reinvocationPolicy). */
import type { AdmissionRequest } from './admission.ts';

export interface Reinvocation {
  /** True in the second run. */
  again: boolean;
  /** A step asks for the second run: the object changed after an earlier step that wants to see changes. */
  wanted: boolean;
  /** Steps that want to see later changes, with the object's JSON after they ran. */
  readonly seen: Map<string, string>;
  /** Steps that are run again. */
  readonly due: Set<string>;
}

const states = new WeakMap<AdmissionRequest, Reinvocation>();

/** The state of a request; made on first use. */
export function reinvocationOf(request: AdmissionRequest): Reinvocation {
  let state = states.get(request);
  if (!state) {
    state = { again: false, wanted: false, seen: new Map(), due: new Set() };
    states.set(request, state);
  }
  return state;
}

/** Ends the first run: true when a second has to follow. */
export function beginSecondRun(request: AdmissionRequest): boolean {
  const state = states.get(request);
  if (!state || state.again || state.seen.size === 0) return false;
  const now = JSON.stringify(request.object);
  for (const [step, json] of state.seen) if (json !== now) state.due.add(step);
  state.again = true;
  return state.due.size > 0;
}

/** Whether a step has to run: always in the first run, in the second only if it is due. */
export const mayRun = (request: AdmissionRequest, step: string): boolean => {
  const state = states.get(request);
  return !state?.again || state.due.has(step);
};
