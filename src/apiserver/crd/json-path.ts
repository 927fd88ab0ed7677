/** The simple JSON paths of printer columns and selectable fields: `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`. */

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly operator: string; readonly value: unknown };

/** Throws SyntaxError for what cannot be read. */
export function parseJsonPath(text: string): readonly Step[] {
  const steps: Step[] = [];
  let rest = text.trim().replace(/^\$/, '');
  while (rest !== '') {
    const found =
      /^\.((?:[^.[\\]|\\.)+)/.exec(rest) ??
      /^\['((?:[^'\\]|\\.)*)'\]/.exec(rest) ??
      /^\["((?:[^"\\]|\\.)*)"\]/.exec(rest);
    if (found) {
      const name = found[1]!.replace(/\\(.)/g, '$1');
      steps.push(name === '*' ? { kind: 'all' } : { kind: 'field', name });
      rest = rest.slice(found[0].length);
      continue;
    }
    const index = /^\[(-?\d+)\]/.exec(rest);
    const all = /^\[\*\]/.exec(rest);
    const filter = /^\[\?\(\s*@((?:\.[\w-]+)+)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*\)\]/.exec(rest);
    if (index) steps.push({ kind: 'index', index: Number(index[1]) });
    else if (all) steps.push({ kind: 'all' });
    else if (filter)
      steps.push({ kind: 'filter', path: parseJsonPath(filter[1]!), operator: filter[2]!, value: literal(filter[3]!) });
    else throw new SyntaxError(`unexpected ${JSON.stringify(rest)} in the JSON path ${JSON.stringify(text)}`);
    rest = rest.slice((index ?? all ?? filter)![0].length);
  }
  return steps;
}

function literal(text: string): unknown {
  const quoted = /^(['"])(.*)\1$/.exec(text);
  if (quoted) return quoted[2];
  if (text === 'true' || text === 'false') return text === 'true';
  return Number.isNaN(Number(text)) ? text : Number(text);
}

/** All values at the path. */
export function findJsonPath(steps: readonly Step[], object: unknown): unknown[] {
  let found: unknown[] = [object];
  for (const step of steps) found = found.flatMap((value) => follow(step, value));
  return found;
}

function follow(step: Step, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  switch (step.kind) {
    case 'field': {
      const next = (value as Record<string, unknown>)[step.name];
      return next === undefined ? [] : [next];
    }
    case 'index': {
      const next = Array.isArray(value) ? value.at(step.index) : undefined;
      return next === undefined ? [] : [next];
    }
    case 'all':
      return Array.isArray(value) ? value : Object.values(value);
    case 'filter':
      return Array.isArray(value) ? value.filter((item) => passes(step, item)) : [];
  }
}

function passes(step: Step & { kind: 'filter' }, item: unknown): boolean {
  const [left] = findJsonPath(step.path, item);
  const right = step.value;
  switch (step.operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return (left as number) < (right as number);
    case '<=':
      return (left as number) <= (right as number);
    case '>':
      return (left as number) > (right as number);
    default:
      return (left as number) >= (right as number);
  }
}
