import { formatTime } from '../../base/clock.ts';
import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind, type Shared } from '../kind.ts';
import { at, child, type FieldError, invalid, required } from '../machinery/field-error.ts';
import { dns1123Subdomain } from '../machinery/names.ts';
import type * as apiserverinternal from '../types/apiserverinternal-v1alpha1.ts';

/** In which version each API server stores the objects of a resource. Its name is `<group>.<resource>`. */
export type StorageVersion = apiserverinternal.StorageVersion;

type Status = Shared<apiserverinternal.StorageVersionStatus>;
type Entries = readonly Shared<apiserverinternal.ServerStorageVersion>[];

/** The version that all servers store objects in; undefined when they differ, or when there are none. */
const commonVersion = (entries: Entries): string | undefined =>
  new Set(entries.map(({ encodingVersion }) => encodingVersion)).size === 1 ? entries[0]!.encodingVersion : undefined;

/** The status with these servers' entries, and what follows from them. */
export function withServers(status: Status, entries: Entries, now: number): Status {
  const common = commonVersion(entries);
  const old = status.conditions?.find(({ type }) => type === 'AllEncodingVersionsEqual');
  const condition = {
    type: 'AllEncodingVersionsEqual',
    status: common === undefined ? 'False' : 'True',
    reason: common === undefined ? 'CommonEncodingVersionUnset' : 'CommonEncodingVersionSet',
    message: common === undefined ? 'Common encoding version unset' : 'Common encoding version set',
  };
  const lastTransitionTime =
    old?.status === condition.status && old.lastTransitionTime ? old.lastTransitionTime : formatTime(now);
  return {
    storageVersions: entries,
    ...(common === undefined ? {} : { commonEncodingVersion: common }),
    conditions: [{ ...condition, lastTransitionTime }],
  };
}

function validateStatus({ storageVersions = [], commonEncodingVersion }: Status): FieldError[] {
  const errors = storageVersions.flatMap((entry, i) => {
    const path = at('status.storageVersions', i);
    const { apiServerID = '', encodingVersion = '', decodableVersions = [] } = entry;
    return [
      ...dns1123Subdomain(apiServerID).map((why) => invalid(child(path, 'apiServerID'), apiServerID, why)),
      ...(encodingVersion ? [] : [required(child(path, 'encodingVersion'))]),
      ...(decodableVersions.includes(encodingVersion)
        ? []
        : [invalid(path, decodableVersions, `decodableVersions must include encodingVersion ${encodingVersion}`)]),
    ];
  });
  const common = commonVersion(storageVersions);
  if (commonEncodingVersion === common) return errors;
  const path = 'status.commonEncodingVersion';
  return [
    ...errors,
    common === undefined
      ? invalid(
          path,
          commonEncodingVersion,
          'should be null if servers do not agree on the same encoding version, or if there is no server reporting the supported versions yet',
        )
      : invalid(path, commonEncodingVersion ?? null, `the common encoding version is ${common}`),
  ];
}

/** internal.apiserver.k8s.io/v1alpha1 StorageVersion; off by default, as upstream's alpha versions are. */
export const StorageVersion = defineKind<StorageVersion>({
  group: 'internal.apiserver.k8s.io',
  version: 'v1alpha1',
  kind: 'StorageVersion',
  plural: 'storageversions',
  scope: 'Cluster',
  schema: 'apiserverinternal/v1alpha1.StorageVersion',
  servedByDefault: false,
  subresources: { status: true },
  validateName: (name) =>
    name.includes('.') ? dns1123Subdomain(name) : ['name must be in the form of <group>.<resource>'],
  validateStatusUpdate: ({ status }) => validateStatus(status),
  columns: [
    nameColumn,
    textColumn('CommonEncodingVersion', ({ status }) => status.commonEncodingVersion ?? '<unset>'),
    textColumn(
      'StorageVersions',
      ({ status }) =>
        (status.storageVersions ?? [])
          .map(({ apiServerID, encodingVersion }) => `${apiServerID}=${encodingVersion}`)
          .join(',') || '<unset>',
    ),
    ageColumn,
  ],
});
