/** The storage class of claims that name none. */

import type { Shared } from '../../api/kind.ts';
import type { StorageClass } from '../../api/storage/storage-class.ts';
import { parseTime } from '../../base/clock.ts';
import type { Claim } from './matching.ts';

/** Whether a claim says which class it wants, be it none (`""`). */
export const hasStorageClass = ({ metadata, spec }: Claim): boolean =>
  spec.storageClassName !== undefined ||
  metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined;

export const isDefaultClass = ({ metadata }: Shared<StorageClass>): boolean =>
  ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'].some(
    (name) => metadata.annotations?.[name] === 'true',
  );

/** The newest of the classes that are marked as default; of several of one age the first by name. */
export function defaultClass(classes: readonly Shared<StorageClass>[]): Shared<StorageClass> | undefined {
  return classes
    .filter(isDefaultClass)
    .sort(
      ({ metadata: a }, { metadata: b }) =>
        parseTime(b.creationTimestamp) - parseTime(a.creationTimestamp) || (a.name < b.name ? -1 : 1),
    )[0];
}
