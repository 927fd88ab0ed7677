import { deepEqual } from '../../base/deep.ts';
import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import { type FieldError, invalid, required } from '../machinery/field-error.ts';
import type * as storagemigration from '../types/storagemigration-v1beta1.ts';

/** A wish that all objects of a resource are written anew, in the version that they are stored in now. */
export type StorageVersionMigration = storagemigration.StorageVersionMigration;

/** storagemigration.k8s.io/v1beta1 StorageVersionMigration; off by default, as upstream's beta versions are. */
export const StorageVersionMigration = defineKind<StorageVersionMigration>({
  group: 'storagemigration.k8s.io',
  version: 'v1beta1',
  kind: 'StorageVersionMigration',
  plural: 'storageversionmigrations',
  scope: 'Cluster',
  schema: 'storagemigration/v1beta1.StorageVersionMigration',
  servedByDefault: false,
  subresources: { status: true },
  validate({ spec: { resource } }) {
    return resource.resource ? [] : [required('spec.resource.resource', 'resource is required')];
  },
  validateUpdate(migration, old) {
    return deepEqual(migration.spec, old.spec) ? [] : [invalid('spec', migration.spec, 'field is immutable')];
  },
  validateStatusUpdate({ status }, old) {
    const errors: FieldError[] = [];
    const before = old.status.resourceVersion;
    if (before && status.resourceVersion !== before)
      errors.push(invalid('status.resourceVersion', status.resourceVersion, 'field is immutable'));
    const ends = (status.conditions ?? []).filter(
      ({ type, status: is }) => /^(Succeeded|Failed)$/.test(type) && is === 'True',
    );
    if (ends.length > 1)
      errors.push(
        invalid('status.conditions', ends, 'Both success and failed conditions cannot be true at the same time'),
      );
    return errors;
  },
  columns: [
    nameColumn,
    textColumn('Resource', ({ spec: { resource: r } }) => (r.group ? `${r.resource}.${r.group}` : r.resource)),
    ageColumn,
  ],
});
