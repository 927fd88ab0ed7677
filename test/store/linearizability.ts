/** What a client did to one key. Values are unique, so that a value tells which write made it. */
export interface Operation {
  readonly client: string;
  readonly key: string;
  readonly kind: 'write' | 'read';
  /** Of a write: the value (null: delete). Of a read: what it returned. */
  readonly value: string | null;
  /** Of a compare-and-set: the value that had to be there (null: nothing); undefined: any. */
  readonly expected?: string | null;
  /** A compare-and-set that lost saw this instead. */
  readonly found?: string | null;
  readonly outcome: 'ok' | 'conflict' | 'unknown';
  readonly called: number;
  /** Infinity when it never returned: it may have taken effect at any time, or never. */
  readonly returned: number;
}

/** The value of a key after an operation took effect on it, or undefined when it cannot have at that point. */
function apply(state: string | null, operation: Operation): { readonly state: string | null } | undefined {
  const { kind, value, expected, outcome, found } = operation;
  if (kind === 'read') return state === value ? { state } : undefined;
  if (outcome === 'conflict') return state === found && state !== expected ? { state } : undefined;
  if (expected !== undefined && state !== expected) return outcome === 'unknown' ? { state } : undefined;
  return { state: value };
}

/**
 * Whether some order of the operations of one key explains what every client saw and contradicts no clock: the search of
 * Wing and Gong with Lowe's memory of states that led nowhere. Operations that overlap may go in either order.
 */
export function isLinearizable(history: readonly Operation[]): boolean {
  const operations = history.toSorted((a, b) => a.called - b.called);
  const done = new Uint8Array(operations.length);
  const seen = new Set<string>();
  const stack: { readonly at: number; readonly before: string | null }[] = [];
  let state: string | null = null;
  let left = operations.filter((each) => each.returned !== Number.POSITIVE_INFINITY).length;
  let from = 0;
  for (;;) {
    if (left === 0) return true;
    let deadline = Number.POSITIVE_INFINITY;
    for (let i = 0; i < operations.length; i++) {
      if (!done[i] && operations[i]!.returned < deadline) deadline = operations[i]!.returned;
    }
    let moved = false;
    for (let at = from; at < operations.length && operations[at]!.called <= deadline; at++) {
      if (done[at]) continue;
      const next = apply(state, operations[at]!);
      if (!next) continue;
      done[at] = 1;
      const memory = `${next.state} ${done.join('')}`;
      if (seen.has(memory)) {
        done[at] = 0;
        continue;
      }
      seen.add(memory);
      stack.push({ at, before: state });
      state = next.state;
      if (operations[at]!.returned !== Number.POSITIVE_INFINITY) left--;
      moved = true;
      break;
    }
    if (moved) {
      from = 0;
      continue;
    }
    const undone = stack.pop();
    if (!undone) return false;
    done[undone.at] = 0;
    state = undone.before;
    if (operations[undone.at]!.returned !== Number.POSITIVE_INFINITY) left++;
    from = undone.at + 1;
  }
}
