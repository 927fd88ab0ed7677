/** Says where two objects differ, for messages about what an update may not change. */

/** One line per field, old value before new: `  spec.hostNetwork: - true + false`. At most twenty of them. */
export function describeDifference(old: unknown, value: unknown): string {
  const lines: string[] = [];
  collect(old, value, { path: '', lines });
  const shown = lines.slice(0, 20);
  return [...shown, ...(lines.length > 20 ? [`  … and ${lines.length - 20} more`] : [])].join('\n');
}

function collect(old: unknown, value: unknown, { path, lines }: { path: string; lines: string[] }): void {
  if (old === value) return;
  if (!isComposite(old) || !isComposite(value) || Array.isArray(old) !== Array.isArray(value)) {
    lines.push(`  ${path || '.'}: - ${show(old)} + ${show(value)}`);
    return;
  }
  const list = Array.isArray(old);
  for (const key of new Set([...Object.keys(old), ...Object.keys(value)])) {
    const inner = list ? `${path}[${key}]` : path ? `${path}.${key}` : key;
    collect(old[key], value[key], { path: inner, lines });
  }
}

const isComposite = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const show = (value: unknown): string => (value === undefined ? '(unset)' : JSON.stringify(value));
