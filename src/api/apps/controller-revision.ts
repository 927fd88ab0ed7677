import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { validateNonNegative } from '../core/field-rules.ts';
import { defineKind, type Shared } from '../kind.ts';
import { required } from '../machinery/field-error.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type * as apps from '../types/apps-v1.ts';

/** An immutable snapshot of a controller's state. */
export type ControllerRevision = apps.ControllerRevision;

/** apps/v1 ControllerRevision. */
export const ControllerRevision = defineKind<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  scope: 'Namespaced',
  schema: 'apps/v1.ControllerRevision',
  validate: ({ data, revision }) => [
    ...(data === undefined ? [required('data', 'data is mandatory')] : []),
    ...validateNonNegative(revision, 'revision'),
  ],
  validateUpdate: (revision, old) => validateImmutable(revision.data, old.data, 'data'),
  columns: [nameColumn, textColumn('Controller', controller), textColumn('Revision', (r) => r.revision), ageColumn],
  allowUnconditionalUpdate: true,
});

function controller({ metadata }: Shared<ControllerRevision>): string {
  const owner = metadata.ownerReferences?.find((o) => o.controller);
  if (!owner) return '<none>';
  const [group] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [''];
  return `${owner.kind.toLowerCase()}${group ? `.${group}` : ''}/${owner.name}`;
}
