/** Conflicts of server-side apply, worded as upstream's. */
import { StatusError } from '../status.ts';
import { pathText } from './field-set.ts';
import type { Managed } from './managers.ts';

/** A field that a configuration would change and another manager owns. */
export interface Conflict {
  readonly manager: Managed;
  readonly path: readonly string[];
}

/** `"kubectl-edit" using apps/v1`. */
function managerText({ manager, subresource, operation, apiVersion }: Managed): string {
  const name = JSON.stringify(manager) + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '');
  return operation === 'Apply' ? name : `${name} using ${apiVersion}`;
}

/** 409 with a FieldManagerConflict cause for each field. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(manager)}`,
    field: pathText(path),
  }));
  return new StatusError('Conflict', conflictMessage(conflicts), { causes });
}

function conflictMessage(conflicts: readonly Conflict[]): string {
  const [only] = conflicts;
  if (conflicts.length === 1 && only) {
    return `Apply failed with 1 conflict: conflict with ${managerText(only.manager)}: ${pathText(only.path)}`;
  }
  const byManager = Map.groupBy(conflicts, ({ manager }) => managerText(manager));
  const lines = [...byManager.keys()]
    .sort()
    .flatMap((manager) => [
      `conflicts with ${manager}:`,
      ...byManager.get(manager)!.map(({ path }) => `- ${pathText(path)}`),
    ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}
